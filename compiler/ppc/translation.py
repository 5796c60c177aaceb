"""What a pipeline of another system becomes: dags on their way into a `.ppd` source, and what is to be said of them.

Texts in here (`call`, values of settings, `condition`) are the language's own; comments are without their `#`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ppacer.core.notation import string_text
from ppacer.records import dataclass, field
from ppd.words import RESERVED, SCOPES

_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody has to know, and about which line, from 1. `lost`: what stands there is not in what was made."""

    line: int
    message: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Translation:
    """`text` is the `.ppd` source, in its one form but for long lines; `jobs` counts its dags. `module` is the source
    of a Python module that it imports, empty where there is none."""

    text: str
    jobs: int
    remarks: tuple[Remark, ...]
    module: str = ""


class UntranslatableError(Exception):
    """Nothing can be made of the file. The message says why, with the line where there is one."""


@dataclass(slots=True)
class Step:
    """A task. `loop` is what its family is made over: `x in [1, 2]`."""

    name: str
    call: str
    settings: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    condition: str = ""
    loop: str = ""


@dataclass(slots=True)
class Part:
    """A group."""

    name: str
    items: list[Step | Part] = field(default_factory=list)


@dataclass(slots=True)
class Flow:
    """A dag. `handlers` are by what begins their blocks, `on failure` for one; `params` and `edges` are whole lines."""

    name: str
    doc: str = ""
    comments: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    params: list[str] = field(default_factory=list)
    defaults: dict[str, str] = field(default_factory=dict)
    items: list[Step | Part] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    handlers: dict[str, list[Step]] = field(default_factory=dict)


def flow_text(flow: Flow) -> str:
    """The source of a dag."""
    lines = [*comment_lines(flow.comments), f"dag {flow.name} {{"]
    blocks: list[list[str]] = []
    if flow.doc:
        blocks.append([text_literal(flow.doc)])
    blocks.append([f"{name} = {value}" for name, value in flow.settings.items()])
    blocks.append(flow.params)
    if flow.defaults:
        blocks.append(["defaults {", *(f"  {name} = {value}" for name, value in flow.defaults.items()), "}"])
    blocks.append([*_items(flow.items), *flow.edges])
    for head, steps in flow.handlers.items():
        blocks.append([f"{head} {{", *_items(steps), "}"])
    inside = "\n\n".join("\n".join(block) for block in blocks if block)
    return "\n".join([*lines, inside, "}"])


def rejected(name: str, reason: str, line: int) -> Step:
    """The task in the place of one that could not be translated. It fails, so that nothing after it runs unnoticed."""
    told = shlex.quote(f"not translated: {reason} (line {line})")
    return Step(name, f"shell({string_text(f'echo {told} >&2; exit 1')})", {}, [lost(reason)])


def lost(reason: str) -> str:
    """The comment at the place of what could not be translated."""
    return f"Not translated: {reason}."


def comment_lines(comments: Iterable[str]) -> list[str]:
    return [f"# {line}".rstrip() for comment in comments for line in re.split(r"\r\n?|\n", comment)]


def free_name(wanted: str, taken: set[str], otherwise: str) -> str:
    """A name of the language that is like the wanted one, which no other has; `otherwise` where there is nothing to go
    by, and in front of what begins with a digit."""
    base = re.sub(r"[^A-Za-z0-9_]+", "_", wanted).strip("_")[:_LONGEST_NAME]
    base = base if re.match("[a-z_]", base) else base.lower()
    base = base or otherwise
    if base[0].isdigit():
        base = f"{otherwise}_{base}"
    if base in RESERVED | SCOPES:
        base = f"{base}_{otherwise}"
    return numbered(base, taken)


def numbered(base: str, taken: set[str]) -> str:
    """A name that nothing else has, from now on taken: this one, or with a number behind it."""
    name = base
    if base in taken:
        # Of thousands of one name each is to be found fast: one is free whose forerunner is not.
        used, free = 1, 2
        while f"{base}_{free}" in taken:
            used, free = free, free * 2
        while free - used > 1:
            middle = (used + free) // 2
            used, free = (middle, free) if f"{base}_{middle}" in taken else (used, middle)
        name = f"{base}_{free}"
    taken.add(name)
    return name


def text_literal(text: str) -> str:
    """A string; one of several lines as it is, between three quotes, where that can be read."""
    if "\n" in text and '"""' not in text and not text.endswith('"'):
        return f'"""{_readable(text)}"""'
    return string_text(text)


def format_literal(pieces: Sequence[str | tuple[str]]) -> str:
    """A string of texts and, as tuples of one, expressions."""
    if all(isinstance(piece, str) for piece in pieces):
        return text_literal("".join(piece for piece in pieces if isinstance(piece, str)))
    whole = "".join(_plain(piece) if isinstance(piece, str) else f"{{{piece[0]}}}" for piece in pieces)
    plain = "".join(piece for piece in pieces if isinstance(piece, str))
    if "\n" in plain and '"""' not in plain and not plain.endswith('"'):
        return f'f"""{whole}"""'
    return 'f"' + whole.replace("\n", "\\n") + '"'


def dict_text(pairs: Mapping[str, str]) -> str:
    """A dict of texts to expressions."""
    return "{" + ", ".join(f"{string_text(name)}: {value}" for name, value in pairs.items()) + "}"


def _plain(text: str) -> str:
    """A text inside an f-string of any quotes; its ends of lines are left."""
    inside = "\n".join(string_text(line)[1:-1] for line in text.split("\n"))
    return inside.replace("{", "{{").replace("}", "}}")


def _readable(text: str) -> str:
    """A text between three quotes: its ends of lines and quotes stand as they are."""
    return "\n".join(string_text(line)[1:-1].replace('\\"', '"') for line in text.split("\n"))


def _items(items: Sequence[Step | Part]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Part):
            yield f"group {item.name} {{"
            yield from _items(item.items)
            yield "}"
            continue
        yield from comment_lines(item.comments)
        loop = f"[{item.loop}]" if item.loop else ""
        condition = f" when {item.condition}" if item.condition else ""
        settings = ", ".join(f"{name} = {value}" for name, value in item.settings.items())
        yield f"task {item.name}{loop} = {item.call}{condition}{f' {{ {settings} }}' if settings else ''}"
