"""Random runs against a naive model: any dag, any order of happenings, stale and repeated ones among them.

Each step is also checked by `World`: against the guards of a database, the fold of the history, what the rows restore,
and a second machine that knows nothing but the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppacer.core import happenings as h
from ppacer.core.machine import NotPossible
from ppacer.core.model import (
    FAMILY,
    Attempt,
    AttemptStatus,
    ErrorKind,
    EventKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.core.run_state import Step, deferral_of
from ppacer.protocol import Deferral, Outcome, RunRequest
from tests.runtime.core.machine import naive
from tests.runtime.core.machine.drawn import draw_dag
from tests.runtime.core.machine.naive import OVER, Dag, Key, Rows
from tests.runtime.core.machine.plans import SECOND
from tests.runtime.core.machine.world import LEASE, World

OUTPUTS = ["null", "[]", '["p"]', '["p","q","r"]', "7"]
MOST_REOPENED = 4
MOST_DEFERRED = 8
FUEL = 60
"""After so many steps nothing is asked for any more that gives the run more to do."""

WILD = st.integers(0, 11).map(lambda number: number == 0)
ONCE = (h.Claimed, h.Reported, h.LeaseExpired, h.CannotStart)
"""Happenings that never come to mean anything again."""
REPEATED = (*ONCE, h.Start, h.RetryDue, h.DeferralDue, h.Awaited, h.RunTimedOut, h.DeadlinePassed, h.TaskCancelAsked)
"""Happenings of which a second one, at once, changes nothing."""


class Play:
    """One random run."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.dag: Dag = draw_dag(data)
        self.world = World(self.dag.plan)
        self.steps = self.reopened = self.deferred = self.token = 0
        self.past: list[h.Happening] = []

    def play(self) -> None:
        while not self.world.machine.run.status.terminal or self.goes_on():
            self.steps += 1
            assert self.steps < 700, "the run does not end"
            self.world.now += self.draw(st.sampled_from([0, 1, SECOND, 5 * SECOND]))
            self.take(self.choose())
            if self.past and self.draw(WILD):
                self.take_stale(self.draw(st.sampled_from(self.past)))

    def goes_on(self) -> bool:
        return self.reopened < MOST_REOPENED and self.steps < FUEL and self.draw(st.booleans())

    def rows(self) -> dict[Key, TaskRow]:
        return {(row.task, row.position): row for row in self.world.machine.tasks()}

    # --- what happens next -------------------------------------------------------------------------------------------

    def choose(self) -> h.Happening:
        run, now = self.world.machine.run, self.world.now
        if run.status.terminal or (self.steps < FUEL and self.reopened < MOST_REOPENED and self.draw(WILD)):
            return self.reopening()
        if self.steps < FUEL and self.draw(WILD):
            return self.interference()
        if run.status is RunStatus.QUEUED:
            return h.Start(now)
        moves = [*map(self.of_attempt, self.attempts()), *self.retries()]
        return self.draw(st.sampled_from(moves)) if len(moves) < 2 else moves[self.draw(st.integers(0, len(moves) - 1))]

    def attempts(self) -> list[Attempt]:
        return sorted(self.world.machine.attempts(), key=lambda each: (each.task, each.position))

    def retries(self) -> Iterator[h.Happening]:
        for row in self.world.machine.tasks():
            if row.due_at is not None:
                yield h.RetryDue(max(row.due_at, self.world.now), row.task, row.position)

    def of_attempt(self, attempt: Attempt) -> h.Happening:
        """What may happen to it."""
        now, wild = self.world.now, self.draw(WILD)
        match attempt.status:
            case AttemptStatus.QUEUED if wild:
                kind = self.draw(st.sampled_from([ErrorKind.ARGUMENTS, ErrorKind.CODE_GONE]))
                return h.CannotStart(now, attempt.id, kind, "no way")
            case AttemptStatus.QUEUED:
                self.token += 1
                return h.Claimed(now, attempt.id, self.token, "host", "instance", "request", now + LEASE)
            case AttemptStatus.RUNNING if wild:
                if self.draw(st.booleans()):
                    return h.LeaseRestored(now, attempt.id, now + 2 * LEASE)
                return h.LeaseExpired(now, attempt.id, attempt.token, "late")
            case AttemptStatus.RUNNING:
                return self.report(attempt)
            case _:
                return self.of_deferred(attempt)

    def report(self, attempt: Attempt) -> h.Happening:
        now = self.world.now
        outcome = self.draw(st.sampled_from([Outcome.SUCCESS, *Outcome]))
        deferral, kind = None, None
        if outcome is Outcome.DEFERRED:
            self.deferred += 1
            if self.deferred > MOST_DEFERRED:
                outcome = Outcome.SUCCESS
            else:
                deferral = self.draw(DEFERRALS)
        if outcome is Outcome.FAILED:
            kind = self.draw(st.sampled_from([None, ErrorKind.EXCEPTION, ErrorKind.ARGUMENTS]))
        output = self.draw(st.sampled_from(OUTPUTS)) if outcome is Outcome.SUCCESS else None
        return h.Reported(
            now, attempt.id, attempt.token, outcome, now, now, output, kind, deferral=deferral, error="what happened"
        )

    def of_deferred(self, attempt: Attempt) -> h.Happening:
        now = self.world.now
        if deferral_of(attempt).run is not None:
            error = self.draw(st.sampled_from([None, "it failed"]))
            return h.Awaited(now, attempt.id, None if error else '"done"', error)
        assert attempt.due_at is not None
        limit = self.limit(attempt)
        return h.DeferralDue(max(now, attempt.due_at if limit is None else min(limit, attempt.due_at)), attempt.id)

    def limit(self, attempt: Attempt) -> int | None:
        timeout = self.dag.plan.tasks[attempt.task].timeout
        assert attempt.started_at is not None
        return None if timeout is None else attempt.started_at + int(timeout.total_seconds()) * SECOND

    def interference(self) -> h.Happening:
        now = self.world.now
        which = self.draw(st.integers(0, 5))
        if which == 0:
            return h.CancelAsked(now, "ann")
        if which == 1:
            return h.RunTimedOut(now + self.draw(st.sampled_from([0, 2000 * SECOND])))
        if which == 2:
            return h.DeadlinePassed(now)
        return h.TaskCancelAsked(now, "ann", *self.somewhere())

    def somewhere(self) -> tuple[str, int | None]:
        task = self.draw(st.sampled_from(sorted(self.dag.plan.tasks) or ["nothing"]))
        return task, self.draw(st.sampled_from([None, 0, 1, 7] if self.dag.is_family(task) else [None]))

    def reopening(self) -> h.Happening:
        self.reopened += 1
        operation = self.draw(st.sampled_from(h.Operation))
        if operation is h.Operation.RESTART:
            return h.Reopen(self.world.now, "ann", operation)
        task, position = self.somewhere()
        if operation is h.Operation.RERUN:
            return h.Reopen(self.world.now, "ann", operation, task, position, follow=self.draw(st.booleans()))
        status = self.draw(st.sampled_from([TaskStatus.SUCCESS, TaskStatus.FAILED]))
        output = self.draw(st.sampled_from(OUTPUTS))
        return h.Reopen(
            self.world.now, "ann", operation, task, position, status=status, output=output, reason="so it is"
        )

    # --- what must follow --------------------------------------------------------------------------------------------

    def take(self, happening: h.Happening) -> None:
        world, before, run = self.world, self.rows(), self.world.machine.run
        world.now = max(world.now, happening.at)
        attempt = world.machine.attempt(getattr(happening, "attempt", ""))
        ending = world.machine.ending
        try:
            step = world.handle(happening)
        except NotPossible:
            if isinstance(happening, h.Reopen):
                assert naive.is_refused(self.dag, before, run.status, happening, ending=ending)
            return
        if step is None:
            return
        if isinstance(happening, h.Reopen):
            assert not naive.is_refused(self.dag, before, run.status, happening, ending=ending)
            self.check_reopened(before, happening, step)
        if isinstance(happening, ONCE):
            self.past.append(happening)
        if isinstance(happening, REPEATED):
            self.take_again(happening)
        after = self.rows()
        if attempt is not None:
            self.check_attempt(before[attempt.task, attempt.position], attempt, happening)
        self.check_rest(before, after, step)
        self.check_waiting(before, after, happening, step)
        self.check_end(after)

    def take_again(self, happening: h.Happening) -> None:
        try:
            assert self.world.handle(happening) is None
        except NotPossible:
            assert isinstance(happening, h.TaskCancelAsked)

    def take_stale(self, happening: h.Happening) -> None:
        assert self.world.handle(happening) is None
        if isinstance(happening, h.Claimed):
            forged = h.Reported(self.world.now, happening.attempt, happening.token + 10**6, Outcome.SUCCESS, 0, 0)
            assert self.world.handle(forged) is None

    def check_attempt(self, row: TaskRow, attempt: Attempt, happening: h.Happening) -> None:
        """What becomes of the task of which an attempt is told something."""
        task = self.dag.plan.tasks[row.task]
        match happening:
            case h.Claimed():
                expected = "running"
            case h.LeaseRestored():
                expected = row.status.value
            case h.CannotStart():
                expected = "failed"
            case h.LeaseExpired():
                expected = naive.after_loss(task, row)
            case h.Reported(outcome=outcome, error_kind=kind, deferral=deferral):
                if outcome is Outcome.SUCCESS:
                    expected = "success"
                elif outcome in (Outcome.FAILED, Outcome.TIMED_OUT):
                    expected = naive.after_failure(task, row, final=kind is ErrorKind.ARGUMENTS)
                elif outcome is Outcome.DEFERRED and deferral is not None and row.reason is None:
                    expected = "running"
                else:
                    expected = naive.after_loss(task, row)
            case h.Awaited(error=error):
                goes_on = "running" if deferral_of(attempt).state is not None else "success"
                expected = goes_on if error is None else naive.after_failure(task, row)
            case h.DeferralDue(at=at):
                goes_on = "running" if deferral_of(attempt).state is not None else "success"
                limit = self.limit(attempt)
                in_time = attempt.due_at is not None and (limit is None or attempt.due_at <= limit)
                assert not in_time or at >= (attempt.due_at or 0)
                expected = goes_on if in_time else naive.after_failure(task, row)
            case _:
                raise AssertionError(happening)
        now = self.rows()[row.task, row.position]
        assert now.status == expected, (happening, row, now)
        assert now.attempts == row.attempts + (expected == "queued"), (row, now)

    def check_rest(self, before: Rows, after: Rows, step: Step) -> None:
        """Within an epoch what has ended stays as it is."""
        for key, row in before.items():
            now = after.get(key)
            if now is None:
                assert (key[0], FAMILY) in after, "only members are ever dropped"
                assert after[key[0], FAMILY].epoch > row.epoch
            elif now.epoch == row.epoch and row.status.terminal:
                assert now == row

    def check_waiting(self, before: Rows, after: Rows, happening: h.Happening, step: Step) -> None:
        """What waited is what the rules now say, no more and no less."""
        run = self.world.machine.run
        cancels = isinstance(happening, h.CancelAsked | h.TaskCancelAsked | h.RunTimedOut)
        for key in self.waited(before, after, step):
            status = after[key].status.value
            if cancels and status == "cancelled":
                continue
            if run.status is RunStatus.QUEUED:
                assert status == "waiting"
                continue
            asked = run.outcome is not None and run.reason is not None
            if asked and self.dag.handler(key) == "none":
                raise AssertionError(f"{key} is {status} in a run that was asked to end")
            expected = naive.expect(self.dag, after, run.outcome, key)
            assert status == expected, (key, status, expected)
        for key, row in after.items():
            if key[1] == FAMILY and naive.members(after, key[0]):
                assert row.status == naive.family_end(after, key[0])

    def waited(self, before: Rows, after: Rows, step: Step) -> Iterator[Key]:
        """The rows that waited before the step, or came to wait in it."""
        told = naive_keys(step)
        started = told.get(EventKind.RUN_STARTED) is not None and not before
        expanded = {task for task, _ in told.get(EventKind.TASK_EXPANDED, ())}
        for key in after:
            old = before.get(key)
            waited = old is not None and old.status is TaskStatus.WAITING and old.epoch == after[key].epoch
            made = started or (key[0] in expanded and key[1] != FAMILY)
            if waited or made or key in told.get(EventKind.TASK_RESET, ()):
                yield key

    def check_reopened(self, before: Rows, ask: h.Reopen, step: Step) -> None:
        """What was to be done again is, and nothing else."""
        told, terminal = naive_keys(step), self.world.machine.run.status is RunStatus.QUEUED
        if ask.operation is h.Operation.MARK:
            assert ask.task is not None
            key = (ask.task, ask.position if self.dag.is_family(ask.task) and ask.position is not None else 0)
            assert told[EventKind.TASK_MARKED] == {key}
            row = self.rows()[key]
            assert (row.status, row.epoch) == (ask.status, self.world.machine.run.epoch)
            expected = naive.to_wake(self.dag, before, key)
        else:
            expected = naive.to_reset(self.dag, before, ask)
        if terminal:
            handlers = {key for key in before if self.dag.handler(key) != "none"}
            expected |= {key for key in handlers if key[1] == FAMILY or not self.dag.is_family(key[0])}
        expected = {key for key in expected if before[key].status is not TaskStatus.WAITING}
        assert told.get(EventKind.TASK_RESET, set()) == expected, (told, expected)
        for key in expected:
            had = before[key]
            generations = [had, *(naive.members(before, key[0]) if key[1] == FAMILY else [])]
            success = any(row.status is TaskStatus.SUCCESS for row in generations)
            now = self.rows()[key]
            assert now.generation == max(row.generation for row in generations) + success

    def check_end(self, after: Rows) -> None:
        run = self.world.machine.run
        if run.status.terminal and run.reason is None:
            assert run.status is naive.ends_as(self.dag, after)
        elif run.status.terminal:
            expected = RunStatus.CANCELLED if run.reason == "cancelled by ann" else RunStatus.FAILED
            assert run.status is expected


DEFERRALS = st.builds(
    Deferral,
    until=st.sampled_from([None, 0, 1_100 * SECOND, 2_000 * SECOND]),
    state=st.sampled_from([None, "1"]),
    output=st.sampled_from([None, '"later"']),
    run=st.sampled_from([None, None, RunRequest("other")]),
)


def naive_keys(step: Step) -> dict[EventKind, set[Key]]:
    """Whom the events of a step are about."""
    found: dict[EventKind, set[Key]] = {}
    for write in step.events:
        event = write.row
        payload = json.loads(event.payload)
        found.setdefault(event.kind, set()).add((payload.get("task", ""), payload.get("position", 0)))
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_run_keeps_the_invariants_and_goes_as_the_rules_say(data: st.DataObject) -> None:
    play = Play(data)
    play.play()
    assert {row.status.value for row in play.world.machine.tasks()} <= OVER
