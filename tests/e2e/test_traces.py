"""Traces of a real program, as a collector is sent them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector import attributes, collector
from tests.e2e.running import running
from tests.e2e.serving import outputs
from tests.e2e.world import PIPELINES, World, wait_until

pytestmark = pytest.mark.slow


def test_a_run_that_a_program_was_killed_in_is_one_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "open-sesame")
    program = world.build(PIPELINES / "traced.ppd")
    with collector() as told:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", told.url)
        with running(world, program) as first:
            run_id = first.trigger("traced")
            first.until(run_id, "held", "running")
            tasks = 9  # all but the one that is held, the family and its two members among them
            wait_until(lambda: sum(span.name.startswith("task ") for span in told.spans) == tasks, "their spans")
            first.process.kill()
        world.open_gate()
        with running(world, program) as second:
            detail = second.ended(run_id)
        # Which is when a program that stops as it should has sent everything.
        said = outputs(detail)

    spans = {span.span_id.hex(): span for span in told.spans}
    (run,) = told.named("run traced")
    assert len({span.trace_id for span in told.spans}) == 1
    assert [span.name for span in told.spans if span.parent_span_id.hex() not in spans] == ["run traced"]
    assert run.status.code == run.status.STATUS_CODE_ERROR
    assert [attributes(span)["ppacer.attempt.status"] for span in told.named("attempt held")] == ["lost", "success"]
    for task in ("told", "command", "shared"):
        (attempt,) = told.named(f"attempt {task}")
        assert said[task] == f"00-{run.trace_id.hex()}-{attempt.span_id.hex()}-01"
    assert said["own"] == "00-own"
    (member, other, family) = sorted(told.named("task each"), key=lambda span: span.parent_span_id == run.span_id)
    assert {member.parent_span_id, other.parent_span_id} == {family.span_id}

    broken = told.named("attempt broken")
    assert [attributes(span)["ppacer.attempt.number"] for span in broken] == [1, 2]
    assert all(attributes(span.events[0])["exception.message"] == "ValueError: *** is refused" for span in broken)
    for secret in ("open-sesame", "unspoken"):
        assert secret not in str(told.spans)
    assert {about["service.name"] for about in told.resources} == {"traced"}


def test_a_program_that_cannot_send_them_says_why_and_does_not_start(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = world.build(PIPELINES / "traced.ppd")
    blocked = tmp_path / "without"
    blocked.mkdir()
    (blocked / "opentelemetry.py").write_text("")  # stands before the library, and is none
    monkeypatch.setenv("PYTHONPATH", str(blocked))
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    done = world.call(program, "run", "traced")
    assert done.returncode == 2
    assert "install `ppacer[otel]`, or set OTEL_TRACES_EXPORTER=none" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    done = world.call(program, "executor", "--scheduler", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: OTEL_TRACES_EXPORTER = 'zipkin': ")
