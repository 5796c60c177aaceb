"""Tasks that tell the span of their attempt."""

from __future__ import annotations

import os

from ppacer import TaskContext


def span_here(word: str, context: TaskContext) -> str | None:
    assert os.environ.get("TRACEPARENT") == context.traceparent
    return context.traceparent


def values() -> list[str]:
    return ["unspoken one", "unspoken two"]


def broken(password: str) -> None:
    raise ValueError(f"{password} is refused")
