"""The JSON API's small parts: health, who asks, changes of anything, pools, executors, notifications that failed."""

from __future__ import annotations

from http import HTTPStatus

import ppacer
from ppacer.core.accounts import Right
from ppacer.services.scheduler import Condition
from ppacer.web import answers
from ppacer.web.base import BaseHandler
from ppacer.web.dag_messages import ExecutorList, PoolList
from ppacer.web.dag_views import executor_view, pool_view
from ppacer.web.messages import Health, Me, NotificationList, Pulse
from ppacer.web.operation import operation
from ppacer.web.queries import PageQuery, PulseQuery
from ppacer.web.views import leader_view


class HealthHandler(BaseHandler):
    """For probes of life: 200 for as long as the program answers at all. Open to all, since it tells no secret."""

    open_to_all = True

    @operation("Show the program's health", Health)
    async def get(self) -> Health:
        return self.health()

    def health(self) -> Health:
        health = self.site.scheduler.health()
        ready = health.condition is Condition.READY
        return Health(
            status="ok" if ready else health.condition,
            program=self.site.program.name,
            build=self.site.program.build,
            version=ppacer.__version__,
            instance=self.site.instance,
            problem=health.message or None,
            leader=leader_view(health.leader),
            durability=self.site.store.durability,
            leads=health.condition in (Condition.READY, Condition.STALLED),
            writes=ready,
            executors=health.executors,
        )


class ReadyHandler(HealthHandler):
    """For probes of readiness: 200 while the scheduler leads and its database takes writes, else 503."""

    @operation("Show whether the program can work", Health, unready=HTTPStatus.SERVICE_UNAVAILABLE)
    async def get(self) -> Health:
        health = self.health()
        if not health.writes:
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
        return health


class MeHandler(BaseHandler):
    """Who is asking, and as what: a page shows by it only what its user may do."""

    @operation("Show who is asking", Me, right=Right.KNOWN)
    async def get(self) -> Me:
        found = self.identity
        assert found is not None  # this is open to nobody else
        return Me(self.actor, found.role, found.how, found.xsrf)


class ChangesHandler(BaseHandler):
    """A long-poll: answered as soon as anything has changed since the pulse `since`."""

    @operation("Wait for a change of anything", Pulse, query=PulseQuery)
    async def get(self, query: PulseQuery) -> Pulse:
        return Pulse(await self.site.scheduler.changed(query.since, wait=query.wait), self.site.instance)


class PoolsHandler(BaseHandler):
    """The program's pools, and those of earlier builds that are still in use."""

    @operation("List pools", PoolList)
    async def get(self) -> PoolList:
        return PoolList(tuple(map(pool_view, self.site.scheduler.pools())))


class ExecutorsHandler(BaseHandler):
    """The executors that were heard of lately, longest known first."""

    @operation("List executors", ExecutorList)
    async def get(self) -> ExecutorList:
        build, scheduler = self.site.program.build, self.site.scheduler
        executors = tuple(executor_view(each, build) for each in scheduler.executors())
        return ExecutorList(executors, scheduler.health().ready_attempts)


class FailedNotificationsHandler(BaseHandler):
    """What nobody could be told, newest first."""

    @operation("List notifications that failed", NotificationList, query=PageQuery)
    async def get(self, query: PageQuery) -> NotificationList:
        return await self.read(answers.failed_notifications, self.site.store, query.before, query.limit)
