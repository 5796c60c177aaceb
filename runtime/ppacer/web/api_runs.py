"""The JSON API of runs: which there are, what became of their tasks, what these wrote, and news as it comes."""

from __future__ import annotations

from http import HTTPStatus

from ppacer.core.families import MOST_MEMBERS
from ppacer.core.model import FAMILY, Run, RunKind, RunStatus, TaskStatus
from ppacer.services.errors import UnknownTask
from ppacer.web import answers
from ppacer.web.answers import RunFilter, Subject
from ppacer.web.base import MAX_PAGE, MAX_WAIT, ApiError, BaseHandler
from ppacer.web.views import SHOWN_MEMBERS

_LATEST_NUMBER = 2**31


class RunsHandler(BaseHandler):
    """Runs, newest first: those whose id holds `id`, or those that fit `dag`, `status`, `kind` and `backfill`."""

    async def get(self) -> None:
        limit = self.count("limit", 50, least=1, most=MAX_PAGE)
        part = self.get_query_argument("id", None)
        if part is not None:
            self.answer(await self.read(answers.found_runs, self.site.store, part, limit))
            return
        kinds = self.words("kind", RunKind)
        wanted = RunFilter(
            dag=self.get_query_argument("dag", None),
            statuses=self.words("status", RunStatus),
            kind=kinds[-1] if kinds else None,
            backfill=self.get_query_argument("backfill", None),
            before=self.get_query_argument("before", None),
        )
        self.answer(await self.read(answers.run_list, self.site.store, wanted, limit))


class RunsOwnHandler(BaseHandler):
    """The base of what is about one run."""

    async def subject(self, run: Run) -> Subject:
        scheduler = self.site.scheduler
        executors = [executor.labels for executor in scheduler.executors()]
        return Subject(run, await scheduler.dag_of(run), scheduler.progress(run.id), executors)


class RunHandler(RunsOwnHandler):
    async def get(self, run_id: str) -> None:
        members = self.count("members", SHOWN_MEMBERS, least=0, most=MAX_PAGE)
        subject = await self.subject(await self.run_of(run_id))
        self.answer(await self.read(answers.one_run, self.site.store, self.site.logs, subject, members))


class TaskHandler(RunsOwnHandler):
    """One task with all of its output; of a run-time family the whole, or the member at `?position=`."""

    async def get(self, run_id: str, task: str) -> None:
        position = self.position()
        subject = await self.subject(await self.run_of(run_id))
        found = await self.read(answers.one_task, self.site.store, subject, task, position)
        if found is None:
            member = "" if position is None else f" at position {position}"
            raise UnknownTask(f"the run has no task `{task[:100]}`{member}")
        self.answer(found)


class MembersHandler(RunsOwnHandler):
    """The members of a run-time family by position, those of a `status` alone if one is given."""

    async def get(self, run_id: str, task: str) -> None:
        after = self.count("after", FAMILY, least=FAMILY, most=MOST_MEMBERS)
        limit = self.count("limit", SHOWN_MEMBERS, least=1, most=MAX_PAGE)
        statuses = self.words("status", TaskStatus)
        subject = await self.subject(await self.run_of(run_id))
        found = await self.read(
            answers.members_of, self.site.store, subject, task, statuses=statuses, after=after, limit=limit
        )
        if found is None:
            raise UnknownTask(f"the run has no run-time family `{task[:100]}`")
        self.answer(found)


class RunEventsHandler(BaseHandler):
    """A run's history, in order."""

    async def get(self, run_id: str) -> None:
        after = self.count("after", 0, least=0, most=2**53)
        limit = self.count("limit", MAX_PAGE, least=1, most=MAX_PAGE)
        await self.run_of(run_id)
        self.answer(await self.read(answers.run_events, self.site.store, run_id, after, limit))


class RunChangesHandler(BaseHandler):
    """A long-poll: the run's events after `since`, as soon as there are some."""

    async def get(self, run_id: str) -> None:
        since = self.count("since", 0, least=0, most=2**53)
        wait = self.number("wait", 0, least=0, most=MAX_WAIT)
        run = await self.run_of(run_id)
        await self.site.scheduler.run_changed(run_id, since, wait=wait)
        self.answer(await self.read(answers.run_changes, self.site.store, run, since))


class RunNotificationsHandler(BaseHandler):
    """What was to be told of a run, in the order in which it came up."""

    async def get(self, run_id: str) -> None:
        await self.run_of(run_id)
        self.answer(await self.read(answers.run_notifications, self.site.store, run_id))


class LogsHandler(BaseHandler):
    """A long-poll: the log entries of one attempt (the task's last by default) after the entry `after`."""

    async def get(self, run_id: str, task: str) -> None:
        number = self.count("attempt", 0, least=0, most=_LATEST_NUMBER)
        epoch = self.count("epoch", 0, least=0, most=_LATEST_NUMBER)
        after = self.count("after", 0, least=0, most=2**53)
        wait = self.number("wait", 0, least=0, most=MAX_WAIT)
        position = self.position() or 0
        await self.run_of(run_id)
        attempt = await self.read(
            answers.find_attempt, self.site.store, run_id, task, position, number=number or None, epoch=epoch or None
        )
        if attempt is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"`{task[:100]}` has no such attempt in this run")
        if wait and not attempt.status.terminal:
            await self.site.scheduler.log_changed(attempt.id, after, wait=wait)
        self.answer(await self.read(answers.attempt_log, self.site.store, self.site.logs, attempt, after))
