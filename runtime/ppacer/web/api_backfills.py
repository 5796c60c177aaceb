"""The JSON API of backfills: runs for the due times of a range."""

from __future__ import annotations

from http import HTTPStatus

from ppacer.services.errors import UnknownBackfill
from ppacer.web import answers
from ppacer.web.api_dags import DagsOwnHandler
from ppacer.web.base import MAX_PAGE, BaseHandler, instant
from ppacer.web.dag_messages import BackfillView
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

    async def get(self) -> None:
        dag = self.get_query_argument("dag", None)
        before = self.get_query_argument("before", None)
        limit = self.count("limit", 20, least=1, most=MAX_PAGE)
        self.answer(await self.read(answers.backfill_list, self.site.store, dag, before, limit))


class StartBackfillHandler(DagsOwnHandler):
    async def post(self, dag_id: str) -> None:
        request = self.body(BackfillRequest)
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
        self.answer(await self.read(answers.one_backfill, self.site.store, row.id), HTTPStatus.CREATED)


class BackfillHandler(_OneHandler):
    async def get(self, backfill_id: str) -> None:
        self.answer(await self.view(backfill_id))


class CancelBackfillHandler(_OneHandler):
    """Makes no more runs and cancels those under way."""

    async def post(self, backfill_id: str) -> None:
        self.body(NoRequest)
        await self.view(backfill_id)
        await self.site.scheduler.cancel_backfill(backfill_id, actor=self.actor)
        self.answer(await self.view(backfill_id))
