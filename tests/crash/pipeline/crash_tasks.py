"""Tasks that note in the side-effect file what they do, under which key and token; a notifier that does so, too."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import crash_agent

from ppacer import TaskContext
from ppacer.deferral import defer
from ppacer.notifiers import Message


def _lines() -> list[dict[str, object]]:
    text = Path(crash_agent.FILE).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _lives(pid: object) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _at_work(key: str, token: int) -> list[object]:
    """The tokens under which others do the same at this moment, in processes that are alive."""
    open_: dict[object, object] = {}
    for line in _lines():
        if line["kind"] == "task" and line["key"] == key:
            if line["word"] == "start":
                open_[line["token"]] = line["pid"]
            else:
                open_.pop(line["token"], None)
    return [other for other, pid in open_.items() if other != token and _lives(pid)]


@contextmanager
def _noted(context: TaskContext) -> Iterator[None]:
    """Notes the beginning, and whether it ended, failed or was stopped."""
    attempt, token = crash_agent.TOKENS[context.idempotency_key, context.attempt, context.part]
    about = {
        "run": context.run.id,
        "task": context.task,
        "number": context.attempt,
        "part": context.part,
        "key": context.idempotency_key,
        "attempt": attempt,
        "token": token,
    }
    print("a line of the deed")
    crash_agent.append("task", word="start", **about, beside=_at_work(context.idempotency_key, token))
    try:
        yield
    except BaseException as error:
        crash_agent.append("task", word="stopped", **about, error=type(error).__name__)
        raise
    crash_agent.append("task", word="end", **about)


def step(context: TaskContext, seconds: float = 0.0, fails: int = 0) -> str:
    """Takes so long; its first attempts fail."""
    with _noted(context):
        if context.attempt <= fails:
            raise RuntimeError("on purpose")
        time.sleep(seconds)
    return context.task


async def async_step(context: TaskContext) -> str:
    with _noted(context):
        return context.task


def broken(context: TaskContext) -> str:
    """Fails when it is begun for the first time in its run."""
    with _noted(context):
        starts = [line for line in _lines() if line["kind"] == "task" and line["key"] == context.idempotency_key]
        if sum(line["word"] == "start" for line in starts) < 2:
            raise RuntimeError("on purpose")
    return context.task


def hold(context: TaskContext) -> str:
    """Goes on until the gate is there."""
    with _noted(context):
        while not Path(os.environ["CRASH_GATE"]).exists():
            context.heartbeat()
            time.sleep(0.02)
    return context.task


def wait_once(context: TaskContext) -> str:
    with _noted(context):
        pass
    if context.part == 0:
        defer(timedelta(milliseconds=200), state="waited")
    return context.task


def items(count: int, context: TaskContext) -> list[int]:
    with _noted(context):
        return list(range(count))


def gather(names: list[str], context: TaskContext) -> list[str]:
    with _noted(context):
        return names


def mail(message: Message) -> None:
    crash_agent.append("mail", run=message.run, subject=message.subject)


def talk(context: TaskContext, seconds: float) -> str:
    """Says something, and goes on for long enough that it is sent ahead of the report."""
    with _noted(context):
        time.sleep(seconds)
    return context.task
