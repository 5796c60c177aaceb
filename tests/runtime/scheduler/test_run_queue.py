"""Runs in line: who starts when, who is in the way, and that every place comes back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core.model import Run, RunKind, RunStatus
from ppacer.core.plan import DagPlan
from ppacer.services.run_queue import QueuedRun, RunQueue

SCHEDULED, MANUAL, BACKFILL = RunKind.SCHEDULED, RunKind.MANUAL, RunKind.BACKFILL


class Line:
    """A queue for one dag, and the runs that it started, in order."""

    def __init__(self, limit: int = 1) -> None:
        self.limit = limit
        self.started: list[str] = []
        self.queue = RunQueue(lambda queued: self.started.append(queued.run.id), lambda plan: self.limit)
        self.plan = DagPlan("b1", spec.Dag("d", spec.At(1, 1), ()), {}, {}, ())

    def run(self, id: str, kind: RunKind = SCHEDULED) -> Run:
        return Run(id, "d", "b1", kind, 0, RunStatus.QUEUED, 0, "somebody")

    def add(self, *ids: str, kind: RunKind = SCHEDULED) -> None:
        for each in ids:
            self.queue.add(QueuedRun(self.plan, self.run(each, kind), 1))
        self.queue.advance("d")

    def end(self, id: str) -> None:
        self.queue.ended(self.run(id))
        self.queue.advance("d")


def test_first_come_first_served_as_many_as_may() -> None:
    line = Line(limit=2)
    line.add("1", "2", "3", "4")
    assert line.started == ["1", "2"]
    assert (line.queue.active, line.queue.queued) == (2, 2)
    assert (line.queue.active_of("d"), line.queue.queued_of("d")) == (2, 2)
    line.end("2")
    assert line.started == ["1", "2", "3"]
    line.end("1")
    line.end("3")
    line.end("4")
    assert line.started == ["1", "2", "3", "4"]
    assert (line.queue.active, line.queue.queued) == (0, 0)


def test_backfilled_runs_stand_behind_all_others() -> None:
    line = Line()
    line.add("1")
    line.add("2", "3", kind=BACKFILL)
    line.add("4", kind=MANUAL)
    line.add("5")
    for each in ("1", "4", "5", "2", "3"):
        line.end(each)
    assert line.started == ["1", "4", "5", "2", "3"]


def test_a_run_that_comes_back_waits_for_its_turn_again() -> None:
    line = Line()
    line.add("1", "2")
    line.end("1")
    line.add("1")
    assert line.started == ["1", "2"]
    line.end("2")
    assert line.started == ["1", "2", "1"]


def test_a_run_that_is_withdrawn_never_starts() -> None:
    line = Line()
    line.add("1", "2", "3")
    assert line.queue.waiting("2") is not None
    line.queue.withdraw("2")
    line.queue.ended(line.run("2"))
    assert line.queue.waiting("2") is None
    line.end("1")
    assert line.started == ["1", "3"]


def test_restored_runs_count_beyond_the_limit() -> None:
    line = Line(limit=2)
    for each in ("3", "1", "2"):
        line.queue.restore(line.run(each))
    line.add("4")
    line.end("1")
    assert line.started == []
    assert line.queue.active_runs("d") == ["2", "3"]
    line.end("2")
    assert line.started == ["4"]
    assert line.queue.active_runs("e") == []


def test_room_is_for_those_ahead_first() -> None:
    line = Line(limit=2)
    has_room = line.queue.has_room
    assert has_room(line.plan, SCHEDULED)
    line.add("1")
    line.queue.add(QueuedRun(line.plan, line.run("2", BACKFILL), 1))
    assert has_room(line.plan, SCHEDULED)
    assert not has_room(line.plan, BACKFILL)
    line.queue.add(QueuedRun(line.plan, line.run("3", MANUAL), 1))
    assert not has_room(line.plan, SCHEDULED)


@pytest.mark.parametrize(
    ("limit", "active", "ending", "scheduled", "manual", "backfilled", "expected"),
    [
        (1, "", "", "", "", "", ""),
        (1, "1", "", "", "", "", "1"),
        (2, "1", "", "", "", "", ""),
        (2, "2 1", "", "", "", "", "1"),
        (2, "1 2 3", "", "", "", "", "1 2"),
        # one that ends already makes room by itself
        (1, "1", "1", "", "", "", ""),
        (2, "1 2", "1", "", "", "", ""),
        # a scheduled one that still waits is as old as what it waits for; what people asked for is not taken back
        (1, "1", "1", "2", "", "", "2"),
        (1, "1", "", "2 3", "", "", "1 2 3"),
        (1, "1", "", "", "2", "", "1"),
        (3, "1 2", "", "", "3", "", "1"),
        # backfilled ones that wait are behind anyway, active ones are not
        (1, "1", "", "", "", "2 3", "1"),
    ],
)
def test_who_is_in_the_way_of_a_scheduled_run(limit, active, ending, scheduled, manual, backfilled, expected) -> None:
    line = Line(limit)
    for each in active.split():
        line.queue.restore(line.run(each))
    for kind, ids in ((SCHEDULED, scheduled), (MANUAL, manual), (BACKFILL, backfilled)):
        for each in ids.split():
            line.queue.add(QueuedRun(line.plan, line.run(each, kind), 1))
    assert line.queue.in_the_way(line.plan, ending.split().__contains__) == expected.split()


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 3))
def test_the_limit_holds_and_every_place_comes_back(data: st.DataObject, limit: int) -> None:
    line = Line(limit)
    naive: list[tuple[str, RunKind]] = []
    running: list[str] = []
    for number in range(data.draw(st.integers(1, 40))):
        if running and data.draw(st.booleans()):
            line.end(running.pop(data.draw(st.integers(0, len(running) - 1))))
        else:
            kind = data.draw(st.sampled_from(RunKind))
            naive.append((str(number), kind))
            line.add(str(number), kind=kind)
        while len(running) < limit and naive:
            first = min(naive, key=lambda pair: pair[1] is BACKFILL)
            naive.remove(first)
            running.append(first[0])
            assert running[-1] in line.started
        assert line.queue.active_runs("d") == sorted(running)
        assert line.queue.queued == len(naive)
    while active := line.queue.active_runs("d"):
        line.end(active[0])
    assert line.queue.queued == 0
    assert line.queue.active == 0
