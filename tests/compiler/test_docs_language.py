"""The examples of `docs/language.md` are sound and in their one form, whatever the modules that they import are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.format import format_source
from ppc.parse import parse
from ppc.source import Source

TEXT = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```ppd\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
(SCHEDULE,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def modules(tmp_path: Path) -> CallableFinder:
    """What the examples import: modules that may have any name."""
    for name in {module for example in EXAMPLES for module in re.findall(r"\bshop\.\w+", example)}:
        file = tmp_path / f"{name.replace('.', '/')}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text("def __getattr__(name: str) -> object: ...\n", encoding="utf-8")
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "calendars.py").write_text(SCHEDULE, encoding="utf-8")
    return CallableFinder([tmp_path], [])


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.partition("dag ")[2].split()[0])
def test_an_example_is_sound(text: str, modules: CallableFinder) -> None:
    source = Source("example.ppd", text)
    module, faults = parse(source)
    program, found = compile_program("example", [(source, module)], callables=modules, faults=faults)
    assert (found, program is None) == ((), False)
    assert format_source(source).text == text


def test_the_schedule_written_in_python_is_one(modules: CallableFinder) -> None:
    source = Source("example.ppd", "import calendars\ndag d {\n  schedule = calendars.Workdays\n  task a = empty()\n}")
    _, found = compile_program("example", [(source, parse(source)[0])], callables=modules)
    assert found == ()
    names: dict[str, Any] = {"datetime": datetime, "timedelta": timedelta}
    exec(SCHEDULE, names)
    schedule = names["Workdays"]()
    thursday = datetime(2026, 1, 1, 12, tzinfo=UTC)
    following = [schedule.next(thursday, None)]
    for _ in range(2):
        following.append(schedule.next(following[-1], following[-1]))
    assert [due.isoformat() for due in following] == [f"2026-01-0{day}T07:00:00+00:00" for day in (2, 5, 6)]
