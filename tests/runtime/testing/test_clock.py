"""What happens when on the fake clock: retries, waits, time-outs, limits, cancels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from ppacer.testing import Pipeline, PipelineError, RunResult, cancelled, fails, in_turn, lost, takes, times_out, world


def began(result: RunResult) -> dict[str, timedelta]:
    """How long after its start a run began each of its tasks."""
    assert result.started_at is not None
    return {
        task.id: task.started_at - result.started_at for task in result.tasks.values() if task.started_at is not None
    }


def statuses_of_tries(result: RunResult, task: str) -> list[str]:
    return [one.status.value for one in result[task].tries]


def test_retries_wait_on_the_fake_clock(flows: Pipeline) -> None:
    result = flows.run("retries", tasks={"flaky": in_turn(fails("one"), times_out(), lost(), 7), "grows": 1})
    assert result.status == "success"
    assert statuses_of_tries(result, "flaky") == ["failed", "timed_out", "lost", "success"]
    # ten minutes after a failure, at once after a loss; a time-out takes its hour
    starts = [one.started_at - result.at for one in result["flaky"].tries if one.started_at is not None]
    assert starts == [timedelta(minutes=at) for at in (0, 10, 80, 80)]
    assert result.took == timedelta(minutes=80)
    assert result["after"].args == (7, 1)


def test_delays_that_grow_have_no_jitter_here(flows: Pipeline) -> None:
    result = flows.run("retries", tasks={"flaky": 1})
    starts = [one.started_at - result.at for one in result["grows"].tries if one.started_at is not None]
    assert starts == [timedelta(minutes=at) for at in (0, 1, 3)]


def test_what_is_lost_again_and_again_fails_in_the_end(flows: Pipeline) -> None:
    result = flows.run("retries", tasks={"flaky": lost(), "grows": 1})
    assert (result["flaky"].status, statuses_of_tries(result, "flaky")) == ("failed", ["lost"] * 4)
    assert result["flaky"].error is not None
    assert result["flaky"].error.startswith("its executor has vanished")


def test_waiting_tasks_wait_on_the_fake_clock(flows: Pipeline, where: Callable[[str, str], str]) -> None:
    result = flows.run("waits")
    assert result.statuses() == {
        "nap": "success",
        "blink": "success",
        "poll": "success",
        "until": "success",
        "short": "failed",
    }
    assert began(result)["blink"] == timedelta(hours=2)
    assert result["blink"].finished_at == result.at + timedelta(hours=2, milliseconds=500)
    assert result["poll"].output == 2
    assert [(call.attempt, call.part) for call in result["poll"].calls] == [(1, 0), (1, 1), (1, 2)]
    assert result["until"].output == "late enough"
    assert result["short"].error == f"the task waited longer than its time-out of 10m\n{where('waits', 'short')}"
    assert result.took == timedelta(hours=5)


def test_a_file_that_must_stay_as_it_is_is_looked_at_by_the_fake_clock(
    build: Callable[..., Pipeline],
) -> None:
    pipeline = build('dag d { task w = wait_for_file("pipeline.ppd", stable_for = 5m) }')
    result = pipeline.run("d")
    assert result.statuses() == {"w": "success"}
    assert timedelta(minutes=5) <= result.took < timedelta(minutes=6)


def test_the_clock_never_goes_back(build: Callable[..., Pipeline]) -> None:
    module = """
from datetime import datetime
from ppacer import TaskContext
from ppacer.deferral import defer

def wait(until: datetime, context: TaskContext) -> None:
    if context.part == 0:
        defer(until, state=1)
"""
    pipeline = build("import waiting\ndag d { task w = waiting.wait(run.scheduled_at - 1h) }", waiting=module)
    result = pipeline.run("d")
    assert result.status == "success"
    assert {event.at for event in result.events} == {result.at}


def test_a_task_that_waits_for_ever_is_told_of(build: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "MOST_PARTS", 50)
    pipeline = build('dag d { task w = wait_for_file("nothing") { timeout = none } }')
    with pytest.raises(PipelineError, match=r"task w of dag d \(pipeline\.ppd:1\) has waited 50 times"):
        pipeline.run("d")


def test_a_stub_may_take_time(flows: Pipeline) -> None:
    result = flows.run("limited", tasks={"a": takes("1h"), "b": takes("10m", 1), "c": takes(timedelta(minutes=5))})
    assert result["a"].error is not None
    assert result["a"].error.startswith("the task ran longer than its time-out of 10m")
    assert result["b"].status == "success"
    assert result["b"].finished_at == result.at + timedelta(minutes=10)


def test_no_more_tasks_run_at_once_than_the_dag_lets(flows: Pipeline) -> None:
    result = flows.run("limited", tasks={"a": takes("3m"), "b": takes("5m"), "c": takes("1m")})
    assert began(result) == {"a": timedelta(0), "b": timedelta(0), "c": timedelta(minutes=3)}


def test_labels_keep_nothing_from_being_run(flows: Pipeline) -> None:
    assert flows.run("labelled").statuses() == {"train": "success"}


def test_pools_and_priorities(flows: Pipeline) -> None:
    assert flows.run("places").order == ("high", "first", "low", "second")
    taking = flows.run("places", tasks={"first": takes("2m")})
    assert began(taking)["second"] == timedelta(minutes=2)


def test_a_run_that_is_late_and_one_that_takes_too_long(flows: Pipeline) -> None:
    late = flows.run("late", tasks={"work": takes("1h")})
    assert (late.status, late.late) == ("success", True)
    assert [(alert.event, alert.task, alert.notifiers) for alert in late.alerts] == [("late", None, ("ops",))]
    assert not flows.run("late", tasks={"work": takes("29m")}).late
    long = flows.run("late", tasks={"work": takes("3h")})
    assert (long.status, long.reason) == ("failed", "it ran longer than its run_timeout of 2h")
    assert long.statuses() == {"work": "cancelled", "tidy": "success"}
    assert long.took == timedelta(hours=2)


def test_a_run_that_is_cancelled(flows: Pipeline, where: Callable[[str, str], str]) -> None:
    result = flows.run("late", tasks={"work": takes("1h", fails("later"))}, cancel_after="20m", actor="ann")
    assert (result.status, result.reason) == ("cancelled", "cancelled by ann")
    assert result.statuses() == {"work": "cancelled", "tidy": "success"}
    (only,) = result["work"].tries
    assert only.error == f"the task was cancelled\n{where('late', 'work')}"
    assert (only.started_at, only.finished_at) == (result.at, result.at + timedelta(minutes=20))
    assert [line.message for line in result["work"].log] == [only.error]
    assert result.took == timedelta(minutes=20)


def test_a_task_that_is_cancelled(flows: Pipeline) -> None:
    result = flows.run("handled", tasks={"work": takes("1m", cancelled())})
    assert result.statuses("work") == {"work": "cancelled"}
    assert statuses_of_tries(result, "work") == ["cancelled"]
    assert result["work"].reason == "cancelled by test"
    assert (result.status, result["call"].status) == ("failed", "success")
    assert result.took == timedelta(minutes=1)


def test_who_comes_too_late_to_cancel_changes_nothing(flows: Pipeline) -> None:
    result = flows.run("late", tasks={"work": takes("3h", cancelled())}, cancel_after="1h")
    assert result["work"].reason == "cancelled by test"
    assert result.took == timedelta(hours=1)
