"""Dags, backfills, pools and executors as the API shows them: pure functions to messages."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ppacer import spec
from ppacer.core import codec
from ppacer.core.evaluate import Scope, evaluate, parts
from ppacer.core.model import DagEvent, DagRow
from ppacer.services.snapshots import BackfillState, DagState, ExecutorState, PoolState
from ppacer.store.overviews import LatestRun
from ppacer.web.dag_messages import (
    BackfillView,
    DagEventView,
    DagView,
    ExecutorView,
    ParamView,
    PoolView,
    RemovedDag,
    TaskSpec,
)
from ppacer.web.describe import place_text, schedule_text, type_text
from ppacer.web.messages import Json, LastRun
from ppacer.web.views import json_value, optional_time, time_text


def dag_view(state: DagState, last_runs: Iterable[LatestRun]) -> DagView:
    dag = state.dag
    return DagView(
        id=dag.id,
        doc=dag.doc,
        schedules=tuple(schedule_text(schedule, state.called) for schedule in dag.schedules),
        timezone=dag.timezone,
        tags=dag.tags,
        owner=dag.owner,
        tasks=len(dag.tasks),
        next_run_at=optional_time(state.next_due),
        last_runs=tuple(last_run(run) for run in last_runs),
        paused=state.paused,
        silenced_until=optional_time(state.silenced_until),
        problem=state.problem,
        active_runs=state.active_runs,
        queued_runs=state.queued_runs,
    )


def last_run(run: LatestRun) -> LastRun:
    return LastRun(
        id=run.id,
        status=run.status,
        kind=run.kind,
        scheduled_at=time_text(run.scheduled_at),
        created_at=time_text(run.created_at),
        started_at=optional_time(run.started_at),
        finished_at=optional_time(run.finished_at),
    )


def removed_dag(row: DagRow, last_runs: Iterable[LatestRun]) -> RemovedDag:
    """A dag whose row has a time of removal."""
    assert row.removed_at is not None
    return RemovedDag(
        id=row.dag,
        removed_at=time_text(row.removed_at),
        first_seen_at=time_text(row.first_seen_at),
        renamed_to=row.renamed_to,
        last_runs=tuple(last_run(run) for run in last_runs),
    )


def task_spec(program: spec.Program, task: spec.Task) -> TaskSpec:
    return TaskSpec(
        id=task.id,
        callable=task.callable,
        at=place_text(program, task.at),
        doc=task.doc,
        parents=task.parents,
        x=task.x,
        y=task.y,
        retries=task.retries,
        timeout=task.timeout.total_seconds() if task.timeout is not None else None,
        trigger=task.trigger,
        pool=task.pool,
        priority=task.priority,
        runs_on=task.runs_on,
        handler=task.handler,
        over=task.fan_out.variable if task.fan_out is not None else None,
    )


def param_view(param: spec.Param) -> ParamView:
    return ParamView(
        name=param.name,
        type=type_text(param.type),
        required=param.default is None,
        doc=param.doc,
        default=None if param.default is None else _constant(param.default),
    )


def _constant(default: spec.Expr) -> Json:
    """The value of what says the same in each run; none for what is worked out."""
    return json.loads(codec.encode(evaluate(default, Scope()))) if _is_constant(default) else None


def _is_constant(expr: spec.Expr) -> bool:
    return isinstance(expr, spec.Literal | spec.ListOf | spec.DictOf) and all(map(_is_constant, parts(expr)))


def dag_event_view(event: DagEvent) -> DagEventView:
    return DagEventView(event.id, time_text(event.at), event.kind, event.actor, json_value(event.payload))


def backfill_view(state: BackfillState) -> BackfillView:
    row = state.row
    return BackfillView(
        id=row.id,
        dag=row.dag,
        status=row.status,
        actor=row.actor,
        created_at=time_text(row.created_at),
        from_at=time_text(row.from_at),
        until_at=time_text(row.until_at),
        parallel=row.parallel,
        total=row.total,
        made=row.made,
        passed_over=row.passed_over,
        active=state.active,
        succeeded=state.succeeded,
        failed=state.failed,
        finished_at=optional_time(row.finished_at),
        params=json_value(row.params),
    )


def pool_view(state: PoolState) -> PoolView:
    return PoolView(state.name, state.slots, state.used, state.waiting)


def executor_view(state: ExecutorState, build: str) -> ExecutorView:
    """`build` is that of the scheduler's own program."""
    return ExecutorView(
        name=state.name,
        instance=state.instance,
        build=state.build,
        current=state.build == build,
        capacity=state.capacity,
        running=state.running,
        leased_until=optional_time(state.leased_until),
        labels=state.labels,
        first_seen_at=time_text(state.first_seen_at),
        last_seen_at=time_text(state.last_seen_at),
        in_program=state.in_program,
    )
