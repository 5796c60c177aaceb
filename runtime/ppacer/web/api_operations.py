"""The JSON API's operations on runs and tasks. Each is recorded in the run's history, with who asked for it."""

from __future__ import annotations

from ppacer.core.model import TaskStatus
from ppacer.services.errors import InvalidTrigger
from ppacer.web.base import BaseHandler
from ppacer.web.requests import Mark, MarkRequest, NoRequest, RerunRequest, output_text
from ppacer.web.views import run_view


class CancelHandler(BaseHandler):
    async def post(self, run_id: str) -> None:
        self.body(NoRequest)
        await self.run_of(run_id)
        self.answer(run_view(await self.site.scheduler.cancel_run(run_id, actor=self.actor)))


class RestartHandler(BaseHandler):
    async def post(self, run_id: str) -> None:
        self.body(NoRequest)
        await self.run_of(run_id)
        self.answer(run_view(await self.site.scheduler.restart_run(run_id, actor=self.actor)))


class CancelTaskHandler(BaseHandler):
    """Of a run-time family all members are meant, unless `?position=` names one; so it is with the two below."""

    async def post(self, run_id: str, task: str) -> None:
        self.body(NoRequest)
        position = self.position()
        await self.run_of(run_id)
        self.answer(run_view(await self.site.scheduler.cancel_task(run_id, task, position, actor=self.actor)))


class RerunHandler(BaseHandler):
    async def post(self, run_id: str, task: str) -> None:
        follow = self.body(RerunRequest).follow
        position = self.position()
        await self.run_of(run_id)
        run = await self.site.scheduler.rerun_task(run_id, task, position, follow=follow, actor=self.actor)
        self.answer(run_view(run))


class MarkHandler(BaseHandler):
    async def post(self, run_id: str, task: str) -> None:
        request = self.body(MarkRequest)
        position = self.position()
        output = output_text(request.output)
        if not request.reason.strip():
            raise InvalidTrigger("say why, for whoever reads it later", "reason")
        if request.status is Mark.FAILED and output is not None:
            raise InvalidTrigger("what failed has no output", "output")
        await self.run_of(run_id)
        run = await self.site.scheduler.mark_task(
            *(run_id, task, position),
            status=TaskStatus(request.status.value),
            output=output,
            reason=request.reason,
            actor=self.actor,
        )
        self.answer(run_view(run))
