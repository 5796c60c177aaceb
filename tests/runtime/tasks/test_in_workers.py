"""Built-in tasks where they run: in the workers of an executor, which tell a scheduler that they wait."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ppacer.core import codec
from ppacer.protocol import Deferral, Outcome, Report, RunRequest
from tests.runtime.executor.conftest import Bench, FakeScheduler, bench, scheduler, value

from .servers import Reply, serving

pytestmark = pytest.mark.slow
__all__ = ["bench", "scheduler"]

SLEEP = "ppacer.tasks.builtin:sleep"
SHELL = "ppacer.tasks.shell:shell"
WAIT_FOR_FILE = "ppacer.tasks.waiting:wait_for_file"
HOUR = timedelta(hours=1)


def waited(report: Report) -> Deferral:
    assert report.outcome is Outcome.DEFERRED, report.error
    assert report.deferral is not None
    return report.deferral


async def again(scheduler: FakeScheduler, deferral: Deferral, callable: str, *args: object) -> Report:
    """Hands the attempt out once more, as the scheduler does when its time has come."""
    attempt = scheduler.assign(callable, *args)
    scheduler.queue[-1] = replace(scheduler.queue[-1], state=deferral.state, part=1)
    await scheduler.offer()
    return await scheduler.report(attempt)


def test_a_sleep_leaves_its_worker_at_once(bench: Bench, scheduler: FakeScheduler) -> None:
    async def scenario() -> None:
        async with bench.executor(scheduler):
            began = time.time_ns() // 1000
            deferral = waited(await scheduler.run(SLEEP, HOUR, seconds=7200))
            assert deferral.until is not None
            assert began <= deferral.until - HOUR // timedelta(microseconds=1) <= time.time_ns() // 1000
            assert deferral.state is None

    asyncio.run(scenario())


def test_a_wait_goes_on_where_it_was(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"

    async def scenario() -> None:
        async with bench.executor(scheduler):
            deferral = waited(await scheduler.run(WAIT_FOR_FILE, str(file)))
            assert deferral.until is not None
            assert deferral.state is not None
            file.touch()
            assert value(await again(scheduler, deferral, WAIT_FOR_FILE, str(file))) == file
            logs = [line for attempt in scheduler.logs for line in scheduler.text(attempt)]
            assert logs == [f"waiting for {file}: it is not there yet"]

    asyncio.run(scenario())


def test_a_server_is_asked_by_a_worker(bench: Bench, scheduler: FakeScheduler) -> None:
    async def scenario(url: str) -> None:
        async with bench.executor(scheduler):
            waited(await scheduler.run("ppacer.tasks.http:wait_for_http", url, expect=204))
            assert value(await scheduler.run("ppacer.tasks.http:http", url)) == [1, 2]
            report = await scheduler.run("ppacer.tasks.http:http", url, expect=404)
            assert report.error is not None
            first, *_ = report.error.splitlines()
            assert first == (
                f"ppacer.tasks.http_client.HttpError: GET {url} answered 200 OK, expected is 404; its body begins:"
            )

    with serving(Reply(body=b"[1, 2]")) as server:
        asyncio.run(scenario(server.url))


def test_a_run_is_asked_for(bench: Bench, scheduler: FakeScheduler) -> None:
    async def scenario() -> None:
        async with bench.executor(scheduler):
            deferral = waited(await scheduler.run("ppacer.tasks.run_dag:run_dag", "weekly", {"full": True}))
            assert deferral == Deferral(run=RunRequest("weekly", params='{"full":true}'))

    asyncio.run(scenario())


def test_a_database_is_asked_by_a_worker(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"

    async def scenario() -> None:
        async with bench.executor(scheduler):
            sql = "ppacer.tasks.sql:sql"
            value(await scheduler.run(sql, url, "create table orders (id integer, day date)", output="none"))
            value(await scheduler.run(sql, url, "insert into orders values (:id, :day)", params={"id": 1, "day": "x"}))
            assert value(await scheduler.run(sql, url, "select * from orders")) == [{"id": 1, "day": "x"}]
            report = await scheduler.run(sql, url, "select * from nowhere")
            assert report.error is not None
            assert report.error.splitlines()[0] == "ppacer.tasks.sql.SqlError: OperationalError: no such table: nowhere"

    asyncio.run(scenario())


def test_a_script_beside_the_program(bench: Bench, scheduler: FakeScheduler) -> None:
    (bench.folder / "clean.py").write_text("import sys\nprint('cleaning')\nprint(*sys.argv[1:])\n")

    async def scenario() -> None:
        async with bench.executor(scheduler):
            assert value(await scheduler.run("ppacer.tasks.shell:script", "clean.py", 1, True)) == "1 true"

    asyncio.run(scenario())


def test_commands_in_threads_have_outputs_of_their_own(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    """Both write while the other runs."""

    def command(own: str, other: str) -> str:
        return f"touch {own}; until [ -e {other} ]; do sleep 0.01; done; echo {own}; echo {own} >&2"

    async def scenario() -> None:
        async with bench.executor(scheduler):
            names = (f"{tmp_path}/a", f"{tmp_path}/b")
            attempts = [scheduler.assign(SHELL, command(own, other)) for own, other in (names, names[::-1])]
            scheduler.queue = [replace(each, isolation="thread") for each in scheduler.queue]
            await scheduler.offer()
            for attempt, name in zip(attempts, names, strict=True):
                assert value(await scheduler.report(attempt)) == name
                assert scheduler.text(attempt, "stdout") == [name]
                assert scheduler.text(attempt, "stderr") == [name]

    asyncio.run(scenario())


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_a_command_that_is_told_to_stop_is_heard_to_its_end(
    bench: Bench, scheduler: FakeScheduler, isolation: str
) -> None:
    command = "trap 'echo tidying up; sleep 0.2; echo done; exit' TERM; echo here; while :; do sleep 0.05; done"

    async def scenario() -> None:
        async with bench.executor(scheduler):
            attempt = scheduler.assign(SHELL, command, given={"isolation": isolation})
            await scheduler.offer()
            await scheduler.until(lambda: scheduler.text(attempt) == ["here"])
            scheduler.cancel.add(attempt)
            await scheduler.offer()
            assert (await scheduler.report(attempt)).outcome is Outcome.CANCELLED
            assert scheduler.text(attempt, "stdout") == ["here", "tidying up", "done"]

    asyncio.run(scenario())


def test_parts_leave_little_behind(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    """What the scheduler keeps for each of ten thousand that wait."""

    async def scenario() -> None:
        async with bench.executor(scheduler):
            (tmp_path / "orders.csv").touch()
            arguments = {"stable_for": HOUR}
            deferral = waited(await scheduler.run(WAIT_FOR_FILE, str(tmp_path / "*.csv"), **arguments))
            assert deferral.state is not None
            assert len(deferral.state) < 300
            assert isinstance(codec.decode(deferral.state), dict)

    asyncio.run(scenario())
