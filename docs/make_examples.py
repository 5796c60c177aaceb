"""Writes the files of `examples/` beside this one: a page of the site for each example, with its README and its code.

python docs/make_examples.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("examples")
EXAMPLES: Final = Path(__file__).parents[1] / "examples"

LANGUAGES: Final = {".ppd": "ppd", ".py": "python", ".sh": "sh"}
"""The files that are shown, in this order, and what they are coloured as."""


def texts() -> dict[str, str]:
    """The whole of each file, by its name."""
    overview = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[(\w+)\]\([\w./]+\) \| (.+?) \|", overview, re.MULTILINE))
    pages = {f"{name}.md": "\n".join(_page(name, what)) for name, what in listed.items()}
    return {"index.md": "\n".join(_index(listed))} | pages


def shown(name: str) -> list[Path]:
    """The files of an example that its page shows: those of its folder or, where it has none, the one with its name."""
    files = (EXAMPLES / name).iterdir() if (EXAMPLES / name).is_dir() else [EXAMPLES / f"{name}.ppd"]
    order = list(LANGUAGES)
    return sorted((file for file in files if file.suffix in order), key=lambda file: (order.index(file.suffix), file))


def _index(names: Iterable[str]) -> Iterator[str]:
    yield from _included("README.md")
    yield from ("```{toctree}", ":hidden:", "", *names, "```", "")


def _page(name: str, what: str) -> Iterator[str]:
    readme = EXAMPLES / name / "README.md"
    if readme.exists():
        yield from _included(f"{name}/README.md")
    else:
        yield from (f"# {name.capitalize()}", "", f"{what[0].upper()}{what[1:]}.", "")
    for file in shown(name):
        place = file.relative_to(EXAMPLES).as_posix()
        yield from (f"## `{file.name}`", "")
        yield from (f"```{{literalinclude}} ../../examples/{place}", f":language: {LANGUAGES[file.suffix]}", "```", "")


def _included(readme: str) -> Iterator[str]:
    yield from (f"```{{include}} ../../examples/{readme}", "```", "")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
