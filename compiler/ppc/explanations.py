"""The pages that explain the codes, `explain/<CODE>.md`: what a fault is, why it is one, what is wrong and right."""

from __future__ import annotations

import os
import re
from typing import Final

_FOLDER: Final = os.path.join(os.path.dirname(__file__), "explain")  # noqa: PTH118, PTH120 - loaded for each check
_CODE: Final = re.compile(r"[EW]\d{3}")


def codes() -> list[str]:
    """All codes that there are, in order."""
    return sorted(name.removesuffix(".md") for name in os.listdir(_FOLDER) if name.endswith(".md"))  # noqa: PTH208


def is_known(code: str) -> bool:
    return _CODE.fullmatch(code) is not None and os.path.isfile(_place(code))  # noqa: PTH113


def page(code: str) -> str:
    """The page of a known code, as Markdown."""
    with open(_place(code), encoding="utf-8") as file:  # noqa: PTH123
        return file.read()


def title(code: str) -> str:
    """What the code is about, in a few words: `a name that nothing declares`."""
    return page(code).partition("\n")[0].removeprefix(f"# {code}: ")


def _place(code: str) -> str:
    return os.path.join(_FOLDER, f"{code}.md")  # noqa: PTH118
