"""The patterns of the compiler keep to what every Python from 3.11.0 on matches alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ppc
import ppd

_POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+")
"""`(…)*+`: before Python 3.11.5 such a group may match nothing where it should (gh-106052); `(?>(…)*)` is right."""

FILES = [file for package in (ppc, ppd) for folder in package.__path__ for file in sorted(Path(folder).rglob("*.py"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_group_is_repeated_possessively(file: Path) -> None:
    assert not _POSSESSIVE_GROUP.findall(file.read_text(encoding="utf-8"))


def test_the_pattern_finds_them() -> None:
    assert _POSSESSIVE_GROUP.search(r'(?:[^"]|\\.)*+"')
    assert not _POSSESSIVE_GROUP.search(r'(?>(?:[^"\\]++|\\.)*)"')
