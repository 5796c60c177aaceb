"""Files before and after formatting: `cases/x.ppd` becomes `cases/x.formatted`.

After a change of the form, run with PPC_WRITE_CASES=1 and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ppc.format import format_source
from ppc.parse import parse
from ppc.source import Source

HERE = Path(__file__).parent
SOUND = sorted((HERE.parent / "cases").glob("**/*.ppd"))
CASES = sorted((HERE / "cases").glob("*.ppd"))
BROKEN = {"broken.ppd", "unbalanced.ppd"}


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def read(file: Path) -> Source:
    return Source(file.name, file.read_bytes().decode())


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_case(file: Path) -> None:
    formatted = format_source(read(file))
    expected = file.with_suffix(".formatted")
    if "PPC_WRITE_CASES" in os.environ:
        expected.write_text(formatted.text, encoding="utf-8")
    assert formatted.text == expected.read_text(encoding="utf-8")
    assert bool(formatted.broken) == (file.name in BROKEN)


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_what_is_formatted_stays(file: Path) -> None:
    text = file.with_suffix(".formatted").read_text(encoding="utf-8")
    assert format_source(Source("t.ppd", text)).text == text


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_ends_of_lines_make_no_difference(file: Path, end: str) -> None:
    text = read(file).text
    formatted = format_source(Source(file.name, text.replace("\n", end)))
    assert formatted == format_source(Source(file.name, text))


@pytest.mark.parametrize("file", [file for file in CASES if file.name not in BROKEN], ids=lambda file: file.stem)
def test_the_cases_are_sound(file: Path) -> None:
    assert not parse(read(file))[1]


@pytest.mark.parametrize("file", SOUND, ids=name_of)
def test_any_file_can_be_formatted(file: Path) -> None:
    """Sound or not: what is checked is checked inside."""
    assert format_source(read(file)).text
