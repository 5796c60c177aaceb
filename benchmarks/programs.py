"""The programs that are measured: their sources, how they are built, started, asked and stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_READY_SECONDS = 60
_ENDED_SECONDS = 900
_POLL = 0.25

STEPS = """
async def anew(number: int = 0) -> int:
    return number

def step(number: int = 0) -> int:
    return number

def numbers(count: int) -> list[int]:
    return list(range(count))
"""
"""Tasks that do nothing; numbers to make families of."""

ISOLATIONS = ("async", "thread", "process")
WIDE, LONG = "wide", "long"


def wide(isolation: str) -> str:
    """A dag that makes `count` tasks at once."""
    return (
        f"from steps import {_name(isolation)}, numbers\n\ndag {WIDE} {{\n  param count: int = 1\n"
        f"  task all = numbers(params.count) {{ isolation = {'process' if isolation == 'process' else 'thread'} }}\n"
        f"  task each[n in all] = {_call(isolation, 'n')}\n}}\n"
    )


def long(isolation: str, size: int) -> str:
    """A dag in which so many tasks follow each other."""
    tasks = "".join(f"  task t{n} = {_call(isolation)}\n" for n in range(size))
    edges = "".join(f"  t{n} -> t{n + 1}\n" for n in range(size - 1))
    return f"from steps import {_name(isolation)}\n\ndag {LONG} {{\n{tasks}{edges}}}\n"


def _call(isolation: str, argument: str = "") -> str:
    return f"{_name(isolation)}({argument}) {{ isolation = {isolation} }}"


def _name(isolation: str) -> str:
    return "anew" if isolation == "async" else "step"


def each_second() -> str:
    return "from steps import anew\n\ndag often {\n  schedule = every(1s)\n  task t = anew()\n}\n"


def each_minute(dags: int) -> str:
    """So many dags that are all due when a minute begins."""
    return "from steps import anew\n\n" + "\n".join(
        f'dag d{n} {{\n  schedule = cron("* * * * *")\n  task t = anew()\n}}\n' for n in range(dags)
    )


def yearly(dags: int) -> str:
    """So many dags of which none is due soon."""
    month = (time.gmtime().tm_mon + 5) % 12 + 1
    return "from steps import anew\n\n" + "\n".join(
        f'dag d{n} {{\n  schedule = cron("{n % 60} 3 1 {month} *")\n  task t = anew()\n}}\n' for n in range(dags)
    )


def build(folder: Path, source: str, form: str = "py") -> Path:
    """The program built of the source, in a folder of its own; `form` is what `--format` takes."""
    folder.mkdir(parents=True)
    (folder / "steps.py").write_text(STEPS, encoding="utf-8")
    (folder / "pipeline.ppd").write_text(source, encoding="utf-8")
    file = folder / ("pipeline" if form == "bin" else f"pipeline.{form}")
    command = [sys.executable, "-m", "ppc.cli", "build", "pipeline.ppd", "-o", file.name, "--format", form]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return file


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs, at this port. `file` is its source, beside which its database stands."""

    file: Path
    process: subprocess.Popen[bytes]
    port: int
    ready_seconds: float

    def get(self, path: str) -> dict[str, object]:
        return _ask(self.port, "GET", path)

    def trigger(self, dag: str, **params: object) -> str:
        """Starts a run and returns its id."""
        return str(_ask(self.port, "POST", f"/api/v1/dags/{dag}/runs", {"params": params})["id"])

    def wait(self, dag: str) -> None:
        """Returns when the newest run of the dag has ended, which must have gone well."""
        until = time.monotonic() + _ENDED_SECONDS
        while time.monotonic() < until:
            [run] = self.get(f"/api/v1/runs?dag={dag}&limit=1")["runs"]  # type: ignore[misc]
            if run["status"] not in ("queued", "running"):
                if run["status"] != "success":
                    raise SystemExit(f"run {run['id']} of {dag} ended as {run['status']}")
                return
            time.sleep(_POLL)
        raise SystemExit(f"the run of {dag} does not end")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.file.parent / "log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def running(file: Path, *arguments: str, python: str = sys.executable, cache: Path | None = None) -> Iterator[Program]:
    """`python pipeline.py`, or what the arguments say, once it answers; ended at the end. `cache` is where it may keep
    what it unpacks, if not where users have it."""
    run_file = file.with_suffix(".run.json")
    run_file.unlink(missing_ok=True)
    began = time.perf_counter()
    with started(file, *arguments, "--port", "0", python=python, cache=cache) as process:
        port = _wait_ready(run_file, process)
        yield Program(file, process, port, time.perf_counter() - began)


@contextmanager
def started(
    file: Path, *arguments: str, log: str = "log", python: str = sys.executable, cache: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the program, ended at the end."""
    command = [*([python] if file.suffix else []), str(file), *arguments]
    environment = _environment() | ({} if cache is None else {"XDG_CACHE_HOME": str(cache)})
    with (file.parent / log).open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=file.parent, env=environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def several(file: Path, number: int, url: str) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    """So many executors at work for the scheduler there."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with (file.parent / "executors.log").open("ab") as output:
            for index in range(number):
                command = [sys.executable, str(file), "executor", "--scheduler", url, "--name", f"e{index}"]
                processes.append(
                    subprocess.Popen(command, stdout=output, stderr=output, cwd=file.parent, env=_environment())
                )
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)


def attempts(file: Path, dag: str) -> list[tuple[int, int]]:
    """When each attempt of the dag's newest run began and ended, in microseconds, in the order of their beginnings."""
    query = (
        "SELECT started_at, finished_at FROM attempts WHERE run_id = "
        "(SELECT id FROM runs WHERE dag = ? ORDER BY id DESC LIMIT 1) ORDER BY started_at"
    )
    return [(begun, ended) for begun, ended in read(file, query, dag)]


def span_seconds(file: Path, dag: str) -> float:
    """From when the family of the dag's newest run was made to the run's end."""
    [(seconds,)] = read(
        file,
        "SELECT (r.finished_at - t.started_at) / 1e6 FROM runs r JOIN tasks t ON t.run_id = r.id AND t.position = -1 "
        "WHERE r.dag = ? ORDER BY r.id DESC LIMIT 1",
        dag,
    )
    return float(seconds)


def read(file: Path, query: str, *parameters: object) -> list[tuple]:
    """What the program's database holds. Only one that has ended may be asked."""
    connection = sqlite3.connect(file.with_suffix(".db"))
    try:
        return connection.execute(query, parameters).fetchall()
    finally:
        connection.close()


def _wait_ready(run_file: Path, process: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"the program ended with {process.returncode}: see {run_file.parent / 'log'}")
        if run_file.exists():
            port = int(json.loads(run_file.read_text())["url"].rpartition(":")[2])
            _ask(port, "GET", "/ready")
            return port
        time.sleep(0.002)
    raise SystemExit("the program does not get ready")


def _ask(port: int, method: str, path: str, body: object = None) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status >= 400:
        raise SystemExit(f"{method} {path} was answered with {response.status}: {text.decode()}")
    answer: dict[str, object] = json.loads(text)
    return answer


def _environment() -> dict[str, str]:
    """Defaults only; modules are compiled once, as in any installation."""
    dropped = ("PYTHONDONTWRITEBYTECODE",)
    return {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith("PPACER_")}
