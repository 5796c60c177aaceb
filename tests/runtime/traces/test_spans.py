"""What has ended as spans: their ids, times, parents and attributes, and what they never tell."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ppacer import trace_settings
from ppacer.core import spans
from ppacer.core.model import (
    FAMILY,
    Attempt,
    AttemptStatus,
    ErrorKind,
    InsertAttempt,
    InsertTask,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateAttempt,
    UpdateRun,
    UpdateTask,
    Write,
)
from ppacer.core.spans import LONGEST_ERROR, Span, ended_spans
from ppacer.core.trace_ids import attempt_span, is_sampled, run_span, task_span, trace_id, traceparent

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
SECOND = 1_000_000
RUN = Run(
    *("r1", "sales", "b1", RunKind.SCHEDULED, 0, RunStatus.RUNNING, 5 * SECOND, "schedule"),
    started_at=7 * SECOND,
    params='{"region": "unspoken"}',
)
TASK = TaskRow(
    *("r1", 1, "load", 0, TaskStatus.SUCCESS),
    attempts=1,
    started_at=8 * SECOND,
    finished_at=10 * SECOND,
    output='"unspoken"',
)
ATTEMPT = Attempt(
    *("a1", "r1", 1, "load", 0, 1, AttemptStatus.SUCCESS, 7 * SECOND),
    token=3,
    executor="one",
    started_at=8 * SECOND,
    finished_at=9 * SECOND,
    state="unspoken",
)
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\nshop.NoStock: none left'


def ended(run: Run, status: RunStatus = RunStatus.SUCCESS, **more: object) -> UpdateRun:
    return UpdateRun(replace(run, status=status, finished_at=12 * SECOND, **more), RunStatus.RUNNING)  # type: ignore[arg-type]


def task(**changes: object) -> UpdateTask:
    return UpdateTask(replace(TASK, **changes), TaskStatus.RUNNING)  # type: ignore[arg-type]


def attempt(**changes: object) -> UpdateAttempt:
    return UpdateAttempt(replace(ATTEMPT, **changes), AttemptStatus.RUNNING, 3)  # type: ignore[arg-type]


def one(write: Write, run: Run = RUN) -> Span:
    (span,) = ended_spans(run, [write])
    return span


def test_a_run_its_task_and_its_attempt_are_one_tree() -> None:
    of_attempt, of_task, of_run = ended_spans(RUN, [attempt(), task(), ended(RUN)])
    assert {span.trace_id for span in (of_attempt, of_task, of_run)} == {trace_id("r1")}
    assert (of_attempt.parent, of_task.parent, of_run.parent) == (of_task.span_id, of_run.span_id, None)
    assert [span.name for span in (of_attempt, of_task, of_run)] == ["attempt load", "task load", "run sales"]
    times = [(span.begun // SECOND, span.ended // SECOND) for span in (of_attempt, of_task, of_run)]
    assert times == [(8, 9), (8, 10), (7, 12)]
    assert of_attempt.attributes["ppacer.attempt.queued_seconds"] == 1.0
    assert of_run.attributes["ppacer.run.queued_seconds"] == 2.0
    assert not any(span.error for span in (of_attempt, of_task, of_run))
    assert "unspoken" not in repr((of_attempt, of_task, of_run))


def test_a_member_belongs_to_its_family() -> None:
    member = one(task(position=2, label="unspoken"))
    family = one(task(position=FAMILY))
    assert member.parent == family.span_id
    assert family.parent == run_span(RUN)
    assert one(attempt(position=2)).parent == member.span_id
    assert member.attributes["ppacer.task.position"] == 2
    assert "unspoken" not in repr(member)


@pytest.mark.parametrize(
    "write",
    [
        UpdateRun(RUN, RunStatus.QUEUED),
        task(status=TaskStatus.RETRYING),
        task(status=TaskStatus.SKIPPED, started_at=None),
        task(status=TaskStatus.UPSTREAM_FAILED, started_at=None),
        InsertTask(replace(TASK, epoch=2)),
        attempt(status=AttemptStatus.DEFERRED),
        attempt(status=AttemptStatus.CANCELLED, token=0),
        InsertAttempt(ATTEMPT),
    ],
)
def test_what_goes_on_never_ran_or_is_taken_over_has_no_span(write: Write) -> None:
    assert list(ended_spans(RUN, [write])) == []


def test_a_task_that_could_not_even_begin_has_one() -> None:
    failed = replace(TASK, status=TaskStatus.FAILED, started_at=None, error="5 is no list: unspoken")
    span = one(InsertTask(failed))
    assert (span.begun, span.ended) == (10 * SECOND, 10 * SECOND)
    assert span.error is not None
    assert "unspoken" not in repr(span)


def test_a_run_done_again_has_another_span_in_the_same_trace() -> None:
    first, second = one(ended(RUN)), one(ended(replace(RUN, epoch=2, started_at=11 * SECOND)))
    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id
    during = replace(RUN, epoch=2)  # a task was run again while the run went on
    assert one(ended(during)).span_id == first.span_id


FAILED, LOST, LATE = AttemptStatus.FAILED, AttemptStatus.LOST, AttemptStatus.TIMED_OUT


@pytest.mark.parametrize(
    ("status", "kind", "text", "message", "exception"),
    [
        (FAILED, ErrorKind.EXCEPTION, TRACEBACK, "shop.NoStock: none left", "shop.NoStock"),
        (FAILED, ErrorKind.EXITED, "it called exit(3)", "it called exit(3)", None),
        (LOST, ErrorKind.LOST, "not heard of", "not heard of", None),
        (LATE, ErrorKind.TIMEOUT, "too long", "too long", None),
        (FAILED, ErrorKind.ARGUMENTS, "unspoken", "arguments", None),
        (FAILED, ErrorKind.OUTPUT, "unspoken", "output", None),
    ],
)
def test_errors(status: AttemptStatus, kind: ErrorKind, text: str, message: str, exception: str | None) -> None:
    span = one(attempt(status=status, error_kind=kind, error=text))
    assert span.error is not None
    assert (span.error.kind, span.error.message, span.error.exception) == (kind.value, message, exception)
    assert "unspoken" not in repr(span)


def test_an_error_is_bounded_and_keeps_its_end() -> None:
    error = one(
        attempt(status=AttemptStatus.FAILED, error_kind=ErrorKind.EXITED, error="x" * 100_000 + " the end")
    ).error
    assert error is not None
    assert error.text is not None
    assert len(error.text) == LONGEST_ERROR
    assert error.text.endswith("the end")
    assert len(error.message) <= LONGEST_ERROR


def test_a_cancel_is_no_error_and_a_failed_run_is_one() -> None:
    assert one(attempt(status=AttemptStatus.CANCELLED)).error is None
    assert one(ended(RUN, RunStatus.CANCELLED)).error is None
    failed = one(ended(RUN, RunStatus.FAILED, reason="it took too long")).error
    assert failed is not None
    assert failed.message == "it took too long"


def test_nothing_ends_before_it_began_though_clocks_differ() -> None:
    span = one(attempt(started_at=20 * SECOND))
    assert (span.begun, span.ended) == (9 * SECOND, 9 * SECOND)


def test_an_attempt_is_told_its_span_as_w3c_has_it() -> None:
    text = traceparent("r1", "a1", 1.0)
    context = TraceContextTextMapPropagator().extract({"traceparent": text})
    told = get_current_span(context).get_span_context()
    assert (told.trace_id, told.span_id, told.trace_flags.sampled) == (trace_id("r1"), attempt_span("a1"), True)
    assert traceparent("r1", "a1", 0.0) == text[:-2] + "00"


def test_ids_of_different_things_differ() -> None:
    ids = {
        run_span(RUN),
        attempt_span("r1"),
        *(task_span("r1", e, t, p) for e in (1, 2) for t in "ab" for p in (-1, 0)),
    }
    assert len(ids) == 10
    assert all(0 < each < 1 << 64 for each in ids)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_a_share_of_the_runs_is_the_one_that_the_library_takes(share: float) -> None:
    sampler = TraceIdRatioBased(share)
    runs = [f"01a21cfe-261e-71a9-a168-{n:012x}" for n in range(300)]
    taken = [run for run in runs if is_sampled(run, share)]
    library = [
        run for run in runs if sampler.should_sample(None, trace_id(run), "run").decision is Decision.RECORD_AND_SAMPLE
    ]
    assert taken == library
    assert abs(len(taken) / len(runs) - share) < 0.15


def test_the_docs_tell_every_attribute() -> None:
    section = OPERATIONS.read_text().partition("### Traces")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(ppacer\.[\w.]+)`", section))
    assert told == set(re.findall(r'"(ppacer\.[\w.]+)"', Path(spans.__file__).read_text()))


def test_the_docs_tell_every_variable() -> None:
    section = OPERATIONS.read_text().partition("### Traces")[2].partition("\n## ")[0]
    known = set(re.findall(r'"(OTEL_\w+)"', Path(trace_settings.__file__).read_text()))
    assert known <= set(re.findall(r"`(OTEL_\w+)`", section))
