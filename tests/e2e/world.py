"""Real programs for end-to-end tests: built by `ppc build`, started as processes, ended by their own ids."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parent / "pipelines"
_ROOT = Path(__file__).parents[2]
EXAMPLES = _ROOT / "examples"

PATIENCE_SECONDS = 120.0
"""Bounds what hangs. Whatever tests wait for comes much sooner, unless the machine has much else to do."""

GONE_SECONDS = 30.0
"""Within which processes that are to end have gone, on a busy machine; an idle worker goes by itself in a minute."""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Polls until the condition holds; fails, saying what never came, when the time is up.

    The longer it takes the less often: to look takes time of the processor, which what is waited for needs.
    """
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        if waited > seconds:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        time.sleep(min(0.2, max(0.02, waited / 20)))


_built: dict[Path, bytes] = {}
"""The programs that this process has built, by their sources, which are the same each time: wherever that is done, the
same sources give the same bytes."""


@dataclass
class Process:
    """A started command; what it prints goes to `output`."""

    popen: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """As `kill -9` does, the process alone."""
        self.popen.kill()
        self.popen.wait(PATIENCE_SECONDS)

    def terminate(self) -> int:
        """Asks it to end; the code with which it did."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(PATIENCE_SECONDS)


@dataclass
class World:
    """A folder with a built program in it, its processes and what its tasks leave behind."""

    folder: Path
    processes: list[Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "STEPS_FILE": str(self.folder / "steps.txt"),
            "STEPS_GATE": str(self.folder / "gate"),
            "PYTHONUNBUFFERED": "1",
        }

    def build(self, source: Path) -> Path:
        """Copies a pipeline with its modules here and compiles it."""
        for file in source.parent.iterdir():
            if file.is_file():
                shutil.copy(file, self.folder)
        program = self.folder / f"{source.stem}.py"
        if source in _built:
            program.write_bytes(_built[source])
            return program
        done = self.ppc("build", self.folder / source.name)
        assert done.returncode == 0, done.stderr
        if source.is_relative_to(_ROOT):
            _built[source] = program.read_bytes()
        return program

    def ppc(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.call("-m", "ppc.cli", *arguments)

    def call(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs Python with these arguments to its end."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            timeout=2 * PATIENCE_SECONDS,
        )

    def start(self, *arguments: str | Path) -> Process:
        """Starts Python with these arguments; it is ended with the test if it is still there."""
        output = self.folder / f"output-{len(self.processes)}.txt"
        with output.open("wb") as stream:
            popen = subprocess.Popen(
                [sys.executable, *map(str, arguments)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder,
            )
        process = Process(popen, output)
        self.processes.append(process)
        return process

    def end(self) -> None:
        """Ends the processes that are still there: all are asked to, who does not is killed."""
        for process in self.processes:
            if process.popen.poll() is None:
                process.popen.terminate()
        for process in self.processes:
            try:
                process.popen.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    def open_gate(self) -> None:
        (self.folder / "gate").touch()

    def steps(self, word: str) -> list[tuple[str, int]]:
        """The (name, process id) of each `start` or `end` noted so far, in order."""
        file = self.folder / "steps.txt"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        noted = [line.split() for line in lines]
        return [(name, int(pid)) for kind, name, pid in noted if kind == word]


@dataclass(frozen=True)
class Api:
    """The JSON API of a program at an address."""

    url: str
    token: str | None = None

    def request(
        self, path: str, body: object = None, *, seconds: float = PATIENCE_SECONDS, key: str | None = None
    ) -> object:
        """GET, or POST where there is a body, with an idempotency key if there is one; the decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)  # an address the test made
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if key is not None:
            request.add_header("Idempotency-Key", key)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return json.load(answer)

    def up(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            self.request("/ready", seconds=5)
            return True
        return False
