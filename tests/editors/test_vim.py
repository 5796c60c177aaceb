"""Vim's syntax file says of every token what the compiler says, and its indentation is that of the formatter."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ppc.cli import main
from tests.editors.truth import ROOT, Kind, Piece, sound_files, truth

HERE = Path(__file__).parent / "vim"
PLUGIN = ROOT / "grammar/vim"
FOLDERS = ("examples/", "docs/", "tests/e2e/", "tests/compiler/cases/syntax/")
"""Vim takes its time: it is asked about the longer files, those of people, and of the cases about those of syntax."""
KINDS = {
    **dict.fromkeys(("ppdName", "ppdMember", "ppdFunction", "ppdDeclared", "ppdModule", "ppdArgument"), Kind.NAME),
    **dict.fromkeys(("ppdBuiltIn", "ppdScope", "ppdType", "ppdSetting", "ppdWord"), Kind.NAME),
    **dict.fromkeys(("ppdKeyword", "ppdHandled", "ppdOperatorWord"), Kind.KEYWORD),
    **dict.fromkeys(("ppdString", "ppdFormat", "ppdLongString", "ppdLongFormat"), Kind.STRING),
    **dict.fromkeys(("ppdEscape", "ppdFormatEscape"), Kind.STRING),
    **dict.fromkeys(("ppdFieldEdge", "ppdFormatSpec"), Kind.FIELD),
    **dict.fromkeys(("ppdPunctuation", "ppdPunctuationInside", "ppdFieldPunctuation", "ppdDot"), Kind.PUNCTUATION),
    "ppdConstant": Kind.CONSTANT,
    "ppdOperator": Kind.OPERATOR,
    "ppdNumber": Kind.NUMBER,
    "ppdDuration": Kind.DURATION,
    "ppdDate": Kind.DATE,
    "ppdComment": Kind.COMMENT,
}


def vim(script: Path, **environment: str) -> None:
    command = ["vim", "-es", "-u", "NONE", "-i", "NONE", "-S", str(script)]
    subprocess.run(
        command,
        env=os.environ | environment | {"PPD_VIM": str(PLUGIN)},
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=300,
    )


def ends(text: str, piece: Piece) -> tuple[int, int]:
    """The first and the last character of a token that are no blanks."""
    shown = text[piece.start : piece.end]
    return piece.start + len(shown) - len(shown.lstrip()), piece.start + len(shown.rstrip()) - 1


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and byte, as Vim counts them."""
    begin = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, len(text[begin:offset].encode()) + 1


def groups(texts: Sequence[str], asked: Sequence[Sequence[int]], folder: Path) -> list[list[str]]:
    """The syntax group at each offset of each text."""
    questions = []
    for number, (text, offsets) in enumerate(zip(texts, asked, strict=True)):
        file = folder / f"{number}.ppd"
        file.write_text(text, encoding="utf-8", newline="")
        questions.append({"file": str(file), "places": [place(text, offset) for offset in offsets]})
    (folder / "places.json").write_text(json.dumps(questions), encoding="utf-8")
    vim(HERE / "groups.vim", PPD_PLACES=str(folder / "places.json"), PPD_GROUPS=str(folder / "groups.json"))
    answer: list[list[str]] = json.loads((folder / "groups.json").read_text(encoding="utf-8"))
    return answer


def test_it_agrees_with_the_compiler_over_all_files(tmp_path: Path) -> None:
    files = [(name, text) for name, text in sound_files() if name.startswith(FOLDERS) and "\r" not in text]
    assert len(files) > 40
    tokens = [
        [ends(text, piece) for piece in truth(text) if text[piece.start : piece.end].strip()] for _, text in files
    ]
    offsets = [[offset for token in tokens_of_one for offset in token] for tokens_of_one in tokens]
    found = []
    for (name, text), asked, said in zip(
        files, offsets, groups([text for _, text in files], offsets, tmp_path), strict=True
    ):
        at = dict(zip(asked, (KINDS.get(group) for group in said), strict=True))
        found += mistaken(name, text, at)
    assert found == []


def test_lines_are_indented_as_the_formatter_does(tmp_path: Path) -> None:
    files = [(name, text) for name, text in sound_files() if name.startswith(("examples/", "docs/"))]
    for number, (_, text) in enumerate(files):
        (tmp_path / f"{number}.ppd").write_text(without_indents(text), encoding="utf-8")
    vim(HERE / "indent.vim", PPD_FILES=str(tmp_path))
    for number, (name, text) in enumerate(files):
        assert (tmp_path / f"{number}.ppd").read_text(encoding="utf-8") == text, name


def without_indents(text: str) -> str:
    """But inside of texts in triple quotes, whose blanks are theirs."""
    pieces = re.split(r'("""[^"]*""")', text)
    return "".join(
        piece if odd % 2 else re.sub(r"^[ ]+", "", piece, flags=re.MULTILINE) for odd, piece in enumerate(pieces)
    )


def test_the_list_of_faults_leads_to_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = tmp_path / "broken.ppd"
    pipeline.write_text('dag d {\n  task a = shel("x")\n  a -> c\n}\nlet unused = 1\n', encoding="utf-8")
    assert main(["check", str(pipeline)]) == 1
    (tmp_path / "said").write_text(capsys.readouterr().err, encoding="utf-8")
    vim(HERE / "faults.vim", PPD_FILE=str(pipeline), PPD_SAID=str(tmp_path / "said"), PPD_LIST=str(tmp_path / "list"))
    faults = json.loads((tmp_path / "list").read_text(encoding="utf-8"))
    assert [(fault["lnum"], fault["col"], fault["type"], fault["nr"]) for fault in faults] == [
        (2, 12, "E", 203),
        (3, 8, "E", 202),
        (5, 5, "W", 202),
    ]
    assert all(fault["name"] == str(pipeline) for fault in faults)


def mistaken(name: str, text: str, at: Mapping[int, Kind | None]) -> list[str]:
    return [
        f"{name}:{place(text, offset)[0]}: {text[piece.start : piece.end]!r} is {piece.kind}, not {at[offset]}"
        for piece in truth(text)
        if text[piece.start : piece.end].strip()
        for offset in ends(text, piece)
        if at[offset] != piece.kind
    ]
