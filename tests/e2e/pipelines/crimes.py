"""Tasks that end badly, each in its own way, and what their neighbours see of it."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from steps import note

from ppacer import TaskContext


class Unpicklable(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)
        self.lock = threading.Lock()


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def commit(crime: str) -> object:
    """Does what is asked; the process that does it is noted."""
    note("start", crime)
    print("last words")
    match crime:
        case "segfault":
            ctypes.string_at(0)
        case "exits_at_once":
            os._exit(3)
        case "exits_with_0":
            sys.exit(0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        case "unpicklable":
            raise Unpicklable("x", lambda: None)
        case "unprintable":
            raise Unprintable
        case "endless_recursion":
            return commit_again(crime)
        case "too_much_output":
            return "x" * 2_000_000
        case "no_form_in_json":
            return {"rows": [1, object()]}
        case "much_memory":
            return len(take(400))
        case "more_memory_in_steps":
            taken = []
            while True:
                taken.append(take(8))
                time.sleep(0.01)
        case "closes_everything":
            os.closerange(3, 1000)
            time.sleep(60)
    return "no crime"


def commit_again(crime):
    return commit_again(crime)


def take(megabytes: int) -> bytearray:
    return bytearray(os.urandom(1 << 20) * megabytes)


def look() -> int:
    return os.getpid()


# --- side by side -----------------------------------------------------------------------------------------------------


def meet(name: str, others: int) -> int:
    """Waits until so many have begun: they do run at the same time. Gives the process that it runs in."""
    note("start", name)
    deadline = time.monotonic() + 120
    while _noted("start ") < others:
        if time.monotonic() > deadline:
            raise TimeoutError("the others do not come")
        time.sleep(0.02)
    return os.getpid()


async def meet_async(name: str, others: int) -> int:
    note("start", name)
    async with asyncio.timeout(120):
        while _noted("start ") < others:  # noqa: ASYNC110 (they run in other processes)
            await asyncio.sleep(0.02)
    return os.getpid()


def _noted(words: str) -> int:
    return Path(os.environ["STEPS_FILE"]).read_text(encoding="utf-8").count(words)


def linger(name: str, seconds: float) -> int:
    """Goes on for so long, deaf to whatever it is told."""
    note("start", name)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)
    note("end", name)
    return os.getpid()


async def linger_async(name: str, seconds: float) -> int:
    note("start", name)
    try:
        await asyncio.sleep(seconds)
    finally:
        note("end", name)
    return os.getpid()


# --- what a task leaves behind, and how it is stopped -----------------------------------------------------------------

CHILD = 'echo start child $$ >> "$STEPS_FILE"; exec sleep 300'


def breed(stays: bool) -> str:
    """Has children of all kinds: in its group, in a session of their own, and one that has no parent any more and heeds
    no SIGTERM. Each notes itself. Then it stays, or leaves them to themselves."""
    subprocess.Popen(["sh", "-c", CHILD])
    subprocess.Popen(["sh", "-c", CHILD], start_new_session=True)
    subprocess.run(["sh", "-c", "setsid sh -c \"trap '' TERM; $0\" >/dev/null 2>&1 &", CHILD], check=True)
    deadline = time.monotonic() + 120
    while _noted("start child ") < 3:
        if time.monotonic() > deadline:
            raise TimeoutError("the children do not come")
        time.sleep(0.02)
    note("start", "parent")
    if stays:
        time.sleep(300)
    return "done"


def tidy(name: str, context: TaskContext) -> None:
    """Waits; when it is told to stop, it says so and tidies up."""
    note("start", name)
    try:
        time.sleep(300)
    finally:
        print("tidied up")
        note("end", f"{name},{bool(context.cancelled)}")


async def tidy_async(name: str, context: TaskContext) -> None:
    note("start", name)
    try:
        await asyncio.sleep(300)
    finally:
        print("tidied up")
        note("end", f"{name},{bool(context.cancelled)}")


def tidy_in_thread(name: str, context: TaskContext) -> None:
    note("start", name)
    try:
        while True:
            time.sleep(0.02)
            context.heartbeat()
    finally:
        print("tidied up")
        note("end", f"{name},{bool(context.cancelled)}")


def ignore(name: str) -> None:
    """Heeds no SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("start", name)
    while True:
        time.sleep(1)
