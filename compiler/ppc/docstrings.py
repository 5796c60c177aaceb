"""Docstrings, of `.ppd` files and of Python: their text without the margin that their place gives them."""

from __future__ import annotations


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
