"""Docstrings and code lose their margin just as in Python's own library."""

from __future__ import annotations

import inspect
import textwrap

from hypothesis import given
from hypothesis import strategies as st

from ppc.docstrings import clean, dedent


@given(st.text(st.sampled_from(" \t\nab"), max_size=60))
def test_a_docstring_is_cleaned_as_in_python(text: str) -> None:
    assert clean(text) == inspect.cleandoc(text)


@given(st.lists(st.text(st.sampled_from(" \tab"), max_size=12), max_size=6))
def test_code_is_dedented_as_in_python(lines: list[str]) -> None:
    assert dedent(lines) == textwrap.dedent("\n".join(lines))
