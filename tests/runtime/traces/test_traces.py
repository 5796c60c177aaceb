"""Spans on their way to a collector: in the background, bounded, and what the log says of one that is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ppacer import spec
from ppacer.core.model import Run, RunKind, RunStatus, UpdateRun
from ppacer.core.spans import Span, SpanError
from ppacer.services import traces as module
from ppacer.services.trace_export import ExportError, OtlpExporter
from ppacer.services.traces import BATCH, Traces
from tests.collector import Collector, attributes, collector

PROGRAM = spec.Program("shop", "b" * 64, "0", (), (), ())
SPAN = Span("task load", 1, 2, 3, 4_000_000, 5_000_000, {"ppacer.task": "load", "ppacer.task.attempts": 2})


class Away:
    """An exporter whose collector is there or not; it can be held up."""

    def __init__(self) -> None:
        self.why: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.tried = 0
        self.names: list[str] = []
        self.closed = False

    def export(self, spans: Sequence[Span]) -> None:
        self.tried += 1
        self.go_on.wait(90)
        if self.why is not None:
            raise self.why
        self.names.extend(str(span.attributes["ppacer.run.id"]) for span in spans)

    def close(self) -> None:
        self.closed = True
        self.go_on.set()


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ppacer")


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_SECONDS", 0.002)
    return Away()


@pytest.fixture
def made() -> Iterator[Callable[..., Traces]]:
    """Makes what sends; it is closed with the test."""
    all_made: list[Traces] = []

    def make(exporter: Away, share: float = 1.0, **settings: int) -> Traces:
        all_made.append(Traces(exporter, "http://collector", share, gather=0, **settings))
        return all_made[-1]

    yield make
    for each in all_made:
        each.close()


def end(traces: Traces, *names: str) -> None:
    for name in names:
        run = Run(name, "d", "b", RunKind.MANUAL, 0, RunStatus.SUCCESS, 0, "local", started_at=1, finished_at=2)
        traces.ended(run, [UpdateRun(run, RunStatus.RUNNING)])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def test_nobody_waits_for_a_collector_and_the_oldest_make_room(
    away: Away, made: Callable[..., Traces], caplog: pytest.LogCaptureFixture
) -> None:
    traces = made(away, room=3)
    away.why = ExportError("no route")
    away.go_on.clear()
    end(traces, "r0")
    until(lambda: away.tried == 1)
    end(traces, *(f"r{n}" for n in range(1, 6)))  # while the exporter stands still
    away.go_on.set()
    until(lambda: away.tried > 3)
    away.why = None
    until(lambda: len(away.names) == 3)
    assert away.names == ["r3", "r4", "r5"]
    until(lambda: len(caplog.records) == 2)
    first, second = (record.getMessage() for record in caplog.records)
    assert first == "traces cannot be sent to http://collector: no route; up to 3 spans are kept for it"
    assert second == "traces are sent to http://collector again; 3 spans were lost"


def test_it_is_said_once_that_a_collector_is_away_and_once_that_it_is_back(
    away: Away, made: Callable[..., Traces], caplog: pytest.LogCaptureFixture
) -> None:
    traces = made(away)
    for _ in range(2):
        away.tried, away.why = 0, RuntimeError("whatever")
        end(traces, "r")
        until(lambda: away.tried > 3)
        told = len(away.names)
        away.why = None
        until(lambda told=told: len(away.names) > told)
    until(lambda: len(caplog.records) == 4)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO"] * 2


def test_what_a_collector_never_takes_does_not_keep_others_for_ever(
    away: Away, made: Callable[..., Traces], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 1)
    monkeypatch.setattr(module, "_TRIES", 3)

    def refuse(spans: Sequence[Span]) -> None:
        if spans[0].attributes["ppacer.run.id"] == "poison":
            raise ExportError("400")
        away.names.append(str(spans[0].attributes["ppacer.run.id"]))

    monkeypatch.setattr(away, "export", refuse)
    end(made(away), "before", "poison", "after")
    until(lambda: len(away.names) == 2)
    assert away.names == ["before", "after"]


def test_what_is_left_goes_at_the_end(away: Away, caplog: pytest.LogCaptureFixture) -> None:
    traces = Traces(away, "http://collector", 1.0, gather=60)
    end(traces, *(f"r{n}" for n in range(BATCH + 10)))
    traces.close()
    assert len(away.names) == BATCH + 10
    assert away.closed
    assert not caplog.records


def test_an_end_does_not_wait_for_a_collector_that_is_away(
    away: Away, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_LEAVE_SECONDS", 0.05)
    traces = Traces(away, "http://collector", 1.0, gather=0)
    away.why = ExportError("no route")
    away.go_on.clear()
    end(traces, "r1", "r2")
    until(lambda: away.tried == 1)
    traces.close()
    assert [record.getMessage() for record in caplog.records] == ["2 spans were not sent to http://collector"]


def test_runs_that_are_not_among_the_share_are_not_told_of(away: Away, made: Callable[..., Traces]) -> None:
    traces = made(away, share=0.0)
    end(traces, "r1")
    traces.close()
    assert away.tried == 0


# --- over OTLP -------------------------------------------------------------------------------------------------------


@pytest.fixture
def library() -> Iterator[None]:
    """What an exporter does to the library's log is undone."""
    logger = logging.getLogger("opentelemetry")
    before = logger.propagate, logger.handlers[:]
    yield
    logger.propagate, logger.handlers[:] = before


@pytest.fixture
def told(library: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


def test_a_span_as_it_arrives(told: Collector) -> None:
    error = SpanError("exception", "ValueError: \ud800", "ValueError", "Traceback…\nValueError: \ud800")
    exporter = OtlpExporter(PROGRAM, "i1")
    exporter.export([SPAN, Span("run d", 1, 3, None, 0, 6_000_000, {}, error)])
    exporter.close()
    task, run = told.spans
    assert told.paths == ["/v1/traces"]
    assert (task.name, task.trace_id, task.span_id, task.parent_span_id) == (
        *("task load", (1).to_bytes(16, "big"), (2).to_bytes(8, "big"), (3).to_bytes(8, "big")),
    )
    assert (task.start_time_unix_nano, task.end_time_unix_nano) == (4_000_000_000, 5_000_000_000)
    assert attributes(task) == {"ppacer.task": "load", "ppacer.task.attempts": 2}
    assert task.status.code == task.status.STATUS_CODE_UNSET
    assert (run.trace_id, run.parent_span_id) == (task.trace_id, b"")
    assert (run.status.code, run.status.message) == (run.status.STATUS_CODE_ERROR, "ValueError: ?")
    assert attributes(run) == {"error.type": "exception"}
    (event,) = run.events
    assert (event.name, event.time_unix_nano) == ("exception", 6_000_000_000)
    assert attributes(event) == {
        "exception.type": "ValueError",
        "exception.message": "ValueError: ?",
        "exception.stacktrace": "Traceback…\nValueError: ?",
    }
    about = told.resources[0]
    assert (about["service.name"], about["service.version"], about["service.instance.id"]) == ("shop", "b" * 12, "i1")


def test_the_environment_names_the_service_and_the_headers(told: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "sales")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=7")
    exporter = OtlpExporter(PROGRAM, "i1")
    exporter.export([SPAN])
    exporter.close()
    about = told.resources[0]
    assert (about["service.name"], about["service.version"]) == ("sales", "7")
    assert about["deployment.environment.name"] == "test"


def test_a_collector_that_refuses_is_quoted_without_its_address(
    told: Collector, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{told.url}/v1/traces?key=s3cret")
    told.answer = 401
    exporter = OtlpExporter(PROGRAM, "i1")
    with pytest.raises(ExportError, match="401") as caught:
        exporter.export([SPAN])
    told.answer = 200
    exporter.export([SPAN])
    exporter.close()
    assert "s3cret" not in str(caught.value)
    assert len(told.spans) == 1
    assert capfd.readouterr() == ("", "")


def test_no_collector_is_told_in_a_few_words(library: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as gone:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{gone.url}/v1/traces?key=s3cret")
    exporter = OtlpExporter(PROGRAM, "i1")
    with ThreadPoolExecutor() as threads:
        sending = threads.submit(exporter.export, [SPAN])
        until(lambda: bool(exporter._heard.messages) or sending.done())
        exporter.close()  # which ends its pause
        assert str(sending.exception(60)) == "connection refused"
