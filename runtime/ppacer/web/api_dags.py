"""The JSON API of dags: what they are, their history and versions, and what may be done to them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from ppacer import spec
from ppacer.core.instants import microseconds
from ppacer.core.model import DagRow
from ppacer.core.schedule import ScheduleError, next_times
from ppacer.localtime import local_time
from ppacer.services.errors import UnknownDag
from ppacer.services.scheduler import DagState
from ppacer.web import answers
from ppacer.web.base import ApiError, BaseHandler, instant
from ppacer.web.codec import Encoded
from ppacer.web.dag_messages import DagDetail, DagEventList, DagList, DagView, VersionDetail, VersionList
from ppacer.web.dag_views import dag_view, param_view, task_spec
from ppacer.web.messages import RunView
from ppacer.web.operation import IDEMPOTENCY_KEY, operation
from ppacer.web.queries import DagsQuery, PageQuery, VersionsQuery
from ppacer.web.requests import LONGEST_SILENCE, NoRequest, ReasonRequest, SilenceRequest, TriggerRequest
from ppacer.web.views import run_view, time_text

_NEXT_TIMES = 10


class DagsHandler(BaseHandler):
    """The program's dags, with `?limit=` a page of them; with `?removed=true` also those that it no longer has, with
    `?since=` what is new in them."""

    @operation("List dags", DagList, query=DagsQuery)
    async def get(self, query: DagsQuery) -> Encoded:
        if query.after is not None and self.site.scheduler.dag(query.after) is None:
            detail = f"there is no dag `{query.after[:100]}` to go on behind"
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, "after")
        return await self.site.dag_list.answer(self.site, query)


class DagsOwnHandler(BaseHandler):
    """The base of what is about one dag of the program, or about one that it had."""

    async def state(self, dag_id: str) -> DagState:
        """Raises `UnknownDag`, which tells what became of a dag that was removed."""
        state = self.site.scheduler.dag(dag_id)
        if state is None:
            row = await self.read(self.site.store.dag, dag_id)
            raise UnknownDag(f"there is no dag `{dag_id[:100]}`{_fate(row)}")
        return state

    async def known(self, dag_id: str) -> None:
        """Raises `UnknownDag` unless the program has or had such a dag."""
        if self.site.scheduler.dag(dag_id) is None and await self.read(self.site.store.dag, dag_id) is None:
            raise UnknownDag(f"there is no dag `{dag_id[:100]}`, nor was there one")

    async def view(self, state: DagState) -> DagView:
        return dag_view(state, await self.read(answers.latest_runs, self.site.store, state.dag.id))


class DagHandler(DagsOwnHandler):
    """A dag with its tasks and parameters."""

    @operation("Show a dag", DagDetail)
    async def get(self, dag_id: str) -> DagDetail:
        state = await self.state(dag_id)
        return DagDetail(
            dag=await self.view(state),
            tasks=tuple(task_spec(self.site.program, task) for task in state.dag.tasks),
            next_runs=_next_runs(state),
            params=tuple(map(param_view, state.dag.params)),
        )


class DagEventsHandler(DagsOwnHandler):
    """Who did what to a dag, and what became of its due times; newest first."""

    @operation("List events of a dag", DagEventList, query=PageQuery)
    async def get(self, dag_id: str, query: PageQuery) -> DagEventList:
        await self.known(dag_id)
        return await self.read(answers.dag_events, self.site.store, dag_id, query.before, query.limit)


class VersionsHandler(DagsOwnHandler):
    """The shapes that a dag has had, and what each changed."""

    @operation("List versions of a dag", VersionList, query=VersionsQuery)
    async def get(self, dag_id: str, query: VersionsQuery) -> VersionList:
        await self.known(dag_id)
        before = None if query.before is None else instant(query.before, "before", "UTC")
        return await self.read(answers.version_list, self.site.store, dag_id, before, query.limit)


class VersionHandler(DagsOwnHandler):
    """One version of a dag with the Python of its tasks."""

    @operation("Show a version of a dag", VersionDetail)
    async def get(self, dag_id: str, build: str) -> VersionDetail:
        await self.known(dag_id)
        found = await self.read(answers.one_version, self.site.store, dag_id, build)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"no version of dag `{dag_id}` came with build `{build[:64]}`")
        return found


class TriggerHandler(DagsOwnHandler):
    """Makes a run of the dag now; one and the same for all requests with the same `Idempotency-Key`."""

    @operation("Trigger a run", RunView, body=TriggerRequest, status=HTTPStatus.CREATED, headers=(IDEMPOTENCY_KEY,))
    async def post(self, dag_id: str, request: TriggerRequest) -> RunView:
        dag = (await self.state(dag_id)).dag
        at = request.scheduled_at
        run = await self.site.scheduler.trigger(
            dag_id,
            params=request.params,
            scheduled_at=None if at is None else instant(at, "scheduled_at", dag.timezone),
            idempotency_key=self.request.headers.get(IDEMPOTENCY_KEY),
            actor=self.actor,
        )
        self.set_header("Location", f"/api/v1/runs/{run.id}")
        return run_view(run)


class PauseHandler(DagsOwnHandler):
    """Makes no more scheduled runs of a dag."""

    @operation("Pause a dag", DagView, body=ReasonRequest)
    async def post(self, dag_id: str, request: ReasonRequest) -> DagView:
        await self.state(dag_id)
        await self.site.scheduler.pause_dag(dag_id, actor=self.actor, reason=request.reason)
        return await self.view(await self.state(dag_id))


class ResumeHandler(DagsOwnHandler):
    """Makes scheduled runs of a dag again."""

    @operation("Resume a dag", DagView, body=NoRequest)
    async def post(self, dag_id: str, _: NoRequest) -> DagView:
        await self.state(dag_id)
        await self.site.scheduler.resume_dag(dag_id, actor=self.actor)
        return await self.view(await self.state(dag_id))


class SilenceHandler(DagsOwnHandler):
    """Alerts nobody of a dag for a while, or does so again."""

    @operation("Silence a dag", DagView, body=SilenceRequest)
    async def post(self, dag_id: str, request: SilenceRequest) -> DagView:
        until = self._until(request, (await self.state(dag_id)).dag)
        await self.site.scheduler.silence_dag(dag_id, until, actor=self.actor, reason=request.reason)
        return await self.view(await self.state(dag_id))

    def _until(self, request: SilenceRequest, dag: spec.Dag) -> int | None:
        now = self.site.scheduler.clock.now()
        most = microseconds(LONGEST_SILENCE)
        if request.until is not None and request.seconds is not None:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "give `until` or `seconds`, not both", "seconds")
        if request.seconds is not None:
            if not 0 < request.seconds <= most / 1_000_000:
                raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected more than 0 and at most ten years", "seconds")
            return now + round(request.seconds * 1_000_000)
        if request.until is None:
            return None
        until = instant(request.until, "until", dag.timezone)
        if not now < until <= now + most:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected a time to come, within ten years", "until")
        return until


def _next_runs(state: DagState) -> tuple[str, ...]:
    if state.next_due is None:
        return ()
    try:
        times: Sequence[int] = next_times(state.dag, state.next_due - 1, _NEXT_TIMES)
    except ScheduleError:
        times = (state.next_due,)  # of a schedule of the user's own only a worker can tell what follows
    return tuple(map(time_text, times))


def _fate(row: DagRow | None) -> str:
    if row is None or row.removed_at is None:
        return ""
    renamed = f" and is `{row.renamed_to}` now" if row.renamed_to is not None else ""
    return f": it was removed on {local_time(row.removed_at)}{renamed}"
