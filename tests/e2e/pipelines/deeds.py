"""Tasks whose beginnings and ends are noted, with the attempt that they belong to, in a side-effect file."""

import json
import logging
import os
import subprocess
import threading
import time

from ppacer import TaskContext


def _note(word: str, context: TaskContext) -> None:
    """Appends one line, in one write, so that lines of different processes never mix."""
    noted = {"word": word, "run": context.run.id, "task": context.task, "number": context.attempt, "at": time.time()}
    descriptor = os.open(os.environ["STEPS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, (json.dumps(noted) + "\n").encode())
    finally:
        os.close(descriptor)


def deed(mode: str, context: TaskContext, seconds: float = 0.0, times: int = 0) -> str:
    """Does nothing for so long. The first `times` attempts fail, in the way that `mode` says."""
    _note("start", context)
    print("a line of the deed")
    if mode == "fails" and context.attempt <= times:
        raise RuntimeError("on purpose")
    if mode == "exits" and context.attempt <= times:
        os._exit(3)
    if mode == "leaves a process":
        subprocess.Popen(["sleep", "300"], start_new_session=True)
    if mode == "talks much and leaves a thread":
        for number in range(500):
            logging.getLogger("deed").info("%s %d", "x" * 2000, number)
        threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
    time.sleep(seconds)
    _note("end", context)
    return context.task


def gather(names: list[str], context: TaskContext) -> int:
    _note("start", context)
    _note("end", context)
    return len(names)
