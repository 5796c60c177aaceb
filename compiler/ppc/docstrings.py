"""Texts without the margin that their place gives them: docstrings of `.ppd` files and of Python, and code."""

from __future__ import annotations

import os
from collections.abc import Sequence


def clean(text: str) -> str:
    """The text without its margin and outer blank lines, as PEP 257 says.

    `inspect.cleandoc` does the same, but importing `inspect` takes longer than the check of a small file.
    """
    first, *rest = text.expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    lines = [first.lstrip(), *(line[margin:] for line in rest)]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return "\n".join(lines)


def dedent(lines: Sequence[str]) -> str:
    """The lines without the blanks and tabs that all of them begin with; those of nothing else do not count.

    As `textwrap.dedent`, whose module takes long to import for its regular expressions.
    """
    filled = [line for line in lines if line.strip(" \t")]
    common = os.path.commonprefix(filled)  # noqa: RUF071 - characters are what is meant
    margin = len(common) - len(common.lstrip(" \t"))
    return "\n".join(line[margin:] if line.strip(" \t") else "" for line in lines)
