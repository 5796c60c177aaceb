"""The metrics of a running program: which there are, and what they are at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import ppacer
from ppacer.services.measures import Histogram
from ppacer.services.snapshots import Condition
from ppacer.web.site import Site


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is as Prometheus has it: with its unit, and `_total` at the end of a counter."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of a metric for some values of its labels."""

    labels: tuple[str, ...]
    value: float | Histogram


Snapshot = Sequence[tuple[Metric, Sequence[Sample]]]

_C, _G, _H = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM
METRICS: tuple[Metric, ...] = (
    Metric("ppacer_build_info", _G, "1, for the program that runs", ("program", "build", "version")),
    Metric("ppacer_ready", _G, "1 while the scheduler leads and its database takes writes, else 0"),
    Metric("ppacer_leader_epoch", _G, "how many schedulers have taken the lead of the database, this one included"),
    Metric("ppacer_runs_total", _C, "runs that have ended", ("dag", "status")),
    Metric(
        "ppacer_tasks_total",
        _C,
        "tasks that have ended, members of families and families among them",
        ("dag", "status"),
    ),
    Metric("ppacer_attempts_total", _C, "attempts that have run and ended", ("dag", "status")),
    Metric("ppacer_attempt_duration_seconds", _H, "from an attempt's start to its end", ("status",)),
    Metric("ppacer_attempt_wait_seconds", _H, "from when an attempt could run to when an executor took it"),
    Metric("ppacer_run_delay_seconds", _H, "from the planned time of a scheduled run to its start"),
    Metric("ppacer_runs_active", _G, "runs under way"),
    Metric("ppacer_runs_queued", _G, "runs that wait for their turn"),
    Metric("ppacer_attempts_waiting", _G, "attempts that wait for an executor"),
    Metric("ppacer_attempts_running", _G, "attempts that run"),
    Metric("ppacer_executors", _G, "executors that were heard of lately"),
    Metric("ppacer_executor_slots", _G, "how many tasks these executors run at once"),
    Metric("ppacer_pool_slots", _G, "slots of a pool", ("pool",)),
    Metric("ppacer_pool_slots_used", _G, "slots of a pool that attempts hold", ("pool",)),
    Metric("ppacer_pool_attempts_waiting", _G, "attempts that wait for a slot of a pool", ("pool",)),
    Metric("ppacer_commit_duration_seconds", _H, "how long the database takes to commit"),
    Metric("ppacer_writes_total", _C, "rows that were written"),
    Metric("ppacer_database_errors_total", _C, "writes that the database refused"),
)
"""All but those of the process and of Python, which the library has names for."""


def snapshot(site: Site) -> Snapshot:
    """What all metrics are now; of little cost, and within the scheduler's loop."""
    scheduler = site.scheduler
    health, measures, commits = scheduler.health(), scheduler.measures, scheduler.journal.measures
    executors, pools = scheduler.executors(), scheduler.pools()
    values: dict[str, Sequence[Sample]] = {
        "ppacer_build_info": [Sample((site.program.name, site.program.build, ppacer.__version__), 1)],
        "ppacer_ready": _one(health.condition is Condition.READY),
        "ppacer_leader_epoch": _one(health.epoch),
        "ppacer_runs_total": [Sample(labels, count) for labels, count in measures.runs.items()],
        "ppacer_tasks_total": [Sample(labels, count) for labels, count in measures.tasks.items()],
        "ppacer_attempts_total": [Sample(labels, count) for labels, count in measures.attempts.items()],
        "ppacer_attempt_duration_seconds": [
            Sample((status,), durations.copy()) for status, durations in measures.durations.items()
        ],
        "ppacer_attempt_wait_seconds": _one(measures.waits.copy()),
        "ppacer_run_delay_seconds": _one(measures.delays.copy()),
        "ppacer_runs_active": _one(health.active_runs),
        "ppacer_runs_queued": _one(health.queued_runs),
        "ppacer_attempts_waiting": _one(health.ready_attempts),
        "ppacer_attempts_running": _one(health.running_attempts),
        "ppacer_executors": _one(len(executors)),
        "ppacer_executor_slots": _one(sum(executor.capacity for executor in executors)),
        "ppacer_pool_slots": [Sample((pool.name,), pool.slots) for pool in pools],
        "ppacer_pool_slots_used": [Sample((pool.name,), pool.used) for pool in pools],
        "ppacer_pool_attempts_waiting": [Sample((pool.name,), pool.waiting) for pool in pools],
        "ppacer_commit_duration_seconds": _one(commits.durations.copy()),
        "ppacer_writes_total": _one(commits.writes),
        "ppacer_database_errors_total": _one(commits.errors),
    }
    return [(metric, values[metric.name]) for metric in METRICS]


def _one(value: float | Histogram) -> Sequence[Sample]:
    return [Sample((), value)]
