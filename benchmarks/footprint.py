"""What a program takes: to start, while it has nothing to do, and for one very large run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import machine, programs
from benchmarks.reference import Reference
from benchmarks.table import Row

STARTS = 7
SETTLE_SECONDS = 120
"""Until the first look for what is no longer kept, a minute after the start, is over: it comes every ten minutes."""
IDLE_SECONDS = 60
LARGE = 100_000
_LOOK_SECONDS = 0.5


def start(folder: Path, reference: Reference) -> Iterator[Row]:
    file = programs.build(folder / "start", programs.yearly(1))
    times = []
    for number in range(STARTS + 1):
        for left in folder.glob("start/pipeline*db*"):
            left.unlink()
        with programs.running(file) as program:
            if number:  # the first one compiles the modules
                times.append(program.ready_seconds)
    yield Row("start to ready, python pipeline.py, p50", median(times), "s", 0.8, reference.start_seconds)


def idle(folder: Path, reference: Reference) -> Iterator[Row]:
    for dags, most in ((1, 90), (1000, 150)):
        file = programs.build(folder / f"idle{dags}", programs.yearly(dags))
        with programs.running(file) as program:
            time.sleep(SETTLE_SECONDS)
            processes = machine.tree(program.process.pid)
            before = machine.processor_seconds(processes)
            time.sleep(IDLE_SECONDS)
            percent = 100 * (machine.processor_seconds(processes) - before) / IDLE_SECONDS
            megabytes = machine.proportional_bytes(processes) / 1e6
        what = f"idle with {dags:,} dag{'s' if dags > 1 else ''}, all processes"
        yield Row(f"{what}: processor", percent, "%", 0.3, reference.idle_percent)
        yield Row(f"{what}: memory (PSS)", megabytes, "MB", most, reference.idle_megabytes)


def memory(folder: Path, reference: Reference) -> Iterator[Row]:
    file = programs.build(folder / "large", programs.wide("async"))
    with programs.running(file) as program, _highest(program.process.pid) as found:
        program.trigger(programs.WIDE, count=LARGE)
        program.wait(programs.WIDE)
    yield Row(f"a run of {LARGE:,} tasks, all processes: most memory (PSS)", max(found) / 1e6, "MB", 600, None)
    rate = LARGE / programs.span_seconds(file, programs.WIDE)
    yield Row(f"a run of {LARGE:,} tasks, async", rate, "tasks/s", None, reference.rate, more_is_better=True)


class _highest:  # noqa: N801 - used as a block
    """Looks at the memory of a process and its children again and again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._found: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> list[int]:
        self._thread.start()
        return self._found

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._found.append(machine.proportional_bytes(machine.tree(self._pid)))
