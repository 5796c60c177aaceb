"""A small program as `ppc` would write it, in a folder of its own, and the processes started from it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ppacer.runfile import RunFile, read_run_file

PROGRAM = """
from datetime import datetime, timedelta
from ppacer import spec as s

AT = s.At(1, 1)
PRINT, SHELL = "ppacer.tasks.builtin:print_", "ppacer.tasks.shell:shell"

DATE = s.FormatString((s.FormatField(s.RunValue(s.RunField.DATE, AT), AT),), AT)

def task(id, callable, *args, **more):
    return s.Task(id=id, callable=callable, at=AT, args=tuple(s.Literal(arg, AT) for arg in args), **more)

PROGRAM = s.Program(
    name="shop", build="cd" * 32, compiler="0.1.0",
    dags=(
        s.Dag(id="quick", at=AT, tasks=(
            task("first", PRINT, "hello", children=("second",)), task("second", PRINT, "bye", parents=("first",)))),
        s.Dag(id="fails", at=AT, tasks=(task("bad", SHELL, "echo about to fail; exit 3"),)),
        s.Dag(id="waits", at=AT, tasks=(
            task("before", PRINT, "once", children=("gate",)),
            task("gate", SHELL, "echo waiting; while [ ! -e gate ]; do sleep 0.05; done", parents=("before",)))),
        s.Dag(id="secret", at=AT, tasks=(
            task("only", SHELL, "[ $KEY = open-sesame ] && echo it is $KEY", env=(("KEY", s.Secret("KEY", AT)),)),)),
        s.Dag(id="daily", at=AT, schedules=(s.Every(timedelta(days=1), AT),), max_active_runs=3, tasks=(
            task("day", SHELL, "set -- $DAY; [ $1 != 2026-01-02 ] || [ -e gate ]", env=(("DAY", DATE),)),)),
    ),
    callables=(s.Callable(PRINT, s.CallableKind.FUNCTION), s.Callable(SHELL, s.CallableKind.FUNCTION),
               s.Callable("odd:Days", s.CallableKind.CLASS), s.Callable("odd:Broken", s.CallableKind.CLASS)),
    sources=(s.Source("shop.ppd", "00" * 32, ""),),
)

def _print():
    from ppacer.tasks.builtin import print_
    return print_

def _shell():
    from ppacer.tasks.shell import shell
    return shell

class Days:
    def start(self):
        return None

    def next(self, now, previous):
        return (previous or datetime(2999, 1, 1, tzinfo=now.tzinfo)) + timedelta(days=2)

class Broken:
    def start(self):
        return None

    def next(self, now, previous):
        raise ValueError("no calendar")

CALLABLES = {PRINT: _print, SHELL: _shell, "odd:Days": lambda: Days, "odd:Broken": lambda: Broken}

if __name__ == "__main__":
    import sys
    from ppacer.cli import main
    sys.exit(main(PROGRAM, CALLABLES, __file__))
"""


SCHEDULES_IN_PYTHON = PROGRAM.replace(
    "    ),\n    callables=",
    """
        s.Dag(id="odd", at=AT, schedules=(s.CustomSchedule("odd:Days", AT),), tasks=(task("only", PRINT, "x"),)),
        s.Dag(id="broken", at=AT, schedules=(s.CustomSchedule("odd:Broken", AT),), tasks=(task("only", PRINT, "x"),)),
    ),
    callables=""",
)
"""The same with two more dags: one due every other day from 3 January 2999 on, one whose schedule raises."""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


@dataclass
class Shop:
    """The program in a folder of its own, and the processes started from it."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("PPACER_")}

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "shop.py", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def start(self, *arguments: str, output: str = "out.txt", **more: str) -> subprocess.Popen[str]:
        with (self.folder / output).open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "shop.py", *arguments],
                cwd=self.folder,
                env=self.environment | more,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.started.append(process)
        return process

    def serve(self, *arguments: str, **more: str) -> tuple[subprocess.Popen[str], RunFile]:
        """Starts a program that serves on a free port; it and where it answers."""
        process = self.start(*arguments, "--port", "0", **more)
        wait_until(lambda: self.found(process.pid) is not None, "the run file")
        found = self.found(process.pid)
        assert found is not None
        return process, found

    def found(self, pid: int) -> RunFile | None:
        found = read_run_file(self.folder / "shop.run.json")
        return found if found is not None and found.pid == pid else None

    def said(self, output: str = "out.txt") -> str:
        return (self.folder / output).read_text()

    def open_gate(self) -> None:
        (self.folder / "gate").touch()


def running_commands() -> str:
    """The command lines and working folders of all processes that can be seen."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                found.append(f"{(entry / 'cmdline').read_bytes()!r} {(entry / 'cwd').readlink()}")
            except OSError:
                continue
    return "\n".join(found)
