"""The JSON API of runs: which there are, what became of their tasks, what these wrote, and news as it comes."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from ppacer.core.model import Attempt, Run
from ppacer.services.errors import UnknownTask
from ppacer.web import answers
from ppacer.web.answers import RunFilter, Subject
from ppacer.web.base import ApiError, BaseHandler, instant
from ppacer.web.inputs import task_inputs
from ppacer.web.messages import (
    Changes,
    EventList,
    LogPage,
    MemberList,
    NotificationList,
    RunDetail,
    RunList,
    TaskView,
)
from ppacer.web.operation import operation
from ppacer.web.queries import (
    EventsQuery,
    FollowLogQuery,
    FromPageQuery,
    LogQuery,
    MembersQuery,
    RunChangesQuery,
    RunQuery,
    RunsQuery,
    TaskQuery,
)


class RunsHandler(BaseHandler):
    """Runs, newest first: those whose id holds `id`, or those that fit `dag`, `status`, `kind` and `backfill`."""

    @operation("List runs", RunList, query=RunsQuery)
    async def get(self, query: RunsQuery) -> RunList:
        if query.id is not None:
            return await self.read(answers.found_runs, self.site.store, query.id, query.before, query.limit)
        state = None if query.dag is None else self.site.scheduler.dag(query.dag)
        timezone = "UTC" if state is None else state.dag.timezone
        wanted = RunFilter(
            dag=query.dag,
            statuses=query.status,
            kinds=query.kind,
            made_from=_instant(query.from_, "from", "UTC"),
            made_until=_instant(query.to, "to", "UTC"),
            planned_from=_instant(query.planned_from, "planned_from", timezone),
            planned_until=_instant(query.planned_to, "planned_to", timezone),
            backfill=query.backfill,
            before=query.before,
        )
        return await self.read(answers.run_list, self.site.store, wanted, query.limit)


class RunsOwnHandler(BaseHandler):
    """The base of what is about one run."""

    async def subject(self, run: Run) -> Subject:
        scheduler = self.site.scheduler
        executors = [executor.labels for executor in scheduler.executors()]
        return Subject(run, await scheduler.dag_of(run), scheduler.progress(run.id), executors)


class RunHandler(RunsOwnHandler):
    """A run with its tasks and their attempts."""

    @operation("Show a run", RunDetail, query=RunQuery)
    async def get(self, run_id: str, query: RunQuery) -> RunDetail:
        subject = await self.subject(await self.run_of(run_id))
        logs = self.site.logs if query.logs else None
        return await self.read(answers.one_run, self.site.store, logs, subject, query.members)


class TaskHandler(RunsOwnHandler):
    """One task with its inputs and all of its output; of a run-time family the whole, or the member at `?position=`."""

    @operation("Show a task of a run", TaskView, query=TaskQuery)
    async def get(self, run_id: str, task: str, query: TaskQuery) -> TaskView:
        run = await self.run_of(run_id)
        found = await self.read(answers.one_task, self.site.store, await self.subject(run), task, query.position)
        if found is None:
            member = "" if query.position is None else f" at position {query.position}"
            raise UnknownTask(f"the run has no task `{task[:100]}`{member}")
        plan = await self.site.scheduler.plan_of(run)
        if plan is None or task not in plan.tasks:
            return found
        place = {"position": found.position, "number": len(found.attempts)}
        inputs = await self.read(task_inputs, self.site.store, plan, run, task, **place)
        return replace(found, inputs=inputs)


class MembersHandler(RunsOwnHandler):
    """The members of a run-time family by position, those of a `status` alone if one is given."""

    @operation("List members of a run-time family", MemberList, query=MembersQuery)
    async def get(self, run_id: str, task: str, query: MembersQuery) -> MemberList:
        subject = await self.subject(await self.run_of(run_id))
        found = await self.read(
            answers.members_of,
            self.site.store,
            subject,
            task,
            statuses=query.status,
            after=query.after,
            limit=query.limit,
        )
        if found is None:
            raise UnknownTask(f"the run has no run-time family `{task[:100]}`")
        return found


class RunEventsHandler(BaseHandler):
    """A run's history, in order."""

    @operation("List events of a run", EventList, query=EventsQuery)
    async def get(self, run_id: str, query: EventsQuery) -> EventList:
        await self.run_of(run_id)
        return await self.read(answers.run_events, self.site.store, run_id, query.after, query.limit)


class RunChangesHandler(BaseHandler):
    """A long-poll: the run's events after `since`, as soon as there are some."""

    @operation("Wait for events of a run", Changes, query=RunChangesQuery)
    async def get(self, run_id: str, query: RunChangesQuery) -> Changes:
        run = await self.run_of(run_id)
        await self.site.scheduler.run_changed(run_id, query.since, wait=query.wait)
        return await self.read(answers.run_changes, self.site.store, run, query.since)


class RunNotificationsHandler(BaseHandler):
    """What was to be told of a run, in the order in which it came up."""

    @operation("List notifications of a run", NotificationList, query=FromPageQuery)
    async def get(self, run_id: str, query: FromPageQuery) -> NotificationList:
        await self.run_of(run_id)
        return await self.read(answers.run_notifications, self.site.store, run_id, query.after, query.limit)


class LogsHandler(BaseHandler):
    """A long-poll: the log entries of one attempt (the task's last by default) after the entry `after`."""

    @operation("Read a log", LogPage, query=LogQuery)
    async def get(self, run_id: str, task: str, query: LogQuery) -> LogPage:
        await self.run_of(run_id)
        attempt = await wanted_attempt(self, run_id, task, query)
        if query.wait and not attempt.status.terminal:
            await self.site.scheduler.log_changed(attempt.id, query.after, wait=query.wait)
        return await self.read(answers.attempt_log, self.site.store, self.site.logs, attempt, query.after)


async def wanted_attempt(handler: BaseHandler, run_id: str, task: str, query: FollowLogQuery) -> Attempt:
    """The attempt whose log is asked for. Raises `ApiError`."""
    attempt = await handler.read(
        answers.find_attempt,
        handler.site.store,
        run_id,
        task,
        query.position,
        number=query.attempt or None,
        epoch=query.epoch or None,
    )
    if attempt is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f"`{task[:100]}` has no such attempt in this run")
    return attempt


def _instant(text: str | None, field: str, timezone: str) -> int | None:
    return None if text is None else instant(text, field, timezone)
