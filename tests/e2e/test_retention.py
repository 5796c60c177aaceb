"""What a program no longer keeps: by number while it serves, by age on a database that a program has written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ppacer.client import RefusedError
from ppacer.config import Retention
from ppacer.services.pruner import DAY, FIRST_AFTER
from ppacer.store import open_store
from ppacer.store.logs import open_logs
from tests.e2e.decided import events_of, runs_of
from tests.e2e.running import running
from tests.e2e.serving import Serving, statuses, task_of
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, World, wait_until
from tests.runtime.store import pruning

pytestmark = pytest.mark.slow

KEPT = 3


@dataclass
class Crowded:
    """A program that keeps three runs of each dag, and what it had run before it looked for the first time."""

    served: Serving
    many: list[str]
    few: list[str]


@pytest.fixture(scope="module")
def crowded(module_world: World) -> Iterator[Crowded]:
    program = module_world.build(PIPELINES / "retention.ppd")
    with running(module_world, program, "--keep-runs", str(KEPT)) as served:
        keyed = served.client.trigger("many", idempotency_key="first").id
        many = [keyed, *(served.trigger("many") for _ in range(4)), served.run("many").run.id]
        yield Crowded(served, many, [served.run("few").run.id for _ in range(2)])
        assert "Traceback" not in served.log


def prune_after(program: Path, days: int, retention: Retention) -> None:
    """What a program with these settings would do if so many days had passed."""
    store, logs = open_store(program.with_suffix(".db")), open_logs(program.with_suffix(".logs.db"))
    try:
        store.advance_leader()

        async def look(place: pruning.World) -> None:
            place.clock.at = time.time_ns() // 1_000 + days * DAY
            await place.look()

        assert pruning.run(store, logs, retention, look).failures == []
    finally:
        logs.close()
        store.close()


def test_outputs_logs_and_runs_go_with_the_time(crowded: Crowded, world: World) -> None:
    """`crowded` is here so that its program gets on with its waiting meanwhile."""
    program = world.build(PIPELINES / "retention.ppd")
    with running(world, program) as served:
        old = served.run("chain").run.id
        assert statuses(served.client.run(old))["flaky"] == "failed"

    keep = Retention(days=90, runs=0, logs_days=30, outputs_days=10)
    prune_after(program, 9, keep)
    with running(world, program) as served:
        assert served.client.task(old, "first").output == 7
        assert served.said(old, "word") == ["a line"]

    prune_after(program, 31, keep)
    with running(world, program) as served:
        first = served.client.task(old, "first")
        assert (first.status, first.output, first.output_size) == ("success", None, None)
        assert served.said(old, "word") == []

        # What had succeeded is not run again, and what it gave is not there any more.
        assert served.call("restart", old).returncode == 0
        again = served.ended(old)
        done = {task for task, status in statuses(again).items() if status == "success"}
        assert (again.run.status, done) == ("failed", {"word", "first", "flaky"})
        for task in ("last", "asked"):
            error = task_of(again, task).error or ""
            assert f"task {task} of dag chain (retention.ppd:" in error
            assert "the output of first has no value: it is no longer kept" in error
            assert "outputs are deleted after `keep_outputs_days`" in error
        served.client.rerun(old, "first")
        assert served.ended(old).run.status == "success"
        newest = served.run("chain").run.id

    prune_after(program, 91, keep)
    with running(world, program) as served:
        assert [run.id for run in runs_of(served.client, "chain")] == [newest]
        assert events_of(served.client, "chain") == []
        with pytest.raises(RefusedError, match=f"there is no run `?{old}"):
            served.client.run(old)
        assert old not in served.call("runs", "chain").stdout
        assert "there is no run" in served.call("logs", old).stderr
        assert served.client.run(newest).run.status == "success"


def test_a_program_keeps_so_many_runs_of_each_dag_with_all_they_have(crowded: Crowded) -> None:
    served = crowded.served
    wait_until(
        lambda: "removed what is no longer kept" in served.log, "the first look around", FIRST_AFTER + PATIENCE_SECONDS
    )
    (line,) = [line for line in served.log.splitlines() if "removed what is no longer kept" in line]
    gone, kept = crowded.many[:-KEPT], crowded.many[-KEPT:]
    assert line.endswith(f"(logs of attempts: {len(gone)}, runs: {len(gone)})")
    assert [run.id for run in runs_of(served.client, "many")] == kept
    assert [run.id for run in runs_of(served.client, "few")] == crowded.few
    for run in gone:
        with pytest.raises(RefusedError):
            served.client.run(run)
    for run in (*kept, *crowded.few):
        assert served.said(run, "t") == ["a line"]
    assert [line.split()[-1] for line in served.call("runs", "many").stdout.splitlines()[1:]] == kept[::-1]
    new = served.client.trigger("many", idempotency_key="first").id
    assert new not in crowded.many, "its idempotency key went with it"
    assert served.ended(new).run.status == "success"
