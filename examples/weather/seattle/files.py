"""Where the pipeline's files are, and how they are written."""

import os
from pathlib import Path


def out() -> Path:
    """The folder of the results: `out` in the tasks' folder, which is that of the program."""
    return Path.cwd() / "out"


def write_whole(path: Path, text: str) -> None:
    """Writes beside, then renames: another task never reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8", newline="")
    beside.replace(path)
