"""Tasks and a notifier for the scenarios of the seed system."""

import json
import time
from pathlib import Path

from ppacer import TaskContext
from ppacer.notifiers import Message


def say(word: str, context: TaskContext) -> str:
    context.logger.info("%s in %s", word, context.run.dag)
    return word


def wait(seconds: float) -> None:
    time.sleep(seconds)


def fail_at_first(times: int, context: TaskContext) -> int:
    """Fails in its first attempts; the number of the one that did not."""
    if context.attempt <= times:
        raise RuntimeError(f"attempt {context.attempt} of {context.task} fails")
    return context.attempt


def pick(index: int) -> str:
    return ["a", "b"][index]


def need(file: str) -> str:
    """Fails while there is no such file beside the program."""
    return Path(__file__).with_name(file).read_text(encoding="utf-8")


def remember(message: Message, file: str) -> None:
    """A notifier that writes into a file what it was given."""
    known = {
        "subject": message.subject,
        "text": message.text,
        "event": message.event,
        "dag": message.dag,
        "run": message.run,
        "task": message.task,
        "attempt": message.attempt,
        "error": message.error,
    }
    with Path(__file__).with_name(file).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(known) + "\n")
