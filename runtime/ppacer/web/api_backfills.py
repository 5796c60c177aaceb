"""The JSON API of backfills: runs for the due times of a range."""

from __future__ import annotations

from http import HTTPStatus

from ppacer.services.errors import UnknownBackfill
from ppacer.web import answers
from ppacer.web.api_dags import DagsOwnHandler
from ppacer.web.base import BaseHandler, instant
from ppacer.web.dag_messages import BackfillList, BackfillView
from ppacer.web.operation import operation
from ppacer.web.queries import BackfillsQuery
from ppacer.web.requests import BackfillRequest, NoRequest


class _OneHandler(BaseHandler):
    async def view(self, backfill_id: str) -> BackfillView:
        """Raises `UnknownBackfill`."""
        found = await self.read(answers.one_backfill, self.site.store, backfill_id)
        if found is None:
            raise UnknownBackfill(f"there is no backfill `{backfill_id[:50]}`")
        return found


class BackfillsHandler(BaseHandler):
    """Backfills, newest first, those of one `dag` if it is given."""

    @operation("List backfills", BackfillList, query=BackfillsQuery)
    async def get(self, query: BackfillsQuery) -> BackfillList:
        return await self.read(answers.backfill_list, self.site.store, query.dag, query.before, query.limit)


class StartBackfillHandler(DagsOwnHandler):
    """Makes runs for the due times of a range that have none."""

    @operation("Start a backfill", BackfillView, body=BackfillRequest, status=HTTPStatus.CREATED)
    async def post(self, dag_id: str, request: BackfillRequest) -> BackfillView | None:
        dag = (await self.state(dag_id)).dag
        row = await self.site.scheduler.start_backfill(
            dag_id,
            instant(request.from_at, "from_at", dag.timezone),
            instant(request.until_at, "until_at", dag.timezone),
            parallel=request.parallel,
            params=request.params,
            actor=self.actor,
        )
        self.set_header("Location", f"/api/v1/backfills/{row.id}")
        return await self.read(answers.one_backfill, self.site.store, row.id)


class BackfillHandler(_OneHandler):
    """What a backfill is for, and how far it has come."""

    @operation("Show a backfill", BackfillView)
    async def get(self, backfill_id: str) -> BackfillView:
        return await self.view(backfill_id)


class CancelBackfillHandler(_OneHandler):
    """Makes no more runs and cancels those under way."""

    @operation("Cancel a backfill", BackfillView, body=NoRequest)
    async def post(self, backfill_id: str, _: NoRequest) -> BackfillView:
        await self.view(backfill_id)
        await self.site.scheduler.cancel_backfill(backfill_id, actor=self.actor)
        return await self.view(backfill_id)
