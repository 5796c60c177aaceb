"""Task code of the end-to-end pipelines: what was done is seen in a side-effect file, and gates hold tasks back."""

import os
import time
from pathlib import Path


def note(word: str, name: str) -> int:
    """Appends one line, in one write, so that lines of different processes never mix. Returns where it ends."""
    line = f"{word} {name} {os.getpid()}\n".encode()
    descriptor = os.open(os.environ["STEPS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, line)
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    finally:
        os.close(descriptor)


def step(name: str) -> str:
    note("start", name)
    print(f"step {name}")
    note("end", name)
    return name


def gated(name: str) -> str:
    """Goes on only when the gate is open, for at most a minute."""
    note("start", name)
    gate = Path(os.environ["STEPS_GATE"])
    deadline = time.monotonic() + 60
    while not gate.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name}: the gate stayed shut")
        time.sleep(0.02)
    note("end", name)
    return name


def join(*names: str) -> list[str]:
    note("start", "join")
    note("end", "join")
    return sorted(names)


def fail_until(name: str, times: int) -> str:
    """Fails the first `times` times that it is called."""
    until = note("start", name)
    lines = Path(os.environ["STEPS_FILE"]).read_bytes()[:until].decode().splitlines()
    tries = sum(line.startswith(f"start {name} ") for line in lines)
    if tries <= times:
        raise RuntimeError(f"{name} fails on try {tries}")
    note("end", name)
    return name


def hang(name: str) -> None:
    note("start", name)
    while True:
        time.sleep(3600)
