"""The ids of traces and spans. A trace is all that becomes of one run.

They are worked out of the ids of runs and attempts and never drawn: a scheduler that goes on with the work of another
one goes on with its traces, and an attempt knows its span before that has been made.
"""

from __future__ import annotations

import hashlib

from ppacer.core.model import Run

TRACEPARENT = "TRACEPARENT"
"""The environment variable that hands a span on to a process:
https://opentelemetry.io/docs/specs/otel/context/env-carriers/."""

_SHARE_BITS = 64


def trace_id(run_id: str) -> int:
    """The id of a run's trace: a hash, since whoever traces a share of all runs goes by its last 64 bits."""
    return _hash(16, "trace", run_id)


def is_sampled(run_id: str, share: float) -> bool:
    """Whether the run is among the share (0 to 1) of the runs that are traced, as the sampler `traceidratio` of
    OpenTelemetry decides it."""
    return trace_id(run_id) & ((1 << _SHARE_BITS) - 1) < round(share * (1 << _SHARE_BITS))


def traceparent(run_id: str, attempt_id: str, share: float) -> str:
    """The span of an attempt as W3C Trace Context has it, for what the attempt calls:
    https://www.w3.org/TR/trace-context/. `share` is that of the runs that are traced."""
    flags = int(is_sampled(run_id, share))
    return f"00-{trace_id(run_id):032x}-{attempt_span(attempt_id):016x}-{flags:02x}"


def run_span(run: Run) -> int:
    """A run that is done again after its end has another span: its start is what differs."""
    return _hash(8, "run", run.id, str(run.epoch if run.started_at is None else run.started_at))


def task_span(run_id: str, epoch: int, task: str, position: int) -> int:
    return _hash(8, "task", run_id, str(epoch), task, str(position))


def attempt_span(attempt_id: str) -> int:
    return _hash(8, "attempt", attempt_id)


def _hash(size: int, *parts: str) -> int:
    """A number of so many bytes that is not 0, which is no id."""
    return int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:size], "big") or 1
