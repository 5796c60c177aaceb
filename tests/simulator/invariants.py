"""The invariants of the runtime, one function each, by their numbers. Those of commits look at what one has changed,
those of answers at what is told to an executor; the others are looked for where they could break: 12 when all faults
have stopped (`calm.py`), 3 and 14 also among the workers (`truth.py`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ppacer import spec
from ppacer.core.machine import ended_as
from ppacer.core.model import (
    FAMILY,
    AttemptStatus,
    DagEventKind,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.core.plan import DagPlan
from ppacer.protocol import Exchange, ExchangeAnswer, Outcome, renews_only
from tests.simulator.acts import SECRET
from tests.simulator.history import Story
from tests.simulator.programs import period, plans_of

if TYPE_CHECKING:
    from tests.simulator.watch import Moved, Watch

_OK = 200
_FAILED = (TaskStatus.FAILED, TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED)


def invariant_1_every_due_time_is_decided_once(watch: Watch, moved: Moved) -> None:
    """(dag, logical time) makes at most one run; every due time is run, skipped or recorded as missed."""
    decided = watch.decided
    for old, run in moved.runs:
        if old is None and run is not None and run.kind is not RunKind.MANUAL:
            due = decided.setdefault(run.dag, set())
            if watch.memory.due[run.dag].get(run.scheduled_at) != run.id:
                watch.world.broken(1, f"two runs of {run.dag} at {run.scheduled_at}")
            due.add(run.scheduled_at)
    for old_event, event in moved.dag_events:
        if old_event is None and event is not None:
            told = json.loads(event.payload)
            if event.kind is DagEventKind.DUE_SKIPPED:
                decided.setdefault(event.dag, set()).add(told["due"])
            elif event.kind is DagEventKind.DUE_MISSED:
                step = period(plans_of(watch.memory.tables["dags"][event.dag].build)[event.dag].dag) or 1
                decided.setdefault(event.dag, set()).update(range(told["from"], told["until"] + 1, step))
    for before, row in moved.dags:
        if before is None or row is None or before.watched_until is None or row.watched_until is None:
            continue
        step = period(plans_of(row.build)[row.dag].dag)
        if step is None or row.watched_until <= before.watched_until:
            continue
        first = (before.watched_until // step + 1) * step
        for due in range(first, row.watched_until + 1, step):
            if due not in decided.get(row.dag, ()):
                watch.world.broken(1, f"the due time {due} of {row.dag} was passed over, and nothing tells so")


def invariant_2_terminal_states_never_change(watch: Watch, moved: Moved) -> None:
    for old, new in (*moved.tasks, *moved.attempts):
        if old is not None and new is not None and old.status.terminal and new.status is not old.status:
            watch.world.broken(2, f"{old} became {new}")
    for before, run in moved.runs:
        if before is None or run is None or not before.status.terminal or run.status is before.status:
            continue
        if run.status is not RunStatus.QUEUED or run.epoch <= before.epoch:
            watch.world.broken(2, f"{before} became {run}")
    for sent, now in moved.notifications:
        if sent is not None and now is not None and sent.status.terminal and now.status is not sent.status:
            watch.world.broken(2, f"{sent} became {now}")
    for row, became in moved.backfills:
        if row is not None and became is not None and row.status.terminal and became.status is not row.status:
            watch.world.broken(2, f"{row} became {became}")


def invariant_3_one_lease_and_growing_tokens(watch: Watch, moved: Moved) -> None:
    """At most one live lease per attempt; tokens only grow."""
    for old, new in moved.attempts:
        if old is not None and old.status is AttemptStatus.RUNNING:
            watch.running.pop(old.id, None)
        if new is None or new.status is not AttemptStatus.RUNNING:
            continue
        watch.running[new.id] = new
        if old is not None and old.status is AttemptStatus.RUNNING:
            if new.token != old.token:
                watch.world.broken(3, f"the lease of {old} went over to {new}")
            watch.renewed[new.id] = watch.world.timeline.now
            continue
        if new.token <= watch.newest_token:
            watch.world.broken(3, f"token {new.token} comes after {watch.newest_token}: {new}")
        watch.newest_token = max(watch.newest_token, new.token)
        watch.claimed[new.id, new.token] = new
        watch.claimed_at[new.id] = watch.world.timeline.now
        watch.renewed[new.id] = watch.world.timeline.now
    for old, new in moved.attempts:
        known = new or old
        assert known is not None
        place = (known.run_id, known.task, known.position)
        live = watch.live.setdefault(place, {})
        if new is None or new.status.terminal:
            live.pop(known.id, None)
        else:
            live[new.id] = new
        if len(live) > 1:
            watch.world.broken(3, f"{place} has several attempts under way: {list(live.values())}")


def invariant_4_a_stale_token_changes_nothing(watch: Watch, moved: Moved) -> None:
    """An attempt that ran ends only by a report under its very token, or when its lease was over."""
    world = watch.world
    for old, new in moved.attempts:
        if old is None or new is None or old.status is not AttemptStatus.RUNNING:
            continue
        if new.status is AttemptStatus.RUNNING:
            continue
        reports = world.truth.reports.get((old.id, old.token), set())
        if any(ended_as(outcome) is new.status for outcome in reports):
            continue
        if new.status is AttemptStatus.CANCELLED and Outcome.DEFERRED in reports:
            continue
        if new.status is not AttemptStatus.LOST:
            world.broken(4, f"{old} became {new.status}, which nobody reported under token {old.token}: {reports}")
            continue
        silent = world.timeline.now - world.truth.heard[old.id]
        died = (old.instance or "").startswith("in-program-") and old.instance != f"in-program-{watch.memory.leader}"
        if silent < world.lease * 0.99 and not died:  # its clock may go a little fast
            world.broken(4, f"{old} counts as lost after {silent:.3f} s, of a lease of {world.lease} s")


def invariant_5_rules_hold_before_a_start(watch: Watch, moved: Moved) -> None:
    """No task starts before its rule holds: by a reading of the rules of its own.

    Rows that are inserted together are looked at when all of them are there: they stand in no particular order.
    """
    together: list[TaskRow] = []
    for old, new in moved.tasks:
        known = new or old
        assert known is not None
        if together and (old is not None or together[0].run_id != known.run_id):
            _check_starts(watch, together)
            together = []
        if new is None:
            continue
        rows = watch.current.setdefault(known.run_id, {})
        place = (known.task, known.position)
        counts = rows.get(place)
        if counts is not None and counts.epoch > new.epoch:
            continue
        if new.position == FAMILY and counts is not None and counts.epoch < new.epoch:
            for member in [each for each in rows if each[0] == new.task and rows[each].epoch < new.epoch]:
                del rows[member]
        rows[place] = new
        starts = new.status in (TaskStatus.QUEUED, TaskStatus.RUNNING) and new.position != FAMILY
        if starts and old is None and (counts is None or counts.status is not new.status):
            together.append(new)  # unless it was taken along into a new epoch as it was
        elif starts and old is not None and old.status is TaskStatus.WAITING:
            _check_starts(watch, [new])
    _check_starts(watch, together)


def _check_starts(watch: Watch, started: list[TaskRow]) -> None:
    for row in started:
        run = watch.memory.tables["runs"].get(row.run_id)
        if run is not None and not _may_start(watch.plan(run), watch.current[row.run_id], row):
            parents = _parents(watch.plan(run), watch.current[row.run_id], row)
            watch.world.broken(5, f"{row} starts while its parents are {parents}")


def _may_start(plan: DagPlan, rows: dict[tuple[str, int], TaskRow], row: TaskRow) -> bool:
    task = plan.tasks[row.task]
    if task.handler is not spec.HandlerKind.NONE:
        ordinary = [each for each in rows.values() if plan.tasks[each.task].handler is spec.HandlerKind.NONE]
        return all(each.status.terminal for each in ordinary)
    found = _parents(plan, rows, row)
    if not found:
        return True
    over = all(status.terminal for status in found)
    succeeded, skipped = TaskStatus.SUCCESS in found, TaskStatus.SKIPPED in found
    failed = any(status in _FAILED for status in found)
    match task.trigger:
        case spec.Trigger.ALL_SUCCESS:
            return over and not failed and not skipped
        case spec.Trigger.NONE_FAILED:
            return over and not failed
        case spec.Trigger.ALL_DONE:
            return over
        case spec.Trigger.ALL_FAILED:
            return over and not succeeded and not skipped
        case spec.Trigger.ONE_SUCCESS:
            return succeeded
        case spec.Trigger.ONE_FAILED:
            return failed
        case spec.Trigger.ALWAYS:
            return True


def _parents(plan: DagPlan, rows: dict[tuple[str, int], TaskRow], row: TaskRow) -> list[TaskStatus]:
    """The statuses of what a task waits for: of a family its members, if it has any; pairwise the one beside it."""
    task, found = plan.tasks[row.task], []
    pairwise = task.fan_out.pairwise if task.fan_out is not None and row.position != FAMILY else ()
    for parent in task.parents:
        family = plan.tasks[parent].fan_out is not None
        members = [each for (name, position), each in rows.items() if name == parent and position != FAMILY]
        if not family or not members:
            found += [rows[parent, FAMILY if family else 0].status]
        elif parent in pairwise:
            found += [rows[parent, row.position].status]
        else:
            found += [each.status for each in members]
    return found


def invariant_6_acknowledged_means_durable(
    watch: Watch, exchange: Exchange, answer: ExchangeAnswer, instance: str
) -> None:
    """What an answer says is in the database when it leaves."""
    attempts, world = watch.memory.tables["attempts"], watch.world
    for report, ack in zip(exchange.reports, answer.reports, strict=True):
        row = attempts.get(report.attempt)
        if ack.status != _OK or row is None:
            continue
        if report.outcome is Outcome.DEFERRED:
            durable = row.parts > 0 or row.status is AttemptStatus.CANCELLED
        else:
            durable = row.token == report.token and row.status is ended_as(report.outcome)
        if not durable:
            world.broken(6, f"the report {report} was acknowledged, and the row is {row}")
    if world.exclusive and renews_only(exchange):
        # Nobody else can give out what runs, and whoever reads the rows later grants a term from then on: so a
        # scheduler that cannot write renews all the same. That no lease is given out twice, the third one looks at.
        return
    for renewal, ack in zip(exchange.renewals, answer.renewals, strict=True):
        row = attempts.get(renewal.attempt)
        if ack.status != _OK or row is None or row.status is not AttemptStatus.RUNNING or row.token != renewal.token:
            continue
        if watch.renewed[row.id] < world.truth.received_at[exchange.request]:
            world.broken(6, f"a renewal of {row} was acknowledged that is not in the database")
    for log, ack in zip(exchange.logs, answer.logs, strict=True):
        kept = watch.memory.logs.get(log.attempt, {})
        if ack.status == _OK and log.attempt in attempts and any(entry.seq not in kept for entry in log.entries):
            world.broken(6, f"entries of {log.attempt} were acknowledged that are not in the database")
    for one in answer.assignments:
        claim = watch.claimed.get((one.attempt, one.token))
        if claim is None or claim.instance != instance:
            world.broken(6, f"{one.attempt} was handed to {instance} under token {one.token}; recorded is {claim}")


def invariant_7_a_repetition_has_no_second_effect(watch: Watch, moved: Moved) -> None:
    """A request is given no more attempts than it asked for, however often it comes, while one scheduler lives and
    need not read its state anew: what it knows then is those that still run. Those that nobody was heard of for the
    term of a lease do not count. A key makes one run."""
    for old, new in moved.attempts:
        if new is None or new.status is not AttemptStatus.RUNNING or new.request is None:
            continue
        if old is not None and old.token == new.token:
            continue
        memory = (new.token >> 32, watch.world.done["scheduler: stalled"], new.request)
        watch.given.setdefault(memory, []).append(new.id)
        at_once = sum(each.request == new.request for each in watch.running.values())
        kept = [id_ for id_ in watch.given[memory] if not _was_lost(watch, id_)]
        given, asked = max(len(kept), at_once), watch.world.truth.slots.get(new.request, 0)
        if given > asked:
            watch.world.broken(7, f"request {new.request} was given {given} attempts, not {asked}")
    for before, run in moved.runs:
        if before is None and run is not None and run.idempotency_key is not None:
            first = watch.keyed.setdefault((run.dag, run.idempotency_key), run.id)
            if first != run.id and first in watch.memory.tables["runs"]:
                watch.world.broken(7, f"the key {run.idempotency_key} made {first} and {run.id}")


def _was_lost(watch: Watch, attempt_id: str) -> bool:
    row = watch.memory.tables["attempts"].get(attempt_id)
    return row is not None and row.status is AttemptStatus.LOST


def invariant_7_a_repetition_is_answered_alike(
    watch: Watch, exchange: Exchange, answer: ExchangeAnswer, _: str
) -> None:
    for report, ack in zip(exchange.reports, answer.reports, strict=True):
        row = watch.memory.tables["attempts"].get(report.attempt)
        if ack.status == _OK or row is None or row.token != report.token:
            continue
        if report.outcome is not Outcome.DEFERRED and row.status is ended_as(report.outcome):
            watch.world.broken(7, f"the report {report} was refused, and the row is {row}")


def invariant_8_what_is_unfinished_has_an_owner(watch: Watch, moved: Moved) -> None:
    """Every unfinished row has an owner or a deadline."""
    world = watch.world
    for run_id in moved.touched:
        run = watch.memory.tables["runs"][run_id]
        rows = watch.rows(run_id)
        left = [row for row in rows if not row.status.terminal]
        if run.status.terminal and left:
            world.broken(8, f"{run_id} has ended as {run.status}, and not so {left}")
        if run.status is RunStatus.RUNNING and not left:
            world.broken(8, f"all of {run_id} has ended, and it runs on")
        for row in left:
            live = watch.live.get((run_id, row.task, row.position))
            under_way = row.status in (TaskStatus.QUEUED, TaskStatus.RUNNING) and row.position != FAMILY
            if under_way is not bool(live):
                world.broken(8, f"{row} has the attempts {live}")
            if row.status is TaskStatus.RETRYING and row.due_at is None:
                world.broken(8, f"{row} is to be tried again, and never will be")
    for _, attempt in moved.attempts:
        if attempt is None:
            continue
        if attempt.status is AttemptStatus.RUNNING and (attempt.lease_until is None or attempt.instance is None):
            world.broken(8, f"{attempt} runs for nobody, or for ever")
        waits = attempt.due_at is not None or '"run":{' in (attempt.state or "")
        if attempt.status is AttemptStatus.DEFERRED and not waits:
            world.broken(8, f"{attempt} waits for nothing")


def invariant_9_attempts_are_bounded(watch: Watch, moved: Moved) -> None:
    """Attempts never exceed their maximum; crashes count."""
    for old, new in moved.attempts:
        if new is None or (old is not None and old.status is new.status):
            continue
        retries = watch.task(new).retries
        place = (new.run_id, new.epoch, new.task, new.position)
        ends = watch.ends.setdefault(place, Counter())
        if new.number > 1 + retries + spec.LOST_BUDGET:
            watch.world.broken(9, f"too many attempts, with {retries} retries: {new}")
        if new.status.terminal:
            ends[new.status] += 1
            failed = ends[AttemptStatus.FAILED] + ends[AttemptStatus.TIMED_OUT]
            if failed > retries + 1 or ends[AttemptStatus.LOST] > spec.LOST_BUDGET + 1:
                watch.world.broken(9, f"attempts of {place} ended as {dict(ends)}, with {retries} retries")


def invariant_10_limits_hold(watch: Watch, moved: Moved) -> None:
    """Pool and concurrency limits hold. That every slot comes back is seen in the end."""
    world = watch.world
    if any(new is not None and new.status is AttemptStatus.RUNNING for _, new in moved.attempts):
        pools: Counter[str] = Counter()
        dags: Counter[str] = Counter()
        for attempt in watch.running.values():
            run = watch.memory.tables["runs"][attempt.run_id]
            pool = watch.plan(run).tasks[attempt.task].pool
            dags[run.dag] += 1
            if pool is not None:
                pools[pool] += 1
        for pool, used in pools.items():
            if used > world.pools[pool]:
                world.broken(10, f"{used} attempts in pool {pool} of {world.pools[pool]}")
        for dag, used in dags.items():
            limit = world.dags[dag].max_active_tasks
            if limit is not None and used > limit:
                world.broken(10, f"{used} attempts of {dag} with max_active_tasks {limit}")
    for old, run in moved.runs:
        known = run or old
        assert known is not None
        active = watch.active.setdefault(known.dag, set())
        if run is not None and run.status is RunStatus.RUNNING:
            active.add(run.id)
        else:
            active.discard(known.id)
    for dag, runs in watch.active.items():
        if len(runs) > world.dags[dag].max_active_runs:
            world.broken(10, f"{len(runs)} runs of {dag} are active, of {world.dags[dag].max_active_runs}")


def invariant_11_a_run_keeps_its_build(watch: Watch, moved: Moved) -> None:
    for old, run in moved.runs:
        if old is not None and run is not None and run.build != old.build:
            watch.world.broken(11, f"{old} became {run}")
    for _, row in moved.tasks:
        if row is not None and row.run_id in moved.touched and row.task not in watch.plan_of(row.run_id).tasks:
            watch.world.broken(11, f"{row} is no task of its build")
    for _, attempt in moved.attempts:
        if attempt is not None and attempt.run_id in moved.touched:
            plan = watch.plan_of(attempt.run_id)
            if attempt.code != plan.code(plan.tasks[attempt.task]):
                watch.world.broken(11, f"{attempt} has other code than build {plan.build}")


def invariant_11_code_goes_where_it_is(watch: Watch, exchange: Exchange, answer: ExchangeAnswer, _: str) -> None:
    for one in answer.assignments:
        claim = watch.claimed.get((one.attempt, one.token))
        codes = watch.world.truth.codes.get(exchange.instance, {})
        if claim is not None and codes.get(one.callable) != claim.code:
            watch.world.broken(11, f"{claim} went to an executor whose {one.callable} is {codes.get(one.callable)}")


def invariant_13_the_history_folds_to_the_row(watch: Watch, moved: Moved) -> None:
    for _, event in moved.events:
        if event is None or event.run_id not in moved.touched:
            continue
        story = watch.stories.get(event.run_id)
        if story is None:
            story = watch.stories[event.run_id] = Story(watch.plan_of(event.run_id))
        if event.seq != story.seq + 1:
            watch.world.broken(13, f"event {event.seq} of {event.run_id} comes after {story.seq}")
        story.take(event)
    for run_id in moved.touched:
        told = watch.stories.get(run_id)
        run = watch.memory.tables["runs"][run_id]
        if told is None or (told.run, told.epoch) != (run.status, run.epoch):
            watch.world.broken(13, f"{run} is told as {told}")
            continue
        if run.outcome is not None and told.outcome != run.outcome:
            watch.world.broken(13, f"the outcome of {run} is told as {told.outcome}")
        for row in watch.rows(run_id):
            if told.tasks.get((row.task, row.position)) != row.status:
                was = told.tasks.get((row.task, row.position))
                watch.world.broken(13, f"{row} is told as {was}")
    for _, attempt in moved.attempts:
        if attempt is None or attempt.run_id not in moved.touched:
            continue
        status = attempt.status
        if attempt.state is not None and not status.terminal:
            status = AttemptStatus.DEFERRED
        row = watch.memory.tables["attempts"][attempt.id]
        if row is attempt and watch.stories[attempt.run_id].attempts.get(attempt.id) != status:
            watch.world.broken(13, f"{attempt} is told as {watch.stories[attempt.run_id].attempts.get(attempt.id)}")


def invariant_15_secrets_stay_where_they_are(watch: Watch, moved: Moved) -> None:
    """No secret in logs or database: of an attempt that has ended, which can write nothing more."""
    for text in _texts(watch, moved):
        if SECRET in text:
            watch.world.broken(15, f"a secret was written: {text[:200]}")


def _texts(watch: Watch, moved: Moved) -> Iterator[str]:
    for _, attempt in moved.attempts:
        if attempt is not None and attempt.status.terminal:
            yield attempt.error or ""
            yield from (entry.message for entry in watch.memory.logs.get(attempt.id, {}).values())
    for _, row in moved.tasks:
        if row is not None:
            yield (row.output or "") + (row.error or "")


def invariant_12_nothing_is_lost_in_good_times(watch: Watch, moved: Moved) -> None:
    """An attempt that was handed out when all faults had stopped is not lost."""
    since = watch.world.quiet_since
    for old, new in moved.attempts:
        if since is None or old is None or new is None or new.status is not AttemptStatus.LOST:
            continue
        if watch.claimed_at[old.id] > since:
            watch.world.broken(12, f"{old} was lost, and nothing was amiss")


ON_COMMIT = (
    invariant_1_every_due_time_is_decided_once,
    invariant_2_terminal_states_never_change,
    invariant_3_one_lease_and_growing_tokens,
    invariant_4_a_stale_token_changes_nothing,
    invariant_5_rules_hold_before_a_start,
    invariant_7_a_repetition_has_no_second_effect,
    invariant_8_what_is_unfinished_has_an_owner,
    invariant_9_attempts_are_bounded,
    invariant_10_limits_hold,
    invariant_11_a_run_keeps_its_build,
    invariant_12_nothing_is_lost_in_good_times,
    invariant_13_the_history_folds_to_the_row,
    invariant_15_secrets_stay_where_they_are,
)
ON_ANSWER = (
    invariant_6_acknowledged_means_durable,
    invariant_7_a_repetition_is_answered_alike,
    invariant_11_code_goes_where_it_is,
)
