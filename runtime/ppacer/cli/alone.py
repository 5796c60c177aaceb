"""A program's data where nobody serves it: read from the database itself, changed through a scheduler of its own.

`Alone` answers as `ppacer.client.Client` does, with the same messages and refusals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

from ppacer import spec
from ppacer.cli.alone_accounts import AloneAccounts
from ppacer.cli.log import log_faults
from ppacer.client_errors import RefusedError, refusal
from ppacer.core.accounts import AuditEntry, How
from ppacer.core.instants import from_datetime
from ppacer.core.model import FAMILY, RunKind, RunStatus, TaskStatus
from ppacer.records import replace
from ppacer.services.errors import SchedulerError, SchedulerUnavailable, UnknownBackfill, UnknownRun, UnknownTask
from ppacer.services.scheduler import Scheduler
from ppacer.services.snapshots import DagState
from ppacer.store import Store, StoreError
from ppacer.store.leader import this_process
from ppacer.store.logs import LogStore
from ppacer.walk_calls import WalkCalls
from ppacer.web import answers
from ppacer.web.answers import RunFilter, Subject
from ppacer.web.dag_messages import (
    BackfillList,
    BackfillView,
    DagEventList,
    DagList,
    DagView,
    VersionList,
)
from ppacer.web.dag_views import dag_view
from ppacer.web.messages import EventList, Json, LogPage, MemberList, RunDetail, RunList, RunView, TaskView
from ppacer.web.problems import problem_of
from ppacer.web.requests import output_text
from ppacer.web.views import SHOWN_MEMBERS, run_view

_T = TypeVar("_T")


class Alone(AloneAccounts, WalkCalls):
    """The database and the logs are the caller's, who holds them alone. A scheduler is started for the first change;
    it takes over what is under way, but no run begins, nothing runs and no due time is decided. Belongs to one thread.
    """

    def __init__(self, program: spec.Program, store: Store, logs: LogStore, actor: str) -> None:
        self._program = program
        self._store = store
        self._logs = logs
        self._actor = actor
        self._runner: asyncio.Runner | None = None
        self._scheduler: Scheduler | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._runner is not None:
            if self._scheduler is not None:
                self._runner.run(self._scheduler.stop())
            self._runner.close()

    # --- what there is -----------------------------------------------------------------------------------------------

    def dags(self, *, removed: bool = False) -> DagList:
        """The program's dags as the database knows them; when they are due next is for others to work out."""
        latest = self._store.overviews.latest_runs(answers.SHOWN_RUNS)
        views = tuple(dag_view(self._state(dag), latest.get(dag.id, ())) for dag in self._program.dags)
        gone = answers.removed_dags(self._store) if removed else ()
        return DagList(self._program.name, self._program.build, views, gone)

    def dag_events(self, dag: str, *, before: str | None = None, limit: int = 50) -> DagEventList:
        return answers.dag_events(self._store, dag, before, limit)

    def versions(self, dag: str, *, before: str | None = None, limit: int = 10) -> VersionList:
        return answers.version_list(self._store, dag, _optional_instant(before), limit)

    def backfills(self, *, dag: str | None = None, before: str | None = None, limit: int = 20) -> BackfillList:
        return answers.backfill_list(self._store, dag, before, limit)

    def backfill(self, backfill_id: str) -> BackfillView:
        found = answers.one_backfill(self._store, backfill_id)
        if found is None:
            raise _refused(UnknownBackfill(f"there is no backfill `{backfill_id}`"))
        return found

    # --- runs --------------------------------------------------------------------------------------------------------

    def runs(
        self,
        *,
        dag: str | None = None,
        id_part: str | None = None,
        statuses: Sequence[str] = (),
        kinds: Sequence[str] = (),
        backfill: str | None = None,
        made_from: str | None = None,
        made_until: str | None = None,
        planned_from: str | None = None,
        planned_until: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> RunList:
        if id_part is not None:
            return answers.found_runs(self._store, id_part, before, limit)
        wanted = RunFilter(
            dag=dag,
            statuses=[RunStatus(status) for status in statuses],
            kinds=[RunKind(kind) for kind in kinds],
            made_from=_optional_instant(made_from),
            made_until=_optional_instant(made_until),
            planned_from=_optional_instant(planned_from),
            planned_until=_optional_instant(planned_until),
            backfill=backfill,
            before=before,
        )
        return answers.run_list(self._store, wanted, limit)

    def run(self, run_id: str, *, members: int | None = None) -> RunDetail:
        shown = SHOWN_MEMBERS if members is None else members
        return answers.one_run(self._store, self._logs, self._subject(run_id), shown)

    def task(self, run_id: str, task: str, position: int | None = None) -> TaskView:
        found = answers.one_task(self._store, self._subject(run_id), task, position)
        if found is None:
            raise _refused(UnknownTask(f"the run has no task `{task}`"))
        return found

    def members(
        self, run_id: str, task: str, *, statuses: Sequence[str] = (), after: int = FAMILY, limit: int = 100
    ) -> MemberList:
        wanted = [TaskStatus(status) for status in statuses]
        subject = self._subject(run_id)
        found = answers.members_of(self._store, subject, task, statuses=wanted, after=after, limit=limit)
        if found is None:
            raise _refused(UnknownTask(f"the run has no run-time family `{task}`"))
        return found

    def run_events(self, run_id: str, *, after: int = 0, limit: int = 500) -> EventList:
        return answers.run_events(self._store, run_id, after, limit)

    def logs(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        epoch: int | None = None,
        after: int = 0,
    ) -> LogPage:
        found = answers.find_attempt(self._store, run_id, task, position, number=attempt, epoch=epoch)
        if found is None:
            raise _refused(UnknownTask(f"`{task}` has no such attempt in this run"))
        return answers.attempt_log(self._store, self._logs, found, after)

    # --- operations --------------------------------------------------------------------------------------------------

    def trigger(
        self,
        dag: str,
        *,
        params: Mapping[str, Json] | None = None,
        scheduled_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> RunView:
        at = _optional_instant(scheduled_at)
        made = self._do(
            "trigger",
            dag,
            lambda scheduler: scheduler.trigger(
                dag, params=params, scheduled_at=at, idempotency_key=idempotency_key, actor=self._actor
            ),
        )
        return run_view(made)

    def cancel(self, run_id: str) -> RunView:
        return run_view(self._do("cancel", run_id, lambda scheduler: scheduler.cancel_run(run_id, actor=self._actor)))

    def cancel_task(self, run_id: str, task: str, position: int | None = None) -> RunView:
        return run_view(
            self._do(
                "cancel_task",
                f"{run_id}/{task}",
                lambda scheduler: scheduler.cancel_task(run_id, task, position, actor=self._actor),
            )
        )

    def restart(self, run_id: str) -> RunView:
        return run_view(self._do("restart", run_id, lambda scheduler: scheduler.restart_run(run_id, actor=self._actor)))

    def rerun(self, run_id: str, task: str, position: int | None = None, *, follow: bool = True) -> RunView:
        done = self._do(
            "rerun",
            f"{run_id}/{task}",
            lambda scheduler: scheduler.rerun_task(run_id, task, position, follow=follow, actor=self._actor),
        )
        return run_view(done)

    def mark(
        self,
        run_id: str,
        task: str,
        position: int | None = None,
        *,
        status: str,
        reason: str,
        output: Json = None,
    ) -> RunView:
        async def mark(scheduler: Scheduler) -> RunView:
            done = await scheduler.mark_task(
                *(run_id, task, position),
                status=TaskStatus(status),
                output=output_text(output),
                reason=reason,
                actor=self._actor,
            )
            return run_view(done)

        return self._do("mark", f"{run_id}/{task}", mark)

    def pause(self, dag: str, *, reason: str = "") -> DagView:
        self._do("pause", dag, lambda scheduler: scheduler.pause_dag(dag, actor=self._actor, reason=reason))
        return self._dag(dag)

    def resume(self, dag: str) -> DagView:
        self._do("resume", dag, lambda scheduler: scheduler.resume_dag(dag, actor=self._actor))
        return self._dag(dag)

    def silence(self, dag: str, until: str | None, *, reason: str = "") -> DagView:
        at = _optional_instant(until)
        self._do("silence", dag, lambda scheduler: scheduler.silence_dag(dag, at, actor=self._actor, reason=reason))
        return self._dag(dag)

    def start_backfill(
        self,
        dag: str,
        from_at: str,
        until_at: str,
        *,
        parallel: int = 1,
        params: Mapping[str, Json] | None = None,
    ) -> BackfillView:
        made = self._do(
            "start_backfill",
            dag,
            lambda scheduler: scheduler.start_backfill(
                *(dag, _instant(from_at), _instant(until_at)), parallel=parallel, params=params, actor=self._actor
            ),
        )
        return self.backfill(made.id)

    def cancel_backfill(self, backfill_id: str) -> BackfillView:
        self._do(
            "cancel_backfill", backfill_id, lambda scheduler: scheduler.cancel_backfill(backfill_id, actor=self._actor)
        )
        return self.backfill(backfill_id)

    # --- details -----------------------------------------------------------------------------------------------------

    def _do(self, action: str, subject: str, work: Callable[[Scheduler], Awaitable[_T]], detail: str = "") -> _T:
        """Carries out a change, and records it as the API does. Raises `RefusedError`."""
        if self._runner is None:
            log_faults()  # what becomes of it is for the program's next start to tell
            self._runner = asyncio.Runner()
        try:
            return self._runner.run(self._with_scheduler(work, self._entry(action, subject, detail)))
        except SchedulerError as error:
            raise _refused(error) from error
        except StoreError as error:
            raise _refused(SchedulerUnavailable(str(error))) from error

    def _entry(self, action: str, subject: str, detail: str) -> AuditEntry:
        """Of what is done, as if it were; `how` is that of whoever can read the database itself."""
        return AuditEntry("", 0, self._actor, How.MACHINE, "", action, subject, HTTPStatus.OK, detail)

    def _now(self) -> int:
        return time.time_ns() // 1000

    async def _with_scheduler(self, work: Callable[[Scheduler], Awaitable[_T]], entry: AuditEntry) -> _T:
        if self._scheduler is None:
            self._scheduler = Scheduler(
                *(self._program, self._store, self._logs), schedules=False, begins=False, leader=this_process()
            )
            await self._scheduler.start()
        try:
            done = await work(self._scheduler)
        except SchedulerError as error:
            await self._scheduler.accounts.record(replace(entry, outcome=problem_of(error).status))
            raise
        await self._scheduler.accounts.record(entry)
        return done

    def _subject(self, run_id: str) -> Subject:
        run = self._store.run(run_id)
        if run is None:
            raise _refused(UnknownRun(f"there is no run `{run_id}`"))
        return Subject(run, answers.dag_of(self._store, self._program, run))

    def _dag(self, dag_id: str) -> DagView:
        dag = next(dag for dag in self._program.dags if dag.id == dag_id)
        return dag_view(self._state(dag), answers.latest_runs(self._store, dag_id))

    def _state(self, dag: spec.Dag) -> DagState:
        row = self._store.dag(dag.id)
        counts = [run.status for run in self._store.runs(dag.id, [RunStatus.QUEUED, RunStatus.RUNNING])]
        return DagState(
            dag,
            next_due=None,
            active_runs=counts.count(RunStatus.RUNNING),
            queued_runs=counts.count(RunStatus.QUEUED),
            paused=row is not None and row.paused,
            silenced_until=None if row is None else row.silenced_until,
        )


def _refused(error: SchedulerError) -> RefusedError:
    return refusal(problem_of(error))


def _instant(text: str) -> int:
    """A time that a command worked out, with its offset."""
    return from_datetime(datetime.fromisoformat(text))


def _optional_instant(text: str | None) -> int | None:
    return None if text is None else _instant(text)
