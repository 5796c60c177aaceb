"""The JSON API of many runs of a dag at a glance: its grid and its calendar."""

from __future__ import annotations

from datetime import date, timedelta
from http import HTTPStatus

from ppacer.core.instants import to_datetime, zone
from ppacer.web import overviews
from ppacer.web.api_dags import DagsOwnHandler
from ppacer.web.base import ApiError
from ppacer.web.operation import operation
from ppacer.web.overview_messages import DayList, Grid
from ppacer.web.queries import DaysQuery, GridQuery

_YEAR = timedelta(days=365)


class GridHandler(DagsOwnHandler):
    """The dag's runs, newest first, with the state of each task."""

    @operation("Show runs of a dag by tasks", Grid, query=GridQuery)
    async def get(self, dag_id: str, query: GridQuery) -> Grid:
        await self.known(dag_id)
        state = self.site.scheduler.dag(dag_id)
        dag = None if state is None else state.dag
        now = self.site.scheduler.clock.now()
        return await self.read(
            overviews.grid, self.site.store, dag_id, dag, before=query.before, limit=query.limit, now=now
        )


class DaysHandler(DagsOwnHandler):
    """How many runs a dag has on each day, by the day of their logical time in the dag's zone."""

    @operation("Count runs of a dag by days", DayList, query=DaysQuery)
    async def get(self, dag_id: str, query: DaysQuery) -> DayList:
        await self.known(dag_id)
        state = self.site.scheduler.dag(dag_id)
        timezone = "UTC" if state is None else state.dag.timezone
        today = to_datetime(self.site.scheduler.clock.now(), zone(timezone)).date()
        last = query.to or max(today, query.from_ or today)
        first = query.from_ or _before(last)
        if first > last:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "the first day is after the last one", "from")
        if last - first >= timedelta(days=overviews.MOST_DAYS):
            detail = f"at most {overviews.MOST_DAYS} days are told at once"
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, "from")
        return await self.read(overviews.days, self.site.store, dag_id, timezone, first, last)


def _before(last: date) -> date:
    """The first of a year's days that end with this one."""
    return last - _YEAR + timedelta(days=1)
