"""`docs/language.md` tells every built-in task with all its arguments, and its example is sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ppc.callables import BUILT_IN_TASKS, CallableFinder, FoundCallable
from ppc.cli import main
from ppc.signatures import ParameterKind

TEXT = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("## Built-in tasks\n")[2].partition("\n## ")[0]


def rows(name: str) -> str:
    """What the tables say of a task: of its arguments too, which follow below its name."""
    found, of = [], ""
    for line in SECTION.splitlines():
        if line.startswith("|"):
            first = line.split("|")[1].strip()
            of = first or of
            if re.search(rf"`{name}[`(]", of):
                found.append(line)
    return "\n".join(found)


@pytest.mark.parametrize("name", BUILT_IN_TASKS)
def test_every_built_in_task_is_told_with_all_its_arguments(name: str, finder: CallableFinder) -> None:
    task = finder.built_in(name)
    assert isinstance(task, FoundCallable)
    assert task.signature is not None
    assert re.search(rf"^\| `{name}\(", SECTION, re.MULTILINE)
    for parameter in task.signature.parameters:
        told = rows(name) + ("" if parameter.name != "every" else SECTION)
        by_place = re.search(rf"`{name}\([^`]*\b{parameter.name}\b", told)
        assert parameter.kind is ParameterKind.REST or by_place or f"`{parameter.name}" in told, parameter.name


def test_the_example_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"^```ppd\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("a.ppd").write_text(example, encoding="utf-8")
    assert main(["check", "-W", "error", "a.ppd"]) == 0
    assert main(["fmt", "--check", "a.ppd"]) == 0
