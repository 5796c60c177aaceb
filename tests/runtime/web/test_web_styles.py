"""The page loads all of its style sheets at once: what one of them calls a thing, no other may call another."""

from __future__ import annotations

import re
from importlib import resources

_RULE = re.compile(r"(?m)^\s*(\.[a-z][\w-]*)\s*[,{]")


def test_what_a_class_is_by_itself_stands_in_one_style_sheet() -> None:
    places: dict[str, set[str]] = {}
    for file in resources.files("ppacer.web").joinpath("static").iterdir():
        if file.name.endswith(".css") and file.name != "login.css":  # which has a page of its own
            for name in _RULE.findall(file.read_text()):
                places.setdefault(name, set()).add(file.name)
    assert len(places) > 100
    assert {name: sorted(files) for name, files in places.items() if len(files) > 1} == {}
