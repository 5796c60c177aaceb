"""Tasks that say something: in logs, about their progress, to people."""

import json
import logging
import os
import shlex
import subprocess
import sys
import time
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from steps import note

from ppacer import TaskContext
from ppacer.deferral import defer


def count(context: TaskContext, fails: int = 0) -> str:
    """Fails so many times in all, over all epochs; each time it says which one it is."""
    note("start", "count")
    times = Path(os.environ["STEPS_FILE"]).read_text(encoding="utf-8").count("start count ")
    print(f"this is time {times}, attempt {context.attempt}")
    if times <= fails:
        raise RuntimeError(f"time {times} fails")
    return context.idempotency_key


def in_parts(context: TaskContext) -> str:
    """Waits twice."""
    print(f"part {context.part}, state {context.state!r}, attempt {context.attempt}")
    context.notifier.send(f"part {context.part}")
    if context.part < 2:
        defer(timedelta(milliseconds=100), state={"said": context.part})
    return "all said"


def speak(context: TaskContext) -> None:
    """Uses every way to say something."""
    print("to stdout")
    print("to stderr", file=sys.stderr)
    print("ends without a line end", end="")
    sys.stdout.flush()
    os.write(2, b"past Python \xff\n")
    logging.getLogger("shop.load").warning("loaded %d rows", 7, extra={"rows": 7, "table": "orders"})
    context.logger.debug("of the task", extra={"done": 0.5, "path": Path("in/a.csv")})
    logging.error("of the root")
    try:
        {}["missing"]
    except KeyError:
        context.logger.exception("it is not there")


def flood(megabytes: int, newline: bool) -> None:
    """Writes so much, in lines of a kilobyte or in one."""
    line = b"x" * 1023 + (b"\n" if newline else b"x")
    chunk = line * 1024
    print("the beginning")
    sys.stdout.flush()
    for _ in range(megabytes):
        sys.stdout.buffer.write(chunk)
    sys.stdout.flush()
    print("the end")


def leak(token: str, fails: bool, context: TaskContext) -> dict[str, str]:
    """Says a secret in every way there is."""
    print(f"stdout {token}")
    print(f"stderr {token}", file=sys.stderr)
    context.logger.info("logged %s", token, extra={"token": token, "nested": {"url": f"https://x?key={token}"}})
    subprocess.run(["echo", f"child {token}"], check=True)
    for form in (quote(token, safe=""), b64encode(token.encode()).decode(), repr(token), shlex.quote(token)):
        print("form", form)
    context.progress(0.5, f"at {token}")
    context.notifier.send(f"notice {token}", subject=f"subject {token}")
    print("json", json.dumps({"token": token}))
    sys.stdout.write(token[:5])
    sys.stdout.flush()
    sys.stdout.write(token[5:] + "\n")
    if fails:
        raise RuntimeError(f"failed with {token}")
    return {"output": token, token: "as a key"}


def leak_env() -> str:
    print("env", os.environ["API_TOKEN"])
    subprocess.run('echo "child $API_TOKEN"', shell=True, check=True)
    return os.environ["API_TOKEN"]


async def leak_async(token: str, fails: bool, context: TaskContext) -> dict[str, str]:
    return leak(token, fails, context)


def take_on(value: object) -> str:
    """What follows a task that gave a secret away."""
    print(value)
    return str(value)


def advance(context: TaskContext) -> str:
    """Says how far it has come, then waits for the gate."""
    context.progress(None, "beginning")
    for step in range(10):
        context.progress(step / 10, f"step {step}")
    context.progress(0.9, "waiting")
    gate = Path(os.environ["STEPS_GATE"])
    while not gate.exists():
        time.sleep(0.02)
        context.heartbeat()
    context.progress(1.0, "done")
    return "done"


def tell(context: TaskContext) -> None:
    context.notifier.send("to the task's own")
    context.notifier.send("to one by name", subject="a subject", to="pager")
    context.notifier.send("to nobody", to="nobody")
    raise RuntimeError("it goes out all the same")


def describe(context: TaskContext) -> dict[str, object]:
    run = context.run
    return {
        "task": context.task,
        "attempt": context.attempt,
        "dag": run.dag,
        "scheduled_at": run.scheduled_at,
        "date": run.date,
        "previous": run.previous,
        "params": run.params,
        "same params": context.params == run.params,
        "build": len(run.build),
        "part": context.part,
        "cancelled": bool(context.cancelled),
    }
