"""The JSON API's small parts: health, changes of anything, pools, executors, notifications that failed."""

from __future__ import annotations

from http import HTTPStatus

import ppacer
from ppacer.services.scheduler import Condition
from ppacer.web import answers
from ppacer.web.base import MAX_PAGE, MAX_WAIT, BaseHandler
from ppacer.web.dag_messages import ExecutorList, PoolList
from ppacer.web.dag_views import executor_view, pool_view
from ppacer.web.messages import Health, Pulse


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


class ChangesHandler(BaseHandler):
    """A long-poll: answered as soon as anything has changed since the pulse `since`."""

    async def get(self) -> None:
        since = self.count("since", -1, least=-1, most=2**53)
        wait = self.number("wait", 0, least=0, most=MAX_WAIT)
        self.answer(Pulse(await self.site.scheduler.changed(since, wait=wait), self.site.instance))


class PoolsHandler(BaseHandler):
    def get(self) -> None:
        self.answer(PoolList(tuple(map(pool_view, self.site.scheduler.pools()))))


class ExecutorsHandler(BaseHandler):
    """The executors that were heard of lately, longest known first."""

    def get(self) -> None:
        build = self.site.program.build
        self.answer(ExecutorList(tuple(executor_view(each, build) for each in self.site.scheduler.executors())))


class FailedNotificationsHandler(BaseHandler):
    async def get(self) -> None:
        before = self.get_query_argument("before", None)
        limit = self.count("limit", 50, least=1, most=MAX_PAGE)
        self.answer(await self.read(answers.failed_notifications, self.site.store, before, limit))
