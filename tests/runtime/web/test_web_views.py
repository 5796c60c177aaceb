"""Runs as the API shows them: families with some of their members, outputs big and small, attempts of all epochs."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from ppacer import spec as s
from ppacer.core.model import (
    FAMILY,
    Attempt,
    AttemptStatus,
    ErrorKind,
    NoticeEvent,
    Notification,
    NotificationStatus,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.protocol import Progress
from ppacer.store.logs import LogStore
from ppacer.store.store import Store
from ppacer.web.answers import Subject, one_run
from ppacer.web.messages import TaskView
from ppacer.web.views import (
    BIG_OUTPUT,
    Members,
    RunRows,
    notification_view,
    run_detail,
    run_view,
    shown_name,
    task_views,
    time_text,
)

AT = s.At(1, 1)
DAG = s.Dag(
    "d",
    AT,
    (
        s.Task("files", "m:f", AT, children=("check",)),
        s.Task("check", "m:f", AT, parents=("files",), x=1, fan_out=s.FanOut("f", s.Output("files", AT))),
        s.Task("drop", "m:f", AT, handler=s.HandlerKind.FINALLY),
    ),
)
RUN = Run("r", "d", "b", RunKind.MANUAL, 1_000_000, RunStatus.RUNNING, 2_000_000, "ann", params='{"n":1}')


def row(task: str, position: int = 0, status: TaskStatus = TaskStatus.SUCCESS, **more: object) -> TaskRow:
    return replace(TaskRow("r", 1, task, position, status), **more)


def attempt(task: str, position: int = 0, *, epoch: int = 1, number: int = 1) -> Attempt:
    name = f"{task}{position}-{epoch}-{number}"
    return Attempt(name, "r", epoch, task, position, number, AttemptStatus.SUCCESS, 3_000_000)


def shown(rows: RunRows) -> dict[str, TaskView]:
    return {task.name: task for task in run_detail(rows, seq=1).tasks}


def test_tasks_stand_in_the_order_of_their_dag_members_behind_their_family() -> None:
    tasks = [row("drop", status=TaskStatus.WAITING), row("check", FAMILY, TaskStatus.RUNNING), row("files")]
    members = [row("check", 3, label="f3"), row("check", 7, TaskStatus.FAILED, label="f7")]
    counts = {TaskStatus.SUCCESS: 8, TaskStatus.FAILED: 1}
    found = shown(RunRows(RUN, DAG, tasks, [], {"check": Members(counts, members)}))
    assert list(found) == ["files", "check", "check[3]", "check[7]", "drop"]
    assert found["drop"].handler == "finally"
    assert (found["check"].position, found["check[7]"].position, found["check[7]"].label) == (-1, 7, "f7")
    family = found["check"].family
    assert family is not None
    assert (family.members, family.counts, family.shown) == (9, {"success": 8, "failed": 1}, 2)
    assert found["files"].family is None
    assert found["check[3]"].family is None
    assert (found["check[7]"].parents, found["check[7]"].x) == (("files",), 1)


def test_of_a_run_that_ends_while_it_is_read_no_task_goes_on() -> None:
    """Who follows a run shows its end as soon as it is told that it has ended."""

    class Ending:
        run_row, task_row = RUN, row("files", status=TaskStatus.RUNNING)

        def run(self, _: str) -> Run:
            return self.run_row

        def whole_tasks(self, _: str) -> list[TaskRow]:
            told, self.task_row = self.task_row, row("files")
            self.run_row = replace(RUN, status=RunStatus.SUCCESS)
            return [told]

        def attempts(self, *_: object, **__: object) -> list[Attempt]:
            return []

        def last_event_seq(self, _: object) -> dict[str, int]:
            return {}

    class Empty:
        def last_seq(self, _: object) -> dict[str, int]:
            return {}

    store, logs = cast("Store", Ending()), cast("LogStore", Empty())
    first, second = (one_run(store, logs, Subject(RUN, DAG), 1) for _ in range(2))
    assert (first.run.status, first.tasks[0].status) == ("running", "running")
    assert (second.run.status, second.tasks[0].status) == ("success", "success")


def test_an_attempt_that_ends_while_a_run_is_read_contradicts_no_task() -> None:
    """Who follows a run would take it for one of several."""

    class Ending:
        task_row = row("files", status=TaskStatus.RUNNING)

        def run(self, _: str) -> Run:
            return RUN

        def whole_tasks(self, _: str) -> list[TaskRow]:
            return [self.task_row]

        def attempts(self, *_: object, **__: object) -> list[Attempt]:
            self.task_row = row("files")
            return [attempt("files")]

        def last_event_seq(self, _: object) -> dict[str, int]:
            return {}

    class Empty:
        def last_seq(self, _: object) -> dict[str, int]:
            return {}

    found = one_run(cast("Store", Ending()), cast("LogStore", Empty()), Subject(RUN, DAG), 1)
    assert [(task.status, task.attempts[-1].status) for task in found.tasks] == [("success", "success")]


@pytest.mark.parametrize(
    ("executors", "runs_on", "waits_for"),
    [
        (None, ("gpu",), None),
        ([()], (), None),
        ([], (), "an executor"),
        ([()], ("gpu",), "an executor with the label gpu"),
        ([("gpu",), ("big",)], ("gpu", "big"), "an executor with the labels gpu, big"),
        ([(), ("big", "gpu", "near")], ("gpu", "big"), None),
    ],
)
def test_a_queued_task_tells_which_executor_is_missing(
    executors: list[tuple[str, ...]] | None, runs_on: tuple[str, ...], waits_for: str | None
) -> None:
    dag = s.Dag("d", AT, (s.Task("files", "m:f", AT, runs_on=runs_on),))
    for status in TaskStatus:
        (found,) = task_views(RunRows(RUN, dag, [row("files", status=status)], [], executors=executors))
        assert found.waits_for == (waits_for if status is TaskStatus.QUEUED else None)


def test_a_family_whose_list_is_not_known_yet() -> None:
    found = shown(RunRows(RUN, DAG, [row("files"), row("check", FAMILY, TaskStatus.WAITING)], []))
    assert found["check"].family is not None
    assert (found["check"].family.members, found["check"].family.shown) == (0, 0)


def test_a_run_whose_build_cannot_be_read_is_shown_as_it_is_stored() -> None:
    found = shown(RunRows(RUN, None, [row("b"), row("a")], []))
    assert [(task.name, task.callable, task.parents) for task in found.values()] == [("b", "", ()), ("a", "", ())]


def test_a_big_output_is_told_with_the_task_alone() -> None:
    big = f'"{"x" * BIG_OUTPUT}"'
    made = [row("files", output=big), row("drop", output="null"), row("check", FAMILY, output="[1]")]
    rows = RunRows(RUN, DAG, made, [])
    found = shown(rows)
    assert (found["files"].output, found["files"].output_size) == (None, BIG_OUTPUT + 2)
    assert (found["drop"].output, found["drop"].output_size) == (None, 4)
    assert (found["check"].output, found["check"].output_size) == (None, None)
    assert task_views(rows, whole=True)[0].output == "x" * BIG_OUTPUT


def test_attempts_of_all_epochs_in_order_with_what_they_say_of_their_progress() -> None:
    attempts = [attempt("files", epoch=2), attempt("files", number=2), attempt("files"), attempt("drop")]
    running = replace(attempts[0], status=AttemptStatus.RUNNING, due_at=5_000_000, error_kind=ErrorKind.MEMORY)
    progress = {running.id: Progress(running.id, 1, 4_000_000, 0.4, "loading")}
    found = shown(RunRows(RUN, DAG, [row("files", epoch=2)], [running, *attempts[1:]], {}, progress))["files"]
    assert found.epoch == 2
    assert [(each.epoch, each.number) for each in found.attempts] == [(1, 1), (1, 2), (2, 1)]
    last = found.attempts[-1]
    assert last.progress is not None
    assert (last.progress.fraction, last.progress.message, last.progress.at) == (0.4, "loading", time_text(4_000_000))
    assert (last.due_at, last.error_kind) == (time_text(5_000_000), "memory")
    assert found.attempts[0].progress is None


def test_what_a_row_tells_of_a_task_is_shown() -> None:
    full = row(
        "files",
        status=TaskStatus.RETRYING,
        due_at=1,
        started_at=2,
        finished_at=3,
        error="e",
        reason="why",
        generation=4,
    )
    found = shown(RunRows(RUN, DAG, [full], []))["files"]
    assert (found.status, found.error, found.reason, found.generation) == ("retrying", "e", "why", 4)
    assert (found.due_at, found.started_at, found.finished_at) == (time_text(1), time_text(2), time_text(3))


def test_a_run_with_all_that_is_known_of_it() -> None:
    full = replace(
        RUN,
        outcome=RunStatus.FAILED,
        reason="too long",
        late_at=7,
        previous_at=8,
        backfill="bf",
        kind=RunKind.BACKFILL,
        epoch=3,
    )
    view = run_view(full)
    assert (view.outcome, view.reason, view.backfill, view.kind, view.epoch) == (
        "failed",
        "too long",
        "bf",
        "backfill",
        3,
    )
    assert (view.late_at, view.previous_at) == (time_text(7), time_text(8))
    detail = run_detail(RunRows(RUN, DAG, [], []), seq=9)
    assert (detail.seq, detail.params, detail.run.actor) == (9, {"n": 1}, "ann")


def test_notifications() -> None:
    pending = Notification(
        "n", 1, "d", "b", NoticeEvent.FAILURE, "ops", "s", "m", NotificationStatus.PENDING, 2, "r", "check", 3, tries=1
    )
    view = notification_view(pending)
    assert (view.run, view.task, view.position, view.notifier, view.tries) == ("r", "check", 3, "ops", 1)
    assert view.due_at == time_text(2)
    sent = notification_view(replace(pending, status=NotificationStatus.SENT, sent_at=5))
    assert (sent.due_at, sent.sent_at) == (None, time_text(5))


def test_names() -> None:
    assert shown_name("check", 0, family=True) == "check[0]"
    assert shown_name("check", FAMILY, family=True) == "check"
    assert shown_name('raw["eu"]', 0, family=False) == 'raw["eu"]'
