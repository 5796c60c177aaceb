"""How fast tasks are run: wide and long, near and far, early and late in a database's life, by few and by many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

from benchmarks import machine, programs
from benchmarks.finished import fill
from benchmarks.reference import Reference
from benchmarks.table import Row

WIDTH = 10_000
LENGTH = 1_000
FINISHED = 1_000_000
REQUESTS = 200
FEW, MANY = 4, 50


def fan_out(folder: Path, reference: Reference) -> Iterator[Row]:
    for isolation in programs.ISOLATIONS:
        file = programs.build(folder / f"wide-{isolation}", programs.wide(isolation))
        mark = 1500 if isolation == "process" else 3000
        rate = _rate(file)
        yield Row(f"{WIDTH:,} tasks at once, {isolation}", rate, "tasks/s", mark, reference.rate, more_is_better=True)
        if isolation != "process":
            share, what = 100 * rate / reference.rate, f"{WIDTH:,} tasks at once, {isolation}, share of the baseline"
            yield Row(what, share, "%", 60, None, more_is_better=True)


def chain(folder: Path, reference: Reference) -> Iterator[Row]:
    for isolation in ("async", "thread"):
        file = programs.build(folder / f"long-{isolation}", programs.long(isolation, LENGTH))
        with programs.running(file) as program:
            _run(program, programs.LONG)
        what = f"chain of {LENGTH:,}, a hop, p50, {isolation}, in the program"
        yield Row(what, _hop(file), "ms", 1.5, reference.hop_ms)
    file = programs.build(folder / "long-process", programs.long("process", LENGTH))
    with programs.running(file, "scheduler") as program, programs.several(file, 1, program.url):
        _run(program, programs.LONG)
    what = f"chain of {LENGTH:,}, a hop, p50, process, executor in another process"
    yield Row(what, _hop(file), "ms", 3, reference.hop_ms)


def lateness(folder: Path, reference: Reference) -> Iterator[Row]:
    file = programs.build(folder / "often", programs.each_second())
    with programs.running(file):
        syncs = machine.lone_syncs(folder, 122)
    yield Row("a dag each second, its first task, p99", _late(file), "ms", 10, 1000 * _of_99(syncs))
    file = programs.build(folder / "minute", programs.each_minute(1000))
    with programs.running(file):
        time.sleep(60 - time.time() % 60 + 75)  # one minute's beginning, and the next
    yield Row("1,000 dags at the same minute, their first tasks, p99", _late(file), "ms", 500, 1e6 / reference.rate)


def finished(folder: Path, _: Reference) -> Iterator[Row]:
    """Each figure with a full database is a ratio to the same with an empty one, turn by turn."""
    source = programs.wide("async")
    empty, full = programs.build(folder / "empty", source), programs.build(folder / "full", source)
    fill(full, FINISHED)
    rates: dict[Path, list[float]] = {empty: [], full: []}
    latencies: dict[Path, list[float]] = {empty: [], full: []}
    for file in (empty, full, full, empty, empty, full):
        rates[file].append(_rate(file))
        latencies[file].append(_latency(file))
    rate, latency = {file: median(each) for file, each in rates.items()}, {f: median(x) for f, x in latencies.items()}
    what = f"{FINISHED:,} finished tasks in the database"
    yield Row(f"{what}: {WIDTH:,} at once", rate[full], "tasks/s", 0.85 * rate[empty], rate[empty], more_is_better=True)
    yield Row(f"{what}: the API's answers, p50", latency[full], "ms", 1.15 * latency[empty], latency[empty])


def executors(folder: Path, _: Reference) -> Iterator[Row]:
    """Real ones, each with its workers; what many do is a ratio to what few do."""
    file = programs.build(folder / "executors", programs.wide("async"))
    rates = {number: _rate_of_executors(file, number) for number in (FEW, MANY)}
    what = f"{MANY} executors on one scheduler, {WIDTH:,} tasks at once, async"
    yield Row(what, rates[MANY], "tasks/s", 0.8 * rates[FEW], rates[FEW], more_is_better=True)


def _run(program: programs.Program, dag: str, **params: object) -> None:
    program.trigger(dag, **params)
    program.wait(dag)


def _rate(file: Path) -> float:
    with programs.running(file) as program:
        _run(program, programs.WIDE, count=WIDTH)
    return WIDTH / programs.span_seconds(file, programs.WIDE)


def _rate_of_executors(file: Path, number: int) -> float:
    with programs.running(file, "scheduler") as program, programs.several(file, number, program.url):
        until = time.monotonic() + 300
        while len(program.get("/api/v1/executors")["executors"]) < number:  # type: ignore[arg-type]
            if time.monotonic() > until:
                raise SystemExit("the executors do not come")
            time.sleep(0.5)
        for count in (100 * number, WIDTH):  # the first so that all have workers
            _run(program, programs.WIDE, count=count)
        log = program.log
    if "ERROR" in log or "Traceback" in log:
        raise SystemExit(f"{number} executors: the scheduler's log tells of errors:\n{log[-2000:]}")
    return WIDTH / programs.span_seconds(file, programs.WIDE)


def _hop(file: Path) -> float:
    """Milliseconds from the beginning of a task to that of the next, of half of all."""
    begun = [begun for begun, _ in programs.attempts(file, programs.LONG)]
    return median(later - earlier for earlier, later in pairwise(begun)) / 1000


def _late(file: Path) -> float:
    """Milliseconds from when runs were due to when their first task began, of 99 in 100."""
    query = (
        "SELECT a.started_at - r.scheduled_at FROM runs r JOIN attempts a ON a.run_id = r.id "
        "WHERE r.kind = 'scheduled' AND a.started_at IS NOT NULL"
    )
    return _of_99([late for (late,) in programs.read(file, query)]) / 1000


def _of_99(values: list[float]) -> float:
    """What 99 in 100 of them do not exceed."""
    return quantiles(values, n=100, method="inclusive")[98]


def _latency(file: Path) -> float:
    """Milliseconds that half of the answers take at most: the dags, the newest runs, a run, its history."""
    with programs.running(file) as program:
        run = program.get("/api/v1/runs?limit=1")["runs"][0]["id"]  # type: ignore[index]
        paths = ("/api/v1/dags", "/api/v1/runs?limit=20", f"/api/v1/runs/{run}", f"/api/v1/runs/{run}/events?limit=100")
        medians = []
        for path in paths:
            times = []
            for _ in range(REQUESTS // len(paths)):
                began = time.perf_counter()
                program.get(path)
                times.append(time.perf_counter() - began)
            medians.append(median(times))
    return 1000 * sum(medians) / len(medians)
