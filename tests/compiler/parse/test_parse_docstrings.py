"""A docstring loses its margin just as Python's do."""

from __future__ import annotations

import inspect

from hypothesis import given
from hypothesis import strategies as st

from ppc.docstrings import clean


@given(st.text(st.sampled_from(" \t\nab"), max_size=60))
def test_a_docstring_is_cleaned_as_in_python(text: str) -> None:
    assert clean(text) == inspect.cleandoc(text)
