"""What a scheduler tells of runs that end: after it is durable, as one trace over restarts, and never twice."""

from __future__ import annotations

import pytest

from ppacer.core.model import RunStatus
from ppacer.core.trace_ids import attempt_span, trace_id
from ppacer.protocol import Outcome
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.traces import Traces
from ppacer.store.errors import Unavailable


class Kept:
    def __init__(self) -> None:
        self.spans = []

    def export(self, spans) -> None:
        self.spans.extend(spans)

    def close(self) -> None:
        pass

    def names(self) -> list[str]:
        return [span.name for span in self.spans]


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def traces(kept):
    made = Traces(kept, "http://collector", 1.0, gather=0)
    yield made
    made.close()


async def test_a_run_that_another_scheduler_ends_is_one_trace(place, kit, kept, traces) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), kit.task("b", after="a", retries=1)))
    scheduler = await place.scheduler(program, traces=traces)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    assert await client.work(1) == ["a"]
    held = await client.claim_one()
    await place.crash(scheduler)

    again = await place.scheduler(program, traces=traces)
    client.send = again.exchange
    assert await client.report(held, Outcome.FAILED, error="no") == 200
    assert await client.report(held, Outcome.FAILED, error="no") == 200  # as it is repeated
    assert await client.work(1) == ["b"]
    assert (await kit.ended(again, run.id)).status is RunStatus.SUCCESS
    await kit.until(lambda: "run d" in kept.names())
    assert kept.names() == [*("attempt a", "task a", "attempt b", "attempt b", "task b", "run d")]
    assert {span.trace_id for span in kept.spans} == {trace_id(run.id)}
    assert kept.spans[2].span_id == attempt_span(held.attempt)
    ids = {span.span_id for span in kept.spans}
    assert len(ids) == len(kept.spans)
    assert [span.name for span in kept.spans if span.parent not in ids] == ["run d"]


async def test_what_is_not_durable_is_not_told(place, kit, kept, traces, monkeypatch) -> None:
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program, traces=traces)
    await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    held = await client.claim_one()

    def refuse(writes) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(scheduler.store, "write", refuse)
    with pytest.raises(SchedulerUnavailable):
        await scheduler.exchange(client.request(reports=(client.reported(held),)))
    traces.close()
    assert kept.spans == []


async def test_a_run_done_again_is_told_again_and_what_it_takes_over_is_not(place, kit, kept, traces) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), kit.task("b", after="a")))
    scheduler = await place.scheduler(program, traces=traces)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    assert await client.work(1) == ["a"]
    assert await client.report(await client.claim_one(), Outcome.FAILED, error="no") == 200
    await kit.ended(scheduler, run.id)
    await scheduler.restart_run(run.id)
    assert await client.work(1) == ["b"]
    await kit.until(lambda: kept.names().count("run d") == 2)
    assert kept.names().count("task a") == 1
    assert kept.names().count("task b") == 2
    assert len({span.span_id for span in kept.spans}) == len(kept.spans)


async def test_a_task_run_again_while_the_run_goes_on_has_two_spans_in_it(place, kit, kept, traces) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), kit.task("b")))
    scheduler = await place.scheduler(program, traces=traces)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    first, other = await client.claim(2)
    assert await client.report(first) == 200
    await scheduler.rerun_task(run.id, first.task)
    assert await client.work(1) == [first.task]
    assert await client.report(other) == 200
    await kit.ended(scheduler, run.id)
    await kit.until(lambda: "run d" in kept.names())
    assert kept.names().count(f"task {first.task}") == 2
    ids = {span.span_id for span in kept.spans}
    assert len(ids) == len(kept.spans) == 7
    assert [span.name for span in kept.spans if span.parent not in ids] == ["run d"]
