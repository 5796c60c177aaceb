"""What was tried to bring a scheduler down, or to have it wait for ever, by what users and executors may legally do."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from ppacer import spec
from ppacer.core import codec
from ppacer.core.custom_times import Answer
from ppacer.core.instants import from_datetime
from ppacer.core.model import RunStatus, TaskStatus
from ppacer.protocol import Claim, Deferral, Outcome, Report, RunRequest
from ppacer.services.errors import InvalidTrigger, NotPossible
from ppacer.services.scheduler import Condition

SECOND = 1_000_000


async def begin(place, kit, *dags, settings=(), **program):
    scheduler = await place.scheduler(kit.program(*dags, **program), **dict(settings))
    return scheduler, kit.client(scheduler.exchange, scheduler.program)


def deferred(assignment, deferral: Deferral) -> Report:
    return Report(assignment.attempt, assignment.token, Outcome.DEFERRED, 1_000, 2_000, deferral=deferral)


class Gate:
    """Holds a store's writes back while it is shut."""

    def __init__(self, store) -> None:
        self._open = threading.Event()
        self._open.set()
        real = store.write

        def write(writes) -> None:
            self._open.wait(20)
            real(writes)

        store.write = write

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()


def never_stalled(caplog) -> bool:
    return "in doubt" not in caplog.text and "nothing can be recorded" not in caplog.text


# --- leases ----------------------------------------------------------------------------------------------------------


async def test_an_executor_that_dies_in_the_second_part_of_an_attempt_costs_that_attempt_alone(
    place, kit, caplog
) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")))
    kit.grant(scheduler, 10.0)  # the end of the first part's lease is when the attempt is looked at
    run = await scheduler.trigger("d")
    for _ in range(3):
        wait = Deferral(until=scheduler.clock.now(), state="1")
        await client.ask(client.request(reports=(deferred(await client.claim_one(), wait),)))
    kit.grant(scheduler, 0.3)
    await client.claim_one()
    kit.grant(scheduler, kit.for_ever)
    await kit.until(lambda: scheduler.store.current_tasks(run.id)[0].lost == 1)
    assert never_stalled(caplog)
    assert await client.work(1) == ["a"]


# --- what is asked while a commit is under way -----------------------------------------------------------------------


async def test_a_run_that_is_restarted_the_moment_it_ends(place, kit, caplog) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a"), kit.task("b", after="a")))
    run = await scheduler.trigger("d")
    assignment = await client.claim_one()
    gate = Gate(scheduler.store)
    gate.shut()
    report = asyncio.create_task(client.report(assignment, Outcome.FAILED, error="no"))
    await kit.until(lambda: scheduler.health().active_runs == 0)
    restart = asyncio.create_task(scheduler.restart_run(run.id))
    await asyncio.wait([restart], timeout=0.3)
    gate.open()
    assert await report == 200
    assert (await restart).epoch == 2
    assert await client.work(2) == ["a", "b"]
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    assert never_stalled(caplog)


# --- runs of runs ----------------------------------------------------------------------------------------------------


async def test_a_run_that_ends_while_the_scheduler_starts_is_not_waited_for_for_ever(place, kit) -> None:
    other = kit.dag("other", kit.task("x", on_lost=spec.OnLost.FAIL))
    program = kit.program(kit.dag("d", kit.task("a")), other)
    scheduler = await place.scheduler(program)
    client = kit.client(scheduler.exchange_in_program, program)
    run = await scheduler.trigger("d")
    wait = deferred(await client.claim_one(), Deferral(run=RunRequest("other")))
    await client.ask(client.request(reports=(wait,)))
    assert (await client.claim_one()).task == "x"
    await place.crash(scheduler)
    again = place.closed_scheduler(program)
    gate = Gate(again.store)
    starting = asyncio.create_task(again.start())
    await kit.until(lambda: again._registry is not None and again.store._leader is not None)
    real = again.journal.read

    async def read(function, *args, **kwargs):
        if function == again.store.active_backfills:
            gate.shut()
            asyncio.get_running_loop().call_later(0.3, gate.open)
        return await real(function, *args, **kwargs)

    again.journal.read = read
    await starting
    assert (await kit.ended(again, run.id)).status is RunStatus.FAILED


async def test_a_wait_that_is_over_when_the_scheduler_starts_takes_its_run_along(place, kit) -> None:
    other = kit.dag("other", kit.task("x"))
    program = kit.program(kit.dag("d", kit.task("a", timeout=timedelta(seconds=30))), other)
    clock = kit.clock(1_000_000 * SECOND)
    scheduler = await place.scheduler(program, clock=clock)
    client = kit.client(scheduler.exchange, program)
    run = await scheduler.trigger("d")
    await client.ask(client.request(reports=(deferred(await client.claim_one(), Deferral(run=RunRequest("other"))),)))
    [child] = scheduler.store.runs("other")
    await place.crash(scheduler)
    clock.set(1_000_000 * SECOND + 40 * SECOND)
    again = place.closed_scheduler(program, clock=clock)
    real = again.journal.read

    async def read(function, *args, **kwargs):
        found = await real(function, *args, **kwargs)
        if function == again.store.run_by_idempotency_key:
            await asyncio.sleep(0.2)  # the time-out is noticed meanwhile
        return found

    again.journal.read = read
    await again.start()
    assert (await kit.ended(again, run.id)).status is RunStatus.FAILED
    assert (await kit.ended(again, child.id)).status is RunStatus.CANCELLED


async def test_nobody_takes_the_key_of_a_run_that_a_task_will_ask_for(place, kit, caplog) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")), kit.dag("other", kit.task("x")))
    run = await scheduler.trigger("d")
    assignment = await client.claim_one()
    with pytest.raises(InvalidTrigger, match="run_dag:"):
        await scheduler.trigger("other", idempotency_key=f"run_dag:{assignment.attempt}")
    await client.ask(client.request(reports=(deferred(assignment, Deferral(run=RunRequest("other"))),)))
    assert await client.work(1) == ["x"]
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    assert never_stalled(caplog)


@pytest.mark.parametrize("wait", [True, False])
async def test_an_attempt_may_ask_for_one_run_after_the_other(place, kit, caplog, *, wait: bool) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")), kit.dag("other", kit.task("x")))
    run = await scheduler.trigger("d")
    for number in range(3):
        one = await client.claim_one()
        while one.task != "a":  # those that nobody waits for stand on the line, too
            await client.report(one)
            one = await client.claim_one()
        assert one.part == number
        ask = Deferral(run=RunRequest("other", wait=wait), state=str(number))
        await client.ask(client.request(reports=(deferred(one, ask),)))
        if wait:
            assert await client.work(1) == ["x"]
    while not scheduler.store.run(run.id).status.terminal:
        await client.report(await client.claim_one())
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    assert len(scheduler.store.runs("other")) == 3
    assert never_stalled(caplog)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (RunRequest("other", params="{"), "not JSON"),
        (RunRequest("other", params="[1]"), "are a dict"),
        (RunRequest("other", params=codec.encode({"day": {date(2026, 1, 1): 1}})), "takes a text"),
        (RunRequest("other", scheduled_at=from_datetime(datetime.max.replace(tzinfo=UTC))), "scheduled_at"),
        (RunRequest("other", scheduled_at=-(1 << 60)), "scheduled_at"),
    ],
    ids=["no JSON", "no dict", "odd keys", "end of time", "before time"],
)
async def test_what_a_task_asks_for_fails_that_task_at_worst(place, kit, caplog, request_, error) -> None:
    day = spec.Param("day", spec.ParamType(spec.ParamKind.STR), kit.at, spec.Literal("x", kit.at))
    other = kit.dag("other", kit.task("x"), params=(day,), timezone="Asia/Tokyo")
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")), other)
    run = await scheduler.trigger("d")
    await client.ask(client.request(reports=(deferred(await client.claim_one(), Deferral(run=request_)),)))
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.FAILED
    [row] = scheduler.store.current_tasks(run.id)
    assert error in row.error
    assert never_stalled(caplog)


async def test_a_time_that_the_dag_cannot_show_is_refused(place, kit, caplog) -> None:
    scheduler, _ = await begin(place, kit, kit.dag("d", kit.task("a"), timezone="Asia/Tokyo"))
    for moment in (from_datetime(datetime.max.replace(tzinfo=UTC)), 1 << 62, -(1 << 62)):
        with pytest.raises(InvalidTrigger, match="scheduled_at is beyond"):
            await scheduler.trigger("d", scheduled_at=moment)
    assert never_stalled(caplog)


async def test_a_chain_of_runs_that_wait_for_each_other_is_cancelled_as_a_whole(place, kit, caplog) -> None:
    deep = 260
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a"), max_active_runs=2 * deep))
    run = await scheduler.trigger("d")
    for _ in range(deep):
        await client.ask(client.request(reports=(deferred(await client.claim_one(), Deferral(run=RunRequest("d"))),)))
    await scheduler.cancel_run(run.id)
    assert scheduler.health().condition is Condition.READY
    assert await client.claim(1, wait=0.0) == []
    assert {each.status for each in scheduler.store.runs("d", limit=2 * deep)} == {RunStatus.CANCELLED}
    assert never_stalled(caplog)


async def test_who_does_not_wait_for_the_run_that_it_asks_for_leaves_no_alarm_behind(place, kit) -> None:
    task = kit.task("a", timeout=timedelta(days=1))
    scheduler, client = await begin(place, kit, kit.dag("d", task), kit.dag("other", kit.task("x")))
    run = await scheduler.trigger("d")
    ask = Deferral(run=RunRequest("other", wait=False))
    await client.ask(client.request(reports=(deferred(await client.claim_one(), ask),)))
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    assert len(scheduler._engine._alarms) == 0


# --- values that users make ------------------------------------------------------------------------------------------


ODD = [
    [{date(2026, 1, 1): 1}],
    [{None: 1, 2: 3}],
    ["\ud800", "\0", ""],
    [10**4000],
    [[[[]]], {"$": 1}],
]


@pytest.mark.parametrize("items", ODD, ids=["dates as keys", "none as a key", "odd texts", "huge", "nested"])
async def test_a_family_over_odd_values(place, kit, caplog, items) -> None:
    over = spec.FanOut("x", spec.Output("a", kit.at))
    each = kit.task("b", after="a", fan_out=over, args=(spec.LoopVariable("x", kit.at),))
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a"), each))
    run = await scheduler.trigger("d")
    assert await client.report(await client.claim_one(), output=items) == 200
    assert await client.work(len(items)) == ["b"] * len(items)
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    assert never_stalled(caplog)


def odd_expressions(at):
    output = spec.Output("a", at)
    whole = spec.Literal(datetime(2026, 1, 1, tzinfo=UTC), at)
    less = spec.BinaryOperator.LESS
    return [
        ("naive", spec.Binary(less, output, whole, at), datetime.max),  # noqa: DTZ901
        ("naive early", spec.Binary(less, output, whole, at), datetime.min),  # noqa: DTZ901
        ("negative", spec.Unary(spec.UnaryOperator.NEGATE, output, at), timedelta.max),
        ("text", spec.FormatString((spec.FormatField(output, at),), at), {date(2026, 1, 1): 1}),
        ("member", spec.Item(spec.Literal("x", at), output, at), {date(2026, 1, 1): 1}),
        ("key", spec.Item(output, output, at), {date(2026, 1, 1): 1}),
    ]


@pytest.mark.parametrize("number", range(6))
async def test_an_expression_over_odd_values_fails_its_task_at_worst(place, kit, caplog, number: int) -> None:
    _, expr, output = odd_expressions(kit.at)[number]
    dag = kit.dag("d", kit.task("a"), kit.task("b", after="a", args=(expr,)), timezone="Asia/Tokyo")
    scheduler, client = await begin(place, kit, dag)
    run = await scheduler.trigger("d")
    assert await client.report(await client.claim_one(), output=output) == 200
    for assignment in await client.claim(1, wait=0.2):
        await client.report(assignment)
    assert (await kit.ended(scheduler, run.id)).status.terminal
    assert never_stalled(caplog)


@pytest.mark.parametrize("output", ["", "{", "[" * 5_000, '{"$":"date","v":1}', "9" * 5_000, "\ud800", "1e999"])
async def test_an_output_that_cannot_be_read_fails_who_takes_it(place, kit, caplog, output: str) -> None:
    takes = kit.task("b", after="a", args=(spec.Output("a", kit.at),))
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a"), takes))
    run = await scheduler.trigger("d")
    one = await client.claim_one()
    report = Report(one.attempt, one.token, Outcome.SUCCESS, -(1 << 62), 1 << 62, output=output)
    await client.ask(client.request(reports=(report,)))
    for assignment in await client.claim(1, wait=0.2):
        await client.report(assignment)
    assert (await kit.ended(scheduler, run.id)).status.terminal
    assert never_stalled(caplog)


@pytest.mark.parametrize("output", ["[" * 5_000, "9" * 5_000, "\ud800", "{"])
async def test_an_output_of_a_mark_that_cannot_be_read_is_refused(place, kit, caplog, output: str) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")))
    run = await scheduler.trigger("d")
    await client.report(await client.claim_one(), Outcome.FAILED, error="no")
    with pytest.raises(NotPossible, match="cannot be read"):
        await scheduler.mark_task(run.id, "a", status=TaskStatus.SUCCESS, output=output, reason="so")
    assert never_stalled(caplog)


# --- deadlines -------------------------------------------------------------------------------------------------------


async def test_a_run_that_is_done_again_before_its_deadline_may_still_miss_it(place, kit) -> None:
    dag = kit.dag("d", kit.task("a"), deadline=timedelta(seconds=1))
    scheduler, client = await begin(place, kit, dag)
    run = await scheduler.trigger("d")
    await client.report(await client.claim_one(), Outcome.FAILED, error="no")
    await scheduler.restart_run(run.id)
    await client.claim_one()
    await kit.until(lambda: scheduler.store.run(run.id).late_at is not None)


# --- what follows a commit -------------------------------------------------------------------------------------------


async def test_what_fails_after_a_commit_keeps_nothing_else_from_following_it(place, kit) -> None:
    scheduler, _ = await begin(place, kit, kit.dag("d", kit.task("a")))
    commits = scheduler._engine.commits
    called = []

    def broken() -> None:
        raise ZeroDivisionError("a bug")

    with scheduler._changes.follow("topic") as follower:
        with scheduler._engine.turn():
            commits.then(broken)
            commits.then(lambda: called.append(1))
            commits.announce("topic")
        await commits.settled()
        await kit.until(follower.done)
    assert called == [1]


# --- backfills -------------------------------------------------------------------------------------------------------


async def test_a_backfill_that_is_cancelled_while_its_schedule_is_asked_after_a_restart(place, kit, caplog) -> None:
    hour = 3600 * SECOND
    dag = kit.dag("d", kit.task("a"), schedules=(spec.CustomSchedule("m:s", kit.at),), catchup=spec.Catchup.NONE)
    program = kit.program(dag)
    clock = kit.clock(1_000 * hour)
    answer = asyncio.Event()
    answer.set()

    async def ask(question):
        await answer.wait()
        first = question.after // hour + 1
        return Answer(tuple(each * hour for each in range(first, first + 20)), ended=False)

    def unstarted():
        scheduler = place.closed_scheduler(program, clock=clock)
        scheduler._custom.ask = ask
        return scheduler

    scheduler = unstarted()
    await scheduler.start()
    backfill = await scheduler.start_backfill("d", 900 * hour, 910 * hour)
    await kit.until(lambda: len(scheduler.store.runs()) == 1)
    await place.crash(scheduler)
    caplog.clear()
    answer.clear()
    again = unstarted()
    await again.start()
    await again.cancel_backfill(backfill.id)
    answer.set()
    client = kit.client(again.exchange, program)
    assert await client.claim(1, wait=0.3) == []
    assert len(again.store.runs()) == 1
    assert again.store.backfill(backfill.id).status == "cancelled"
    assert never_stalled(caplog)


# --- the line --------------------------------------------------------------------------------------------------------


async def test_who_learns_new_code_while_it_waits_is_served(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")))
    codes, client.codes = client.codes, {"other:f": "c9"}
    poll = asyncio.create_task(client.send(client.request(claim=Claim(1, kit.for_ever))))
    await kit.until(lambda: scheduler.health().executors == 1)
    client.codes = codes
    await client.send(client.request())
    await scheduler.trigger("d")
    assert (await asyncio.wait_for(poll, kit.bound)).assignments == ()
    assert await client.work(1) == ["a"]


async def test_a_claim_is_repeated_when_its_arguments_have_no_value_any_more(place, kit, caplog) -> None:
    """What a parent that had not ended left behind meanwhile is in them now, and does not fit."""
    at, none = kit.at, spec.Literal(None, kit.at)
    output, equal = spec.Output("b", at), spec.BinaryOperator.EQUAL
    field = spec.Attribute(output, "n", at)
    late = spec.Binary(spec.BinaryOperator.OR, spec.Binary(equal, output, none, at), field, at)
    last = kit.task("c", after="a b", trigger=spec.Trigger.ONE_SUCCESS, args=(late,))
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a"), kit.task("b"), last))
    run = await scheduler.trigger("d")
    a, b = await client.claim(2)
    await client.report(a)
    request = client.request(claim=Claim(1, 5))
    [c] = (await client.ask(request)).assignments
    await client.report(b, output="a text")
    assert (await client.ask(request)).assignments == ()
    assert await client.report(c) == 200
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    assert never_stalled(caplog)


# --- what is no longer kept ------------------------------------------------------------------------------------------


async def test_a_run_that_is_restarted_after_it_was_found_to_be_old_is_kept(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")))
    run = await scheduler.trigger("d")
    await client.report(await client.claim_one(), Outcome.FAILED, error="no")
    await scheduler.trigger("d")
    await client.work(1)
    pruner, real = scheduler._engine.pruner, scheduler.journal.read

    async def read(function, *args, **kwargs):
        found = await real(function, *args, **kwargs)
        if function == scheduler.store.old.runs and found:
            await scheduler.restart_run(run.id)
            assert await client.report(await client.claim_one(), Outcome.FAILED, error="no") == 200
            scheduler.journal.read = real
        return found

    scheduler.journal.read = read
    await pruner._remove_runs((scheduler.clock.now(), ""))
    assert scheduler.journal.read == real
    assert scheduler.store.run(run.id) is None or scheduler.store.run(run.id).epoch == 2
    assert pruner._removed["runs"] == 0
