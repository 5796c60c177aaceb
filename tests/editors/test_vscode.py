"""What the extension for VS Code declares is there, and says what the compiler says."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from ppc.cli import main
from ppc.parse import parse
from ppc.source import Source
from tests.editors.truth import ROOT

EXTENSION = ROOT / "grammar/vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
CONTRIBUTED = MANIFEST["contributes"]
SNIPPETS = json.loads((EXTENSION / "snippets.json").read_text(encoding="utf-8"))
OF_A_FILE = {"dag", "template", "defaults", "pool", "notifier"}


def test_what_the_manifest_names_is_there() -> None:
    places = [language["configuration"] for language in CONTRIBUTED["languages"]]
    places += [part["path"] for kind in ("grammars", "snippets") for part in CONTRIBUTED[kind]]
    assert len(places) == 3
    for place in places:
        json.loads((EXTENSION / place).read_text(encoding="utf-8"))


def test_the_licence_is_that_of_the_project() -> None:
    assert (EXTENSION / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_as_it_stands_is_sound(name: str) -> None:
    body = SNIPPETS[name]["body"]
    text = body if isinstance(body, str) else "\n".join(body)
    text = re.sub(r"\$\{\d+\|([^,|]*)[^|]*\|\}", r"\1", text)
    text = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", text).replace("$0", "")
    assert "$" not in text
    whole = text if name in OF_A_FILE else f"dag d {{\n{text}\n}}"
    assert parse(Source(name, whole))[1] == ()


def test_the_problem_matcher_reads_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = tmp_path / "broken.ppd"
    pipeline.write_text('dag d {\n  task a = shel("x")\n  a -> c\n}\nlet unused = 1\n', encoding="utf-8")
    assert main(["check", str(pipeline)]) == 1
    first, second = (re.compile(line["regexp"]) for line in CONTRIBUTED["problemMatchers"][0]["pattern"])
    lines = capsys.readouterr().err.splitlines()
    found = [
        (head[1], head[2], place[1], place[2], place[3])
        for above, below in pairwise(lines)
        if (head := first.match(above)) and (place := second.match(below))
    ]
    assert found == [
        ("error", "E203", str(pipeline), "2", "12"),
        ("error", "E202", str(pipeline), "3", "8"),
        ("warning", "W202", str(pipeline), "5", "5"),
    ]


@pytest.mark.parametrize(
    ("line", "deeper"),
    [
        ("dag d {", True),
        ("  task a = f(  # why", True),
        ('  task a = f("{")', False),
        ("  a -> b  # {", False),
        ('  task a = f("x", [', True),
    ],
)
def test_the_line_after_an_open_bracket_is_deeper(line: str, *, deeper: bool) -> None:
    rules = json.loads((EXTENSION / "language-configuration.json").read_text(encoding="utf-8"))["indentationRules"]
    assert bool(re.search(rules["increaseIndentPattern"], line)) is deeper
