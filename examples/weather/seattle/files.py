"""Where the pipeline's files are, and how they are written."""

import os
from pathlib import Path

OUT = Path(__file__).parent.parent / "out"


def write_whole(path: Path, text: str) -> None:
    """Writes beside, then renames: another task never reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8", newline="")
    beside.replace(path)
