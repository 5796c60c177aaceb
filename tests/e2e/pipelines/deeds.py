"""Tasks whose beginnings and ends are noted, with the attempt that they belong to, in a side-effect file."""

import asyncio
import json
import logging
import os
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

from ppacer import TaskContext
from ppacer.deferral import defer


def _note(word: str, context: TaskContext) -> None:
    """Appends one line, in one write, so that lines of different processes never mix."""
    noted = {
        "word": word,
        "run": context.run.id,
        "task": context.task,
        "number": context.attempt,
        "part": context.part,
        "at": time.time(),
    }
    descriptor = os.open(os.environ["STEPS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, (json.dumps(noted) + "\n").encode())
    finally:
        os.close(descriptor)


def _begun(context: TaskContext) -> int:
    """How often the task was begun in its run, in all attempts and epochs."""
    lines = Path(os.environ["STEPS_FILE"]).read_text(encoding="utf-8").splitlines()
    noted = [json.loads(line) for line in lines]
    return sum((each["word"], each["run"], each["task"]) == ("start", context.run.id, context.task) for each in noted)


def _begin(context: TaskContext) -> None:
    _note("start", context)
    print("a line of the deed")


def deed(mode: str, context: TaskContext, seconds: float = 0.0, times: int = 0) -> str:
    """Does nothing for so long. The first `times` attempts fail, in the way that `mode` says."""
    _begin(context)
    if mode == "fails" and context.attempt <= times:
        raise RuntimeError("on purpose")
    if mode == "fails for long" and _begun(context) <= times:
        raise RuntimeError("on purpose")
    if mode == "exits" and context.attempt <= times:
        os._exit(3)
    if mode == "leaves a process":
        subprocess.Popen(["sleep", "300"], start_new_session=True)
    if mode == "talks much and leaves a thread":
        for number in range(500):
            logging.getLogger("deed").info("%s %d", "x" * 2000, number)
        threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
        context.heartbeat()
    _note("end", context)
    return context.task


async def async_deed(seconds: float, context: TaskContext) -> str:
    _begin(context)
    await asyncio.sleep(seconds)
    _note("end", context)
    return context.task


def parts(times: int, context: TaskContext) -> str:
    """Waits so many times in between."""
    _begin(context)
    _note("end", context)
    if context.part < times:
        defer(timedelta(milliseconds=300), state={"part": context.part})
    assert context.state == {"part": times - 1}
    return context.task


def items(count: int, context: TaskContext) -> list[int]:
    _begin(context)
    _note("end", context)
    return list(range(count))


def gather(names: list[str | None], context: TaskContext) -> list[str | None]:
    _begin(context)
    _note("end", context)
    return names
