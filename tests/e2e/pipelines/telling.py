"""Notifiers of one's own, and tasks that have something to tell."""

import json
import os
import time
from pathlib import Path

from ppacer import TaskContext
from ppacer.notifiers import Message


def note(message: Message, name: str = "notes") -> None:
    """Appends what it is given to a file, as one line."""
    told = [name, message.event, message.subject, message.text, message.task, message.attempt, message.error]
    _append([*told, message.dag, message.run, message.scheduled_at.isoformat(), message.page])


def text(words: str) -> None:
    _append(["texts", words])


class Pager:
    """Wants a key, and is indiscreet."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, message: Message) -> None:
        print("paging with", self.key)
        _append(["pager", len(self.key)])
        raise ConnectionError(f"no pager takes the key {self.key}")


def unsteady(message: Message) -> None:
    """Fails the first time that it is called for a run."""
    tried = Path(f"tried-{message.run}")
    if not tried.exists():
        tried.touch()
        raise ConnectionError("the pager is away")
    _append(["unsteady", message.subject, message.run])


def hang(message: Message) -> None:
    time.sleep(600)


def fail_first(fails: bool, context: TaskContext) -> dict[str, int]:
    """Fails its first attempt, and all that follow if it is told to."""
    if fails or context.attempt == 1:
        raise RuntimeError(f"no rows in attempt {context.attempt}")
    return {"rows": 7}


def tell(context: TaskContext, to: str | None = None) -> None:
    context.notifier.send("half of it is done", subject="news", to=to)
    context.notifier.send("all of it is done", to=to)


def use(key: str) -> None:
    print("the key is", key)
    raise RuntimeError(f"{key} opens nothing")


def hold() -> None:
    time.sleep(60)


def _append(told: list[object]) -> None:
    """In one write, so that lines of different processes never mix."""
    descriptor = os.open(os.environ["STEPS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, (json.dumps(told) + "\n").encode())
    finally:
        os.close(descriptor)
