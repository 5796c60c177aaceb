"""The JSON API's operations on runs and tasks. Each is recorded in the run's history, with who asked for it."""

from __future__ import annotations

from ppacer.core.model import TaskStatus
from ppacer.services.errors import InvalidTrigger
from ppacer.web.base import BaseHandler
from ppacer.web.messages import RunView
from ppacer.web.operation import operation
from ppacer.web.queries import TaskQuery
from ppacer.web.requests import Mark, MarkRequest, NoRequest, RerunRequest, output_text
from ppacer.web.views import run_view


class CancelHandler(BaseHandler):
    """Stops what runs, and starts nothing more but handlers."""

    @operation("Cancel a run", RunView, body=NoRequest)
    async def post(self, run_id: str, _: NoRequest) -> RunView:
        await self.run_of(run_id)
        return run_view(await self.site.scheduler.cancel_run(run_id, actor=self.actor))


class RestartHandler(BaseHandler):
    """Does again what failed, and what follows it."""

    @operation("Restart a run", RunView, body=NoRequest)
    async def post(self, run_id: str, _: NoRequest) -> RunView:
        await self.run_of(run_id)
        return run_view(await self.site.scheduler.restart_run(run_id, actor=self.actor))


class CancelTaskHandler(BaseHandler):
    """Of a run-time family all members are meant, unless `?position=` names one; so it is with the two below."""

    @operation("Cancel a task of a run", RunView, query=TaskQuery, body=NoRequest)
    async def post(self, run_id: str, task: str, query: TaskQuery, _: NoRequest) -> RunView:
        await self.run_of(run_id)
        return run_view(await self.site.scheduler.cancel_task(run_id, task, query.position, actor=self.actor))


class RerunHandler(BaseHandler):
    """Does one task again, and what comes after it unless `follow` is false."""

    @operation("Run a task again", RunView, query=TaskQuery, body=RerunRequest)
    async def post(self, run_id: str, task: str, query: TaskQuery, request: RerunRequest) -> RunView:
        await self.run_of(run_id)
        run = await self.site.scheduler.rerun_task(
            run_id, task, query.position, follow=request.follow, actor=self.actor
        )
        return run_view(run)


class MarkHandler(BaseHandler):
    """Counts a task as succeeded or failed, whatever became of it."""

    @operation("Mark a task", RunView, query=TaskQuery, body=MarkRequest)
    async def post(self, run_id: str, task: str, query: TaskQuery, request: MarkRequest) -> RunView:
        output = output_text(request.output)
        if not request.reason.strip():
            raise InvalidTrigger("say why, for whoever reads it later", "reason")
        if request.status is Mark.FAILED and output is not None:
            raise InvalidTrigger("what failed has no output", "output")
        await self.run_of(run_id)
        run = await self.site.scheduler.mark_task(
            *(run_id, task, query.position),
            status=TaskStatus(request.status.value),
            output=output,
            reason=request.reason,
            actor=self.actor,
        )
        return run_view(run)
