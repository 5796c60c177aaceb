"""What docs/api.md shows is done, block after block, against a program that is built of its pipeline."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, serving
from tests.e2e.world import PATIENCE_SECONDS, World

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
SHOWN = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OUTPUTS = ("text", "json")

pytestmark = pytest.mark.slow


def blocks() -> list[tuple[str, str, str]]:
    """The language of each block that does something, its text, and what it is said to print: `…` for anything."""
    found = SHOWN.findall(DOCUMENT.read_text(encoding="utf-8"))
    return [
        (language, text, found[index + 1][1] if index + 1 < len(found) and found[index + 1][0] in OUTPUTS else "")
        for index, (language, text) in enumerate(found)
        if language not in OUTPUTS
    ]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serving]:
    (source,) = [text for language, text, _ in blocks() if language == "ppd"]
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "pipeline.ppd").write_text(source, encoding="utf-8")
    world = World(tmp_path)
    try:
        with serving(world, folder / "pipeline.ppd", "start") as program:
            yield program
    finally:
        world.end()


def said_by_shell(served: Serving, script: str) -> str:
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=served.world.folder,
        env=served.world.environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_does_what_it_says(served: Serving) -> None:
    names: dict[str, object] = {}
    done: list[str] = []
    for language, text, wanted in blocks():
        script = text.replace("http://127.0.0.1:9321", served.url)
        if language == "sh":
            printed = said_by_shell(served, script)
        elif language == "python":
            stream = io.StringIO()
            with redirect_stdout(stream):
                exec(compile(script, str(DOCUMENT), "exec"), names)
            printed = stream.getvalue()
        else:
            continue
        done.append(language)
        pattern = ".*".join(map(re.escape, wanted.rstrip("\n").split("…")))
        assert re.fullmatch(pattern, printed.rstrip("\n"), re.DOTALL), f"{text}\nprinted\n{printed}"
    assert done.count("python") >= 7
    assert done.count("sh") >= 7
