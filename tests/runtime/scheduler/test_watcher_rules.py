"""What becomes of due times: catch-up, overlap, pauses, clocks that are set; each rule by itself, on the hour."""

from __future__ import annotations

from datetime import datetime

import pytest

from ppacer import spec
from ppacer.core.model import RunStatus
from ppacer.services.dag_run_watcher import MISFIRE_GRACE, MOST_WAITING, SCHEDULE
from tests.runtime.counting import calls
from tests.runtime.scheduler.watching import AT, HOUR, SECOND, World, at, hourly, hours

NONE, LATEST, ALL = spec.Catchup.NONE, spec.Catchup.LATEST, spec.Catchup.ALL
QUEUE, SKIP, CANCEL = spec.Overlap.QUEUE, spec.Overlap.SKIP, spec.Overlap.CANCEL_RUNNING


def world(*dags: spec.Dag, now: int | None = None) -> World:
    made = World(at(8, 30) if now is None else now, *dags)
    made.start()
    return made


# --- catch-up --------------------------------------------------------------------------------------------------------

CATCHUP = [
    # what was missed, the policy: what is run, what is recorded
    (at(8, 59), NONE, [], []),
    (at(9, 30), NONE, [], [(at(9), at(9), 1)]),
    (at(12, 30), NONE, [], [(at(9), at(12), 4)]),
    (at(9, 30), LATEST, [9], []),
    (at(12, 30), LATEST, [12], [(at(9), at(11), 3)]),
    (at(9, 30), ALL, [9], []),
    (at(12, 30), ALL, [9, 10, 11, 12], []),
]


@pytest.mark.parametrize(("until", "catchup", "run", "recorded"), CATCHUP)
@pytest.mark.parametrize("how", ["outage", "pause", "pause over an outage", "sleep", "clock set"])
def test_what_becomes_of_what_was_missed(how, until, catchup, run, recorded) -> None:
    w = world(hourly(catchup=catchup, max_active_runs=9))
    gap = (until - w.now()) / SECOND
    match how:
        case "outage":
            w.crash()
            w.pass_time(gap)
            w.start()
        case "pause":
            w.pause()
            w.pass_time(gap)
            w.resume()
        case "pause over an outage":
            w.pause()
            w.crash()
            w.pass_time(gap - 60)
            w.start()
            assert w.watcher.next_due("d") is None
            w.pass_time(60)
            assert w.dues() == []
            w.resume()
        case "sleep" | "clock set":  # timers do not notice either
            w.set_clock(until)
            w.pass_time(31)
    assert w.dues() == hours(*run)
    assert w.missed() == recorded
    assert w.watcher.next_due("d") == at(until // HOUR // SECOND - at(0) // HOUR // SECOND + 1)


def test_what_came_due_during_a_pause_was_missed_however_short_it_was() -> None:
    w = world(hourly(catchup=NONE))
    w.pass_time(29.9 * 60)
    w.pause()
    w.pass_time(0.2 * 60)
    w.resume()
    assert (w.dues(), w.missed()) == ([], [(at(9), at(9), 1)])


def test_what_is_noticed_within_the_grace_was_not_missed() -> None:
    w = world(hourly(catchup=NONE))
    w.set_clock(at(9) + MISFIRE_GRACE - 31 * SECOND)
    w.pass_time(30)
    assert w.dues() == hours(9)
    w.set_clock(at(10) + MISFIRE_GRACE)
    w.pass_time(31)
    assert w.dues() == hours(9)
    assert w.missed() == [(at(10), at(10), 1)]


def test_catching_up_goes_on_one_by_one_as_runs_end() -> None:
    w = world(hourly(catchup=ALL))
    w.crash()
    w.pass_time(3.5 * HOUR)
    w.start()
    assert (w.dues(), w.watcher.next_due("d")) == (hours(9), at(10))
    w.end(w.running()[0])
    assert (w.dues(), w.watcher.next_due("d")) == (hours(9, 10), at(11))
    w.crash()
    w.start()
    assert w.dues() == hours(9, 10)
    w.pass_time(HOUR)  # what comes due while it is behind waits for its turn, and does not overtake
    for _ in range(3):
        w.end(w.running()[0])
    assert w.dues() == hours(9, 10, 11, 12, 13)
    assert w.dues(RunStatus.RUNNING) == hours(13)
    assert w.watcher.next_due("d") == at(14)


def test_due_times_while_behind_are_caught_up_not_skipped() -> None:
    w = world(hourly(catchup=ALL, overlap=SKIP))
    w.crash()
    w.pass_time(2.49 * HOUR)
    w.start()
    w.pass_time(0.02 * HOUR)
    assert w.dues() == hours(9)
    w.end(w.running()[0])
    w.end(w.running()[0])  # 11:00:36: less than the grace since 11:00
    assert (w.dues(), w.skipped()) == (hours(9, 10, 11), [])


@pytest.mark.parametrize(("catchup", "run"), [(NONE, []), (LATEST, [11]), (ALL, [9, 10, 11])])
def test_a_pause_ends_catching_up_until_it_is_over(catchup, run) -> None:
    w = world(hourly(catchup=catchup))
    first = w.trigger()
    w.pause()
    w.pass_time(3 * HOUR)
    w.end(first)
    assert w.dues() == []
    w.resume()
    while w.running():
        w.end(w.running()[0])
    assert w.dues() == hours(*run)


def test_a_dag_that_is_paused_while_behind_goes_on_when_it_is_resumed() -> None:
    w = world(hourly(catchup=ALL))
    w.crash()
    w.pass_time(3 * HOUR)
    w.start()
    w.pause()
    w.end(w.running()[0])
    assert w.dues() == hours(9)
    w.resume()
    assert w.dues() == hours(9, 10)


def test_a_clock_that_is_set_back_makes_no_run_twice() -> None:
    w = world(hourly(catchup=ALL, max_active_runs=9))
    w.pass_time(2 * HOUR)
    w.set_clock(at(8))
    w.pass_time(2.9 * HOUR)
    assert w.dues() == hours(9, 10)
    w.pass_time(0.2 * HOUR)
    assert w.dues() == hours(9, 10, 11)


BACKFILLED = [
    # the due times of 9 to 12 that have a run already, the policy: what is run, what is recorded
    ([10, 12], NONE, [], [9, 11]),
    ([10, 12], LATEST, [], [9, 11]),
    ([10], LATEST, [12], [9, 11]),
    ([9, 10, 11], LATEST, [12], []),
    ([9, 10, 11, 12], LATEST, [], []),
    ([10, 12], ALL, [9, 11], []),
]


@pytest.mark.parametrize(("made", "catchup", "run", "recorded"), BACKFILLED)
@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_backfill_has_made_is_neither_run_nor_missed(made, catchup, run, recorded, restarted) -> None:
    w = world(hourly(catchup=catchup, max_active_runs=9))
    w.pause()
    w.pass_time(4 * HOUR)
    for hour in made:
        w.backfill(at(hour))
    if restarted:
        w.crash()
        w.start()
    w.resume()
    assert w.dues() == hours(*sorted(made + run))
    assert w.missed() == [(at(hour), at(hour), 1) for hour in recorded]
    assert w.watcher.next_due("d") == at(13)


def test_backfilled_times_that_are_no_longer_due_are_nobodys_business() -> None:
    w = world(hourly(catchup=NONE))
    w.pause()
    w.pass_time(3 * HOUR)
    w.backfill(at(9, 30))
    w.resume()
    assert w.missed() == [(at(9), at(9), 1), (at(10), at(11), 2)]


# --- overlap ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlap", "running", "waiting", "cancelled", "not_run"),
    [(QUEUE, [9], [10, 11], [], []), (SKIP, [9], [], [], [10, 11]), (CANCEL, [11], [], [9, 10], [])],
)
def test_a_due_time_while_no_more_runs_may_be_active(overlap, running, waiting, cancelled, not_run) -> None:
    w = world(hourly(overlap=overlap))
    w.pass_time(2.6 * HOUR)
    assert w.dues(RunStatus.RUNNING) == hours(*running)
    assert w.dues(RunStatus.QUEUED) == hours(*waiting)
    assert w.dues(RunStatus.CANCELLED) == hours(*cancelled)
    assert w.skipped() == hours(*not_run)
    assert {told.actor for told in w.told} <= {SCHEDULE}


@pytest.mark.parametrize("overlap", spec.Overlap)
def test_overlap_says_nothing_where_there_is_room(overlap) -> None:
    w = world(hourly(overlap=overlap, max_active_runs=3))
    w.trigger()
    w.pass_time(2 * HOUR)
    assert w.dues(RunStatus.RUNNING) == hours(9, 10)
    assert w.told == []


def test_no_more_than_so_many_runs_wait_for_their_turn() -> None:
    w = world(hourly(overlap=QUEUE))
    for _ in range(MOST_WAITING):
        w.trigger()
    w.pass_time(1.5 * HOUR)
    assert w.dues() == hours(9)
    assert w.skipped() == hours(10)
    w.end(w.running()[0])
    w.pass_time(HOUR)
    assert w.dues() == hours(9, 11)


# --- what it tells ---------------------------------------------------------------------------------------------------


def test_the_next_due_time_of_all() -> None:
    w = world(hourly("a"), spec.Dag("b", AT, (), schedules=(spec.Cron("50 * * * *", AT),)), spec.Dag("c", AT, ()))
    assert w.watcher.next_due_overall() == at(8, 50)
    assert [w.watcher.next_due(each) for each in "abc"] == [at(9), at(8, 50), None]
    w.pause("b")
    assert w.watcher.next_due_overall() == at(9)
    w.pause("a")
    assert w.watcher.next_due_overall() is None
    w.pass_time(HOUR)
    w.resume("b")
    assert w.watcher.next_due_overall() == at(9, 50)
    assert [w.watcher.watermark(each) for each in "abc"] == [at(8, 30), at(8, 50), None]


def test_nothing_rings_for_what_is_paused_or_far_away() -> None:
    w = world(*(hourly(f"d{number}") for number in range(50)))
    w.pass_time(25 * 60)
    assert w.timers.rung == 25 * 60 / 30
    for number in range(50):
        w.pause(f"d{number}")
    w.pass_time(24 * HOUR)
    assert w.timers.rung == 25 * 60 / 30


def test_a_due_time_costs_no_more_the_more_dags_and_runs_there_are() -> None:
    costs = {}
    for others in (5, 2_000):
        minutely = spec.Dag("d", AT, (), schedules=(spec.Cron("* * * * *", AT),), max_active_runs=1)
        w = world(minutely, *(hourly(f"d{number}") for number in range(others)))
        for _ in range(others):
            w.trigger("d0")
        costs[others] = calls(lambda w=w: w.pass_time(600))
        assert len(w.dues()) == 10
    assert costs[2_000] < 1.2 * costs[5]


def test_a_schedule_that_cannot_be_is_its_dags_problem() -> None:
    w = world(hourly("a"), spec.Dag("b", AT, (), schedules=(spec.Cron("0 0 30 2 *", AT),)))
    assert "this never fires" in w.watcher.problem("b")
    assert [w.watcher.next_due("b"), w.watcher.watermark("b")] == [None, None]
    assert w.watcher.problem("a") is None
    w.pause("b")
    w.resume("b")
    w.pass_time(HOUR)
    assert w.dues(dag_id="a") == hours(9)


def test_several_schedules_with_bounds() -> None:
    both = (spec.Cron("0 * * * *", AT), spec.Cron("0,30 10 * * *", AT))
    w = world(
        spec.Dag(
            "d",
            AT,
            (),
            schedules=both,
            start=datetime(2026, 5, 4, 10),  # noqa: DTZ001
            end=datetime(2026, 5, 4, 12),  # noqa: DTZ001
            max_active_runs=9,
        )
    )
    assert w.watcher.next_due("d") == at(10)
    w.pass_time(24 * HOUR)
    assert w.dues() == [at(10), at(10, 30), at(11)]
    assert w.watcher.next_due("d") is None
    assert w.watcher.next_due_overall() is None
