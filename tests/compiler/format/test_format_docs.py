"""The documents and examples are in the form that they tell of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ppc.format import format_source
from ppc.source import Source

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").rglob("*.ppd"))
DOCUMENT = (ROOT / "docs/formatting.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```ppd\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_document_shows_is_the_form(text: str) -> None:
    assert format_source(Source("t.ppd", text)).text == text


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples_are_formatted(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert format_source(Source(file.name, text)).text == text
