"""What happens in a world: each scenario asks for something that passes the points it is meant for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tests.crash.world import Stage

Scenario: TypeAlias = "Callable[[Stage], None]"


def only_start(stage: Stage) -> None:
    """A start, and a run to see that all is well afterwards."""
    stage.until_hit()
    one_run("quick")(stage)


def one_run(dag: str) -> Scenario:
    def play(stage: Stage) -> None:
        run = stage.trigger(dag)
        stage.until_ended(run)
        stage.until_hit()

    return play


def run_before_executor(stage: Stage) -> None:
    """There is work when the executor asks for the first time."""
    run = stage.trigger("quick")
    stage.start("executor")
    stage.until_ended(run)
    stage.until_hit()


def long_run(stage: Stage) -> None:
    """A task that takes longer than its lease can go without a renewal, and is still at work when somebody else begins
    with it, if nobody has ended it."""
    run = stage.trigger("held")
    stage.until_begun(run, "first")
    stage.until_hit()
    if stage.point.victim == "executor":
        stage.until_begun(run, "first", again=True)
    stage.open_gate()
    stage.until_ended(run)


def lost_run(stage: Stage) -> None:
    """The executor goes while it has an attempt; the scheduler passes the point when it counts that as lost."""
    run = stage.trigger("held")
    stage.until_begun(run, "first")
    stage.running["executor"].kill()
    stage.until_hit()
    stage.open_gate()
    stage.until_ended(run)


def cancel(stage: Stage) -> None:
    run = stage.trigger("held", ends="cancelled")
    stage.until_begun(run, "first")
    stage.command("cancel", lambda client: client.cancel(run), run=run)
    stage.until_ended(run)
    stage.until_hit()


def cancel_task(stage: Stage) -> None:
    run = stage.trigger("held", ends="failed")
    stage.until_begun(run, "first")
    stage.command("task_cancel", lambda client: client.cancel_task(run, "first"), run=run)
    stage.until_ended(run)
    stage.until_hit()


def restart(stage: Stage) -> None:
    run = stage.trigger("faulty")
    stage.until_ended(run, ends="failed")
    stage.command("restart", lambda client: client.restart(run), run=run)
    stage.until_ended(run, ends="success")
    stage.until_hit()


def rerun(stage: Stage) -> None:
    run = stage.trigger("quick")
    stage.until_ended(run)
    stage.command("rerun", lambda client: client.rerun(run, "two"), run=run)
    stage.until_hit()
    stage.until_ended(run)


def mark(stage: Stage) -> None:
    run = stage.trigger("faulty")
    stage.until_ended(run, ends="failed")
    stage.command("mark", lambda client: client.mark(run, "bad", status="success", reason="seen"), run=run)
    stage.until_ended(run, ends="success")
    stage.until_hit()


def notify(stage: Stage) -> None:
    """A run that fails, of which somebody is told."""
    run = stage.trigger("faulty", ends="failed")
    stage.until_ended(run)
    stage.until_hit()

    def told() -> bool:
        found = stage.look(lambda client: client.run_notifications(run))
        return found is not None and [each.status for each in found.notifications] == ["sent"]

    stage.until("somebody to be told", told)


def pause(stage: Stage) -> None:
    stage.command("pause", lambda client: client.pause("quick"))
    stage.command("resume", lambda client: client.resume("quick"))
    run = stage.trigger("quick")
    stage.until_ended(run)
    stage.until_hit()


def due(stage: Stage) -> None:
    """Some due times; then a pause, so that there is an end."""
    stage.until_up()
    stage.until_hit()
    stage.until_up()
    stage.command("pause", lambda client: client.pause("tick"))
    _until_idle(stage)


def backfill(stage: Stage) -> None:
    stage.command("pause", lambda client: client.pause("tick"))
    until_at = datetime.now(UTC) - timedelta(seconds=60)
    from_at = until_at - timedelta(seconds=4)
    stage.command(
        "backfill",
        lambda client: client.start_backfill("tick", from_at.isoformat(), until_at.isoformat(), parallel=2),
    )
    stage.until_hit()
    _until_idle(stage)


def _until_idle(stage: Stage) -> None:
    def idle() -> bool:
        active = stage.look(lambda client: client.runs(statuses=("queued", "running")).runs)
        backfills = stage.look(lambda client: client.backfills().backfills)
        return active == () and backfills is not None and all(each.status != "running" for each in backfills)

    stage.until("all runs to end", idle)


def prune(stage: Stage) -> None:
    """All runs but the newest go."""
    for _ in range(2):
        run = stage.trigger("quick", ends="gone")
        stage.until_ended(run)
    last = stage.trigger("quick")
    stage.until_ended(last)
    stage.until_hit()

    def gone() -> bool:
        found = stage.look(lambda client: client.runs(dag="quick").runs)
        return found is not None and [run.id for run in found] == [last]

    stage.until("old runs to go", gone)


def drain(stage: Stage) -> None:
    """The executor is told to stop while it has a task; another one takes its place."""
    run = stage.trigger("held")
    stage.until_begun(run, "first")
    process = stage.running["executor"]
    process.popen.terminate()
    stage.open_gate()
    stage.until("the executor to end", lambda: process.popen.poll() is not None)
    stage.until_hit()
    if stage.running["executor"] is process and process.popen.returncode == 0:
        stage.start("executor")
    stage.until_ended(run)
