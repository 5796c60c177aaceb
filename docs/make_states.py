"""Writes `states.md` beside this file: the tables of `ppacer.core.state` as pictures.

python docs/make_states.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from ppacer.core.state import ATTEMPT_MOVES, FAMILY_MOVES, RUN_MOVES, TASK_MOVES

FILE: Final = Path(__file__).with_name("states.md")

INTRODUCTION: Final = """\
# States

What a run, a task, a run-time family and an attempt can be, and how one becomes the other. These pictures are made of
the tables in `ppacer.core.state` by `docs/make_states.py`; a test sees to it that they are current. The theory stands
at the top of that module.

What has ended never changes. To do part of a run again opens a new *epoch* of it: there what is done again waits once
more, in new rows, and the run itself is queued if it had ended.
"""

Words = Mapping[tuple[str, str], str]

RUN: Final[Words] = {
    ("queued", "running"): "its turn has come",
    ("queued", "failed"): "its build can no longer be read",
    ("queued", "cancelled"): "cancelled",
    ("running", "success"): "all ordinary tasks have succeeded or were skipped",
    (
        "running",
        "failed",
    ): "an ordinary task failed, was cancelled by itself or never ran for that, or the run took too long",
    ("running", "cancelled"): "cancelled",
}

TASK: Final[Words] = {
    ("waiting", "queued"): "its trigger and its condition say run",
    ("waiting", "failed"): "its condition has no value",
    ("waiting", "skipped"): "its condition is false, or its trigger says skip",
    ("waiting", "upstream_failed"): "its trigger can no longer hold",
    ("waiting", "cancelled"): "cancelled",
    ("queued", "running"): "claimed by an executor",
    ("queued", "failed"): "no value for its arguments, or no executor with its code",
    ("queued", "cancelled"): "cancelled",
    ("running", "success"): "its attempt succeeded",
    ("running", "failed"): "its last attempt failed, took too long or was lost",
    ("running", "retrying"): "its attempt failed or took too long",
    ("running", "queued"): "its attempt was lost, or is retried without a delay",
    ("running", "cancelled"): "cancelled",
    ("retrying", "queued"): "its delay has passed",
    ("retrying", "cancelled"): "cancelled",
}

FAMILY: Final[Words] = {
    ("waiting", "running"): "its list is known",
    ("waiting", "success"): "its list is empty",
    ("waiting", "failed"): "its list has no value",
    ("waiting", "skipped"): "its trigger says skip",
    ("waiting", "upstream_failed"): "its trigger can no longer hold",
    ("waiting", "cancelled"): "cancelled",
    ("running", "failed"): "a member failed",
    ("running", "cancelled"): "else, a member was cancelled",
    ("running", "upstream_failed"): "else, a member never ran",
    ("running", "success"): "else, a member succeeded",
    ("running", "skipped"): "all members were skipped",
}

ATTEMPT: Final[Words] = {
    ("queued", "running"): "claimed, under a lease",
    ("queued", "failed"): "no value for its arguments, or no executor with its code",
    ("queued", "cancelled"): "cancelled",
    ("running", "deferred"): "waits without an executor",
    ("running", "success"): "reported",
    ("running", "failed"): "reported",
    ("running", "timed_out"): "reported",
    ("running", "lost"): "its lease has run out, or its executor gave it up",
    ("running", "cancelled"): "reported",
    ("deferred", "queued"): "what it waited for has come",
    ("deferred", "success"): "what it waited for has come, and nothing is left to do",
    ("deferred", "failed"): "the run that it waited for did not succeed",
    ("deferred", "timed_out"): "its time-out has passed",
    ("deferred", "cancelled"): "cancelled",
}


def text() -> str:
    """The whole of `states.md`."""
    return "\n".join(
        (
            INTRODUCTION,
            *_section("A run", RUN_MOVES, RUN),
            *_section("A task, or a member of a family", TASK_MOVES, TASK),
            *_section("A run-time family as a whole", FAMILY_MOVES, FAMILY),
            *_section("An attempt", ATTEMPT_MOVES, ATTEMPT),
        )
    )


def _section(title: str, moves: Mapping[StrEnum, frozenset[StrEnum]], words: Words) -> Iterator[str]:
    """One picture; each move has its words, and there are no others. States that nothing leads to are left out."""
    found = {(old.value, new.value) for old, ways in moves.items() for new in ways}
    if found != words.keys():
        raise ValueError(f"{title}: these moves lack words or are none: {sorted(found ^ words.keys())}")
    yield f"## {title}\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {next(iter(moves)).value}"
    for (old, new), why in words.items():
        yield f"    {old} --> {new}: {why}"
    for status, ways in moves.items():
        if not ways and any(new == status.value for _, new in words):
            yield f"    {status.value} --> [*]"
    yield "```\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
