"""The references are those of the tables that they are made of, the examples' pages those of the examples."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import ppacer.testing
from ppacer import client
from ppacer.cli.commands import COMMANDS
from ppacer.client import Client
from ppacer.config import SETTINGS
from ppacer.web.metrics import METRICS
from ppc import cli, explanations
from ppc.callables import BUILT_IN_TASKS
from ppc.settings import DAG_SETTINGS, TASK_SETTINGS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    found: dict[str, str] = {}
    for script in ("make_references.py", "make_python_references.py"):
        found |= runpy.run_path(str(DOCS / script))["texts"]()
    return found


def test_the_references_are_current(made: dict[str, str]) -> None:
    stored = {file.name: file.read_text(encoding="utf-8") for file in (DOCS / "reference").iterdir()}
    stale = sorted(name for name in made.keys() | stored.keys() if made.get(name) != stored.get(name))
    assert stale == [], "run `python docs/make_references.py` and `python docs/make_python_references.py`"


def test_they_leave_nothing_out(made: dict[str, str]) -> None:
    assert re.findall(r"^## ([EW]\d{3}):", made["errors.md"], re.MULTILINE) == explanations.codes()
    assert re.findall(r"^## `(\w+)`$", made["tasks.md"], re.MULTILINE) == list(BUILT_IN_TASKS)
    assert re.findall(r"^## `ppc (\w+)`$", made["ppc.md"], re.MULTILINE) == list(cli._COMMANDS)
    assert re.findall(r"^## `(\w+)`$", made["program.md"], re.MULTILINE) == list(COMMANDS)
    assert all(f"| `{setting.flag} " in made["program.md"] for setting in SETTINGS)
    assert all(f"| `{name}` |" in made["settings.md"] for name in (*TASK_SETTINGS, *DAG_SETTINGS))
    assert all(f"| `{metric.name}` |" in made["metrics.md"] for metric in METRICS)
    assert len(re.findall(r"^## `(?:GET|POST) /", made["http-api.md"], re.MULTILINE)) > 50


def test_all_of_the_client_is_told(made: dict[str, str]) -> None:
    public = {name for name in dir(Client) if not name.startswith("_")}
    assert set(re.findall(r"^### `(\w+)`$", made["client.md"], re.MULTILINE)) == public
    assert set(re.findall(r"^\| `(\w+Error)` \|", made["client.md"], re.MULTILINE)) == {*client.__all__} - {"Client"}
    assert all(f"[{name}](http-api.md#{name.lower()})" in made["client.md"] for name in ("RunDetail", "LogPage"))


def test_what_documents_and_examples_import_is_told(made: dict[str, str]) -> None:
    told = set(re.findall(r"^### `(\w+)`$", made["python.md"], re.MULTILINE)) | {*client.__all__}
    places = (*DOCS.glob("*.md"), *DOCS.glob("howto/*.md"), *(DOCS.parent / "examples").glob("*/*.py"))
    text = "\n".join(place.read_text(encoding="utf-8") for place in places)
    imported = re.findall(r"^ *from ppacer[\w.]* import ([\w, ]+)$", text, re.MULTILINE)
    assert {name.strip() for names in imported for name in names.split(",")} - told == set()
    assert {*ppacer.testing.__all__} - told == {"DEFAULT_AT", "Moment", "UNKNOWN"}, "values, which the text tells of"


def test_pages_of_codes_keep_their_code(made: dict[str, str]) -> None:
    """A comment in Python begins as a head does in Markdown."""
    for code in explanations.codes():
        page = explanations.page(code)
        for block in re.findall(r"^```\w+[^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            assert block in made["errors.md"], code


def test_each_example_has_a_page_with_its_code() -> None:
    made = runpy.run_path(str(DOCS / "make_examples.py"))
    stored = {file.name: file.read_text(encoding="utf-8") for file in (DOCS / "examples").iterdir()}
    assert made["texts"]() == stored, "run `python docs/make_examples.py`"
    examples = DOCS.parent / "examples"
    sources = [source.relative_to(examples) for source in (*examples.glob("*.ppd"), *examples.glob("*/*.ppd"))]
    pages = {f"{source.parts[0].removesuffix('.ppd')}.md": source.as_posix() for source in sources}
    assert pages.keys() | {"index.md"} == stored.keys()
    assert [source for page, source in pages.items() if f"../../examples/{source}\n" not in stored[page]] == []
