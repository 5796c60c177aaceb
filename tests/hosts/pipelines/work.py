"""Work whose beginning, going on and end are noted in a side-effect file, with times of the one monotonic clock."""

import json
import os
import time
from pathlib import Path

from ppacer import TaskContext
from ppacer.context import TaskCancelled


def work(gate: str, context: TaskContext, stubborn: bool = False) -> str:
    """Goes on until there is a file of that name, if it has one; a stubborn one when it is told to stop, too."""
    until = time.monotonic() + 1800
    _note("start", context)
    while True:
        try:
            _beat(gate, context, until)
            _note("end", context)
            return context.task
        except TaskCancelled:
            _note("told to stop", context)
            if not stubborn:
                raise


def _beat(gate: str, context: TaskContext, until: float) -> None:
    while gate and not (Path(os.environ["STEPS_FILE"]).parent / gate).exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{gate} stayed shut")
        time.sleep(0.05)
        _note("beat", context)


def _note(word: str, context: TaskContext) -> None:
    """Appends one line, in one write, so that lines of different processes never mix."""
    noted = {
        "word": word,
        "run": context.run.id,
        "task": context.task,
        "key": context.idempotency_key,
        "number": context.attempt,
        "pid": os.getpid(),
        "at": time.monotonic(),
    }
    descriptor = os.open(os.environ["STEPS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, (json.dumps(noted) + "\n").encode())
    finally:
        os.close(descriptor)
