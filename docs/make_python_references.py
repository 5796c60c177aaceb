"""Writes the files of `reference/` beside this one that tell of Python: the client, and what pipelines' Python imports.

python docs/make_python_references.py

They are made of signatures, annotations and docstrings, as the modules have them. What is public and has no docstring
is an error here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from ppacer import client, client_errors, following
from ppacer.account_calls import AccountCalls
from ppacer.client import Client
from ppacer.deferral import Deferred
from ppacer.follow_calls import FollowCalls
from ppacer.operation_calls import OperationCalls
from ppacer.walk_calls import WalkCalls
from ppacer.web.app import ROUTES
from ppacer.web.openapi import describe_api

FOLDER: Final = Path(__file__).with_name("reference")

LONGEST: Final = 100
"""Characters of a signature that stands in a line."""


@dataclass(frozen=True, slots=True)
class Part:
    """A module that pipelines' Python imports from: what of it, for whom, and where that is told at length."""

    module: str
    title: str
    names: tuple[str, ...]
    about: str = ""


PARTS: Final = (
    Part(
        "ppacer.context",
        "The context of a task",
        ("TaskContext", "RunContext", "TaskNotifier", "Cancellation", "TaskCancelled"),
        "`TaskContext` may be imported from `ppacer` as well.",
    ),
    Part("ppacer.deferral", "To wait without a worker", ("defer", "defer_to_run", "Deferred")),
    Part(
        "ppacer.schedules",
        "Schedules of one's own",
        ("Schedule",),
        "How a dag names one is told in [the language](../language.md#schedules).",
    ),
    Part(
        "ppacer.notifiers",
        "Notifiers of one's own",
        ("Message", "NotifierError"),
        "How they are declared is told in [the language](../language.md#alerts).",
    ),
    Part(
        "ppacer.testing",
        "Tests of pipelines",
        (
            *("load", "Pipeline", "RunResult", "TaskResult", "Try", "Called", "LogLine", "Alert", "RunEvent"),
            *("fails", "times_out", "lost", "cancelled", "takes", "in_turn", "real", "PipelineError"),
        ),
        "How they work together is told in [testing a pipeline](../testing.md).",
    ),
)

CALLS: Final = (
    (Client, "What there is"),
    (WalkCalls, "Lists to their end"),
    (FollowCalls, "To follow, and to wait"),
    (OperationCalls, "What can be done"),
    (AccountCalls, "Users, tokens, the audit log"),
)

FOLLOWED: Final = (
    following.FollowedChanges,
    following.FollowedDag,
    following.FollowedRun,
    following.FollowedLog,
    following.FollowedBackfill,
)

MADE_BY_USERS: Final = (Client, Deferred)
"""Classes that are no dataclasses, whose constructors are shown."""

FOR_THE_RUNTIME: Final = frozenset({"outlet", "deferral", "request"})
"""What public classes have that is nothing to those who use them."""


def texts() -> dict[str, str]:
    """The whole of each file, by its name."""
    return {
        "client.md": _page("The client in Python", "`ppacer.client`", _client()),
        "python.md": _page("What pipelines import", "the modules that users' Python may import", _imports()),
    }


def _page(title: str, source: str, lines: Iterator[str]) -> str:
    made = f"Made of {source} by `docs/make_python_references.py`; a test sees to it that it is current."
    return "\n".join((f"# {title}", "", made, "", *lines)).rstrip("\n") + "\n"


# --- the client ------------------------------------------------------------------------------------------------------


def _client() -> Iterator[str]:
    yield "How it is used is told in [the API by example](../api.md). What it answers are frozen dataclasses, with the"
    yield "fields of [what the API answers](http-api.md#what-is-sent-and-answered)."
    yield ""
    yield from ("## `Client`", "", _code(_signature("Client", Client)), "", _doc(Client), "")
    for owner, title in CALLS:
        yield from (f"## {title}", "")
        if owner is not Client:
            yield from (_doc(owner), "")
        for name, member in _members(owner).items():
            yield from _call(name, member)
    yield from ("## What is followed", "", _doc(following), "")
    for name, member in {**_members(following.Following), **_members(following.Stream)}.items():
        yield f"- `{name}()`: {_flat(member)}"
    yield "- `ended`: whether nothing more can come; not where it was stopped, or its `seconds` have passed."
    yield "- `last`, of what has numbers: that of what has come last."
    yield from ("", "| class | gives | what |", "|---|---|---|")
    for followed in FOLLOWED:
        yield f"| `{followed.__name__}` | {_given(followed)} | {_flat(followed)} |"
    yield from ("", "## Errors", "", "All stand in `ppacer.client`.", "", "| error | is a | what |", "|---|---|---|")
    for name in client.__all__:
        if name != Client.__name__:
            error = getattr(client_errors, name)
            yield f"| `{name}` | `{error.__base__.__name__}` | {_flat(error)} |"
    yield ""
    for name, member in _members(client_errors.RefusedError).items():
        yield f"- `RefusedError.{name}`: {_flat(member)}"


def _given(followed: type) -> str:
    """What comes of a thing that is followed: `FollowedRun(Stream[EventView])` gives events."""
    (base,) = vars(followed)["__orig_bases__"]
    return _linked(base.__args__[0].__name__)


def _call(name: str, member: object) -> Iterator[str]:
    yield from (f"### `{name}`", "", _code(_signature(name, member)), "", _doc(member), "")
    answers = [_linked(word) for word in re.findall(r"\w+", _signature(name, member).rpartition(" -> ")[2])]
    found = [answer for answer in answers if answer.startswith("[")]
    if found:
        yield from (f"Answers: {', '.join(found)}.", "")


def _linked(name: str) -> str:
    """The name of a message as a link to what it holds."""
    return f"[{name}](http-api.md#{name.lower()})" if name in _messages() else f"`{name}`"


@cache
def _messages() -> frozenset[str]:
    """What the reference of the API describes."""
    return frozenset(describe_api("pipeline", ROUTES)["components"]["schemas"])


# --- what is imported ------------------------------------------------------------------------------------------------


def _imports() -> Iterator[str]:
    yield "Tasks are ordinary callables, and most import nothing of ppacer. What they, schedules, notifiers and tests"
    yield "may import is here; whatever else `ppacer` has is its own and may change. [The client](client.md) has a page"
    yield "of its own."
    yield ""
    for part in PARTS:
        module = import_module(part.module)
        yield from (f"## {part.title}", "", f"`{part.module}`: {_doc(module)}", "")
        if part.about:
            yield from (part.about, "")
        for name in part.names:
            thing = getattr(module, name)
            yield from (f"### `{name}`", "", _code(_signature(name, thing)), "", _doc(thing), "")
            if inspect.isclass(thing):
                for of_it, member in _members(thing).items():
                    yield from (f"#### `{name}.{of_it}`", "", _code(_signature(of_it, member)), "", _doc(member), "")


# --- how it is told --------------------------------------------------------------------------------------------------


def _members(owner: type) -> Mapping[str, object]:
    """What a class itself has that is public, in its order, without what somebody else has to define."""
    return {
        name: member
        for name, member in vars(owner).items()
        if (inspect.isfunction(member) or isinstance(member, property))
        and (name == "__getitem__" or not name.startswith("_"))
        and name not in FOR_THE_RUNTIME
        and not getattr(member, "__isabstractmethod__", False)
    }


def _signature(name: str, thing: object) -> str:
    """As Python writes it, but for `self` and the quotes around annotations."""
    if isinstance(thing, property):
        assert thing.fget is not None
        return f"{name}: {inspect.signature(thing.fget).return_annotation}"
    if not inspect.isclass(thing):
        assert callable(thing)
        return _broken(f"{name}{_parameters(inspect.signature(thing))}")
    if is_dataclass(thing):
        shown = [field for field in fields(thing) if field.name not in FOR_THE_RUNTIME]
        return "\n".join((f"class {name}:", *(f"    {field.name}: {field.type}" for field in shown)))
    if thing in MADE_BY_USERS:
        return _broken(f"{name}{_parameters(inspect.signature(thing))}")
    bases = [base.__name__ for base in thing.__bases__ if base is not object]
    return f"class {name}{f'({bases[0]})' if bases else ''}"


def _parameters(signature: inspect.Signature) -> str:
    parameters = [each for name, each in signature.parameters.items() if name != "self"]
    written = str(signature.replace(parameters=parameters))
    annotations = {each.annotation for each in parameters} | {signature.return_annotation}
    for annotation in annotations:
        written = written.replace(repr(annotation), str(annotation))
    written = re.sub(r"= <\w+\.(\w+): [^>]*>", r"= \1", written)  # a default that is a member of an enumeration
    return re.sub(r"= '([^']*)'", r'= "\1"', written).removesuffix(" -> None")


def _broken(written: str) -> str:
    """A parameter a line where they are too long for one."""
    if len(written) <= LONGEST:
        return written
    name, _, rest = written.partition("(")
    inner, _, answer = rest.rpartition(")")
    lines = re.split(r", (?=\*|\w+:|/)", inner)
    return "\n".join((f"{name}(", *(f"    {line}," for line in lines), f"){answer}"))


def _doc(thing: object) -> str:
    """The docstring; what is indented in it is Python. Raises `ValueError` where there is none."""
    text = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    if not text:
        raise ValueError(f"{thing!r} is public and has no docstring")
    return re.sub(r"(?:^    .*\n|^\n(?=\n*    ))+", _fenced, f"{text}\n", flags=re.MULTILINE).strip()


def _fenced(block: re.Match[str]) -> str:
    return f"\n{_code(inspect.cleandoc(block[0]))}\n"


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def _flat(thing: object) -> str:
    return " ".join(_doc(thing).split())


if __name__ == "__main__":
    for file, text in texts().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
