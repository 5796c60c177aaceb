"""The JSON API under `/api/v1`: thin handlers between requests, the scheduler and the store."""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus

import ppacer
from ppacer.core.instants import from_datetime
from ppacer.core.model import Attempt, Run, RunStatus
from ppacer.core.schedule import ScheduleError, next_times
from ppacer.services.scheduler import Condition, DagState
from ppacer.store import Store
from ppacer.store.logs import LogStore
from ppacer.web.base import ApiError, BaseHandler
from ppacer.web.messages import Changes, DagDetail, DagList, Health, LogPage, Pulse, RunDetail, RunList, TriggerRequest
from ppacer.web.views import dag_view, event_view, log_page, run_detail, run_view, task_spec, time_text

MAX_WAIT = 60.0
"""How long a long-poll may ask to wait, in seconds."""

SHOWN_RUNS = 12
"""How many of a dag's latest runs its entry in the list of dags holds."""

LOG_PAGE = 1000
_NEXT_TIMES = 5
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class HealthHandler(BaseHandler):
    """For probes: 200 while the scheduler can work, else 503. Open to all, since it tells no secret."""

    open_to_all = True

    def get(self) -> None:
        health = self.site.scheduler.health()
        ready = health.condition is Condition.READY
        message = Health(
            status="ok" if ready else health.condition,
            program=self.site.program.name,
            build=self.site.program.build,
            version=ppacer.__version__,
            instance=self.site.instance,
            problem=health.message or None,
        )
        self.answer(message, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


class DagsHandler(BaseHandler):
    async def get(self) -> None:
        latest = await self.site.scheduler.journal.read(self.site.store.latest_runs_by_dag, SHOWN_RUNS)
        states = self.site.scheduler.dags()
        views = [dag_view(state.dag, state.next_due, latest.get(state.dag.id, ())) for state in states]
        self.answer(DagList(self.site.program.name, self.site.program.build, tuple(views)))


class DagHandler(BaseHandler):
    async def get(self, dag_id: str) -> None:
        state = self._state(dag_id)
        latest = await self.site.scheduler.journal.read(self.site.store.runs, dag_id, limit=SHOWN_RUNS)
        self.answer(
            DagDetail(
                dag=dag_view(state.dag, state.next_due, latest),
                tasks=tuple(task_spec(self.site.program, task) for task in state.dag.tasks),
                next_runs=self._next_runs(state),
            )
        )

    def _next_runs(self, state: DagState) -> tuple[str, ...]:
        if state.next_due is None:
            return ()
        try:
            return tuple(map(time_text, next_times(state.dag, state.next_due - 1, _NEXT_TIMES)))
        except ScheduleError:
            return ()  # only a worker can tell when a schedule of the user's own is due

    def _state(self, dag_id: str) -> DagState:
        state = self.site.scheduler.dag(dag_id)
        if state is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no dag `{dag_id}`")
        return state


class TriggerHandler(BaseHandler):
    async def post(self, dag_id: str) -> None:
        request = self.body(TriggerRequest) if self.request.body else TriggerRequest()
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and not 0 < len(key) <= 200:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected 1 to 200 characters", "Idempotency-Key")
        run = await self.site.scheduler.trigger(
            dag_id,
            params=request.params,
            scheduled_at=_instant(request.scheduled_at, "scheduled_at"),
            idempotency_key=key,
        )
        self.set_header("Location", f"/api/v1/runs/{run.id}")
        self.answer(run_view(run), HTTPStatus.CREATED)


class RunsHandler(BaseHandler):
    async def get(self) -> None:
        limit = int(self.number("limit", 50, least=1, most=500))
        part = self.get_query_argument("id", None)
        reads = self.site.scheduler.journal
        if part is not None:
            found = await reads.read(self.site.store.find_runs, part, limit)
            self.answer(RunList(tuple(map(run_view, found))))
            return
        before = self.get_query_argument("before", None)
        dag = self.get_query_argument("dag", None)
        runs = await reads.read(self.site.store.runs, dag, self._statuses(), before, limit + 1)
        more = len(runs) > limit
        self.answer(RunList(tuple(map(run_view, runs[:limit])), runs[limit - 1].id if more else None))

    def _statuses(self) -> list[RunStatus] | None:
        texts = self.get_query_arguments("status")
        try:
            return [RunStatus(text) for text in texts] or None
        except ValueError:
            known = ", ".join(RunStatus)
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected one of {known}", "status") from None


class RunHandler(BaseHandler):
    async def get(self, run_id: str) -> None:
        run = await _run(self, run_id)
        dag = await self.site.scheduler.dag_of(run)

        def read(store: Store) -> RunDetail:
            # The number first: what changes while the rows are read is then told by the next long-poll.
            seq = store.last_event_seq([run_id]).get(run_id, 0)
            return run_detail(store.run(run_id) or run, dag, store.tasks(run_id), store.attempts(run_id), seq)

        self.answer(await self.site.scheduler.journal.read(read, self.site.store))


class CancelHandler(BaseHandler):
    async def post(self, run_id: str) -> None:
        self.answer(run_view(await self.site.scheduler.cancel_run(run_id)))


class RunChangesHandler(BaseHandler):
    """A long-poll: the run's events after `since`, as soon as there are some."""

    async def get(self, run_id: str) -> None:
        since = int(self.number("since", 0, least=0, most=2**53))
        run = await _run(self, run_id)
        await self.site.scheduler.run_changed(run_id, since, wait=self.number("wait", 0, least=0, most=MAX_WAIT))

        def read(store: Store) -> Changes:
            events = store.events(run_id, since)
            status = (store.run(run_id) or run).status
            return Changes(events[-1].seq if events else since, status, tuple(map(event_view, events)))

        self.answer(await self.site.scheduler.journal.read(read, self.site.store))


class ChangesHandler(BaseHandler):
    """A long-poll: answered as soon as anything has changed since the pulse `since`."""

    async def get(self) -> None:
        since = int(self.number("since", -1, least=-1, most=2**53))
        wait = self.number("wait", 0, least=0, most=MAX_WAIT)
        self.answer(Pulse(await self.site.scheduler.changed(since, wait=wait), self.site.instance))


class LogsHandler(BaseHandler):
    """A long-poll: the log entries of one attempt (the task's last by default) after the entry `after`."""

    async def get(self, run_id: str, task: str) -> None:
        position = int(self.number("position", 0, least=0, most=2**31))
        number = int(self.number("attempt", 0, least=0, most=2**31))
        after = int(self.number("after", 0, least=0, most=2**53))
        wait = self.number("wait", 0, least=0, most=MAX_WAIT)
        scheduler = self.site.scheduler
        await _run(self, run_id)
        tries = await scheduler.journal.read(self.site.store.attempts, run_id, task)
        found = [each for each in tries if each.position == position and number in (0, each.number)]
        if not found:
            raise ApiError(HTTPStatus.NOT_FOUND, f"`{task}` has no such attempt in this run")
        attempt = found[-1]
        if wait and not attempt.status.terminal:
            await scheduler.log_changed(attempt.id, after, wait=wait)

        def read(store: Store, logs: LogStore) -> LogPage:
            # The attempt first: its log is durable before its end is.
            current: Attempt = store.attempt(attempt.id) or attempt
            return log_page(current, logs.read(attempt.id, after, LOG_PAGE), after, limit=LOG_PAGE)

        self.answer(await scheduler.journal.read(read, self.site.store, self.site.logs))


async def _run(handler: BaseHandler, run_id: str) -> Run:
    run = None
    if _ID.fullmatch(run_id):
        run = await handler.site.scheduler.journal.read(handler.site.store.run, run_id)
    if run is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f"there is no run `{run_id[:50]}`")
    return run


def _instant(text: str | None, field: str) -> int | None:
    if text is None:
        return None
    try:
        return from_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a time such as 2026-01-31T02:15:00Z: {error}", field
        ) from error
