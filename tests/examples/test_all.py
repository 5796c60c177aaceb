"""What holds for every example: it is sound, in its one form, told of in the table, and leaves nothing behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ppc.cli import main
from tests.examples.conftest import EXAMPLES

SOURCES = sorted(EXAMPLES.rglob("*.ppd"))
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/*.ppd"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_it_is_sound_and_in_its_one_form(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-W", "error", str(source)]) == 0, capsys.readouterr().err
    assert main(["fmt", "--check", str(source)]) == 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_it_is_told_of(folder: Path) -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"| [{folder.name}]({folder.name}/README.md) |" in table
    readme = (folder / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.(?:ppd|py|csv|sh))`", readme))
    assert f"{folder.name}/{folder.name}.ppd" not in named
    for name in named:
        assert (folder / name).exists() or name.startswith(("out/", "build/")), name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_its_commands_are_those_of_ppc_and_the_program(folder: Path) -> None:
    """Every command of a README builds what is there and runs a dag that is there."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    (source,) = folder.glob("*.ppd")
    dags = re.findall(r"^dag (\w+)", source.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands
    for command in commands:
        for name in re.findall(r"\S+\.ppd", command):
            assert (folder / name).is_file(), command
        for name in re.findall(r"build/(\w+)\.py", command):
            assert name == source.stem, command
        for name in re.findall(rf"build/{source.stem}\.py (?:run|next|trigger) (\w+)", command):
            assert name in dags, command
