"""What stands in the documents' code blocks is code: commands are taken as they are written, data can be read.

Many blocks are run besides: those of the README, the tutorial, the how-tos, `api.md`, `ppc.md`, `testing.md`,
`language.md` and the examples, by tests of their own.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ppacer.cli import arguments
from ppacer.config import ENVIRONMENT_PREFIX, SETTINGS
from ppacer.spec import Program
from ppc.cli import _COMMANDS, _parser
from ppc.parse import parse
from ppc.source import Source

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    {
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/howto/*.md"),
        *ROOT.glob("examples/**/*.md"),
        *ROOT.glob("grammar/*.md"),
        *ROOT.glob("grammar/*/*.md"),
    }
)
"""All that somebody has written; what is in `docs/reference/` is made of what else is tested."""

BLOCK = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

ELSEWHERE = {
    "text",  # what commands print, and files that have no language; compared where the command is run
    "mermaid",  # the pictures of states.md, made of the tables: tests/runtime/core/test_states_doc.py
    "sql",  # what an administrator does once for the database
    "lua",  # the set-up of Neovim: docs/editors.md
    "nginx",  # the set-up of a proxy: docs/security.md
}
"""Languages of blocks of which this file does not say what they have to be."""


def blocks(*languages: str) -> list[tuple[str, str]]:
    """Where each block of these languages begins, and its text."""
    found = []
    for document in DOCUMENTS:
        content = document.read_text(encoding="utf-8")
        for block in BLOCK.finditer(content):
            if block[1] in languages:
                line = content[: block.start()].count("\n") + 1
                found.append((f"{document.relative_to(ROOT).as_posix()}:{line}", block[2]))
    return found


def lines() -> list[tuple[str, str]]:
    """Every command line of a shell that is written in a block, without what it prints."""
    found = [(place, line) for place, text in blocks("sh") for line in text.replace("\\\n", " ").splitlines()]
    for place, text in blocks("console"):
        typed = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
        found += [(place, line) for line in typed or text.splitlines()]
    return found


def commands() -> list[tuple[str, list[str]]]:
    """Where each command stands that is the compiler's or a program's, and its words from its name on: whatever it is
    run by (`sudo`, `docker exec …`), with whichever variables."""
    name = re.compile(r"(?:\S*/)?(?:ppc|python3?)|\./pipeline")
    return [
        (place, words[at:])
        for place, line in lines()
        for words in simple_commands(line)
        for at in [next((at for at, word in enumerate(words) if name.fullmatch(word)), None)]
        if at is not None
    ]


def simple_commands(line: str) -> list[list[str]]:
    """The words of each command of a line. What is quoted over several lines is left out."""
    split = shlex.shlex(line, posix=True, punctuation_chars=True)
    split.whitespace_split = True
    split.commenters = "#"
    found: list[list[str]] = [[]]
    try:
        for word in split:
            if set(word) <= set("();<>|&"):
                found.append([])
            else:
                found[-1].append(word)
    except ValueError:
        return []
    return found


def of_the_compiler() -> list[tuple[str, list[str]]]:
    return [(place, words[1:]) for place, words in commands() if words[0].endswith("ppc")]


def of_a_program() -> list[tuple[str, list[str]]]:
    """A program is what is not beside the document: that is a module of an example."""
    found = [(place, words[1:]) for place, words in commands() if "python" in words[0]]
    found += [(place, words) for place, words in commands() if words[0] == "./pipeline"]
    return [
        (place, words)
        for place, words in found
        if re.fullmatch(r"[\w./-]+\.pyz?|\./pipeline", words[0])
        and not ((ROOT / place.partition(":")[0]).parent / words[0]).exists()
    ]


def test_they_are_found() -> None:
    assert len(of_the_compiler()) >= 30
    assert len(of_a_program()) >= 40
    assert simple_commands("T=$(a b) && c 'd; e' | f # g") == [["T=$"], ["a", "b"], [], ["c", "d; e"], ["f"]]


@pytest.mark.parametrize(("place", "words"), of_the_compiler(), ids=lambda part: str(part)[:60])
def test_the_compiler_takes_each_command(place: str, words: list[str]) -> None:
    assert words[0] in {*_COMMANDS, "--help", "--version"}, place
    if words[0] in _COMMANDS:
        taken(lambda: _parser(words[0]).parse_args(words[1:]))


@pytest.mark.parametrize(("place", "words"), of_a_program(), ids=lambda part: str(part)[:60])
def test_a_program_takes_each_command(place: str, words: list[str]) -> None:
    assert place
    program = Program("p", "00" * 32, "0", (), (), ())
    given = [word.strip("[]") for word in words[1:]]
    taken(lambda: arguments.parse(program, Path(words[0]), given))


def taken(parse_them: Callable[[], object]) -> None:
    """Help and versions end what asks for them, well."""
    try:
        parse_them()
    except SystemExit as ended:
        assert ended.code == 0  # noqa: PT017 (it need not be raised)


def test_each_language_of_a_block_is_known() -> None:
    looked_at = {"sh", "console", "ppd", "python", "json", "yaml", "toml", "ini"} | ELSEWHERE
    told = {
        f"{document.relative_to(ROOT)}: {block[1]}"
        for document in DOCUMENTS
        for block in BLOCK.finditer(document.read_text(encoding="utf-8"))
        if not block[1].startswith("{") and block[1] not in looked_at
    }
    assert told == set()


def test_data_can_be_read_and_python_parsed() -> None:
    for place, text in blocks("json"):
        assert json.loads(text), place
    for place, text in blocks("yaml"):
        assert isinstance(yaml.safe_load(text), dict), place
    for place, text in blocks("toml"):
        assert tomllib.loads(text), place
    for place, text in blocks("python"):
        assert ast.parse(text).body, place


def test_pipelines_parse() -> None:
    for place, text in blocks("ppd"):
        assert list(parse(Source(place, text))[1]) == [], place


def test_variables_of_programs_are_ones() -> None:
    """Those of secrets have names of the user's, and compose has one of its own."""
    known = {f"{ENVIRONMENT_PREFIX}{setting.name.upper()}" for setting in SETTINGS} | {"PPACER_EXECUTOR_TOKEN"}
    told = {
        (place, name)
        for place, text in blocks("sh", "console", "ini", "yaml")
        for name in re.findall(rf"\b{ENVIRONMENT_PREFIX}(?!SECRET_)[A-Z_]+", text)
        if name not in known
    }
    assert told == set()


def test_a_database_is_made_alike_wherever_that_is_told() -> None:
    (how_to,) = [text for place, text in blocks("sql") if "postgresql" in place]
    (operations,) = [text for place, text in blocks("sql") if "operations" in place]
    assert how_to in operations
