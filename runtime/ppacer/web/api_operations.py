"""The JSON API's operations on runs and tasks. Each is recorded in the run's history, with who asked for it.

With `dry_run` in the body nothing is done: what would be touched is answered.
"""

from __future__ import annotations

from typing import TypeAlias

from ppacer.core.foresight import Wish
from ppacer.core.happenings import CancelAsked
from ppacer.core.model import Run, TaskStatus
from ppacer.services import wishes
from ppacer.services.errors import InvalidTrigger
from ppacer.web.base import BaseHandler
from ppacer.web.messages import Foreseen, RunView
from ppacer.web.operation import operation
from ppacer.web.queries import TaskQuery
from ppacer.web.requests import Mark, MarkRequest, RerunRequest, WishRequest, output_text
from ppacer.web.views import foreseen, run_view

Answer: TypeAlias = RunView | Foreseen


class _OperationHandler(BaseHandler):
    @property
    def now(self) -> int:
        return self.site.scheduler.clock.now()

    async def foresee(self, run: Run, wish: Wish) -> Foreseen:
        touched = await self.site.scheduler.foresee(run.id, wish)
        return foreseen(run, touched, await self.site.scheduler.dag_of(run))


class CancelHandler(_OperationHandler):
    """Stops what runs, and starts nothing more but handlers."""

    @operation("Cancel a run", RunView, body=WishRequest, foretells=Foreseen)
    async def post(self, run_id: str, request: WishRequest) -> Answer:
        run = await self.run_of(run_id)
        if request.dry_run:
            return await self.foresee(run, CancelAsked(self.now, self.actor))
        return run_view(await self.site.scheduler.cancel_run(run_id, actor=self.actor))


class RestartHandler(_OperationHandler):
    """Does again what failed, and what follows it."""

    @operation("Restart a run", RunView, body=WishRequest, foretells=Foreseen)
    async def post(self, run_id: str, request: WishRequest) -> Answer:
        run = await self.run_of(run_id)
        if request.dry_run:
            return await self.foresee(run, wishes.restart(self.now, self.actor))
        return run_view(await self.site.scheduler.restart_run(run_id, actor=self.actor))


class CancelTaskHandler(_OperationHandler):
    """Of a run-time family all members are meant, unless `?position=` names one; so it is with the two below."""

    @operation("Cancel a task of a run", RunView, query=TaskQuery, body=WishRequest, foretells=Foreseen)
    async def post(self, run_id: str, task: str, query: TaskQuery, request: WishRequest) -> Answer:
        run = await self.run_of(run_id)
        if request.dry_run:
            return await self.foresee(run, wishes.cancel_task(self.now, self.actor, task, query.position))
        return run_view(await self.site.scheduler.cancel_task(run_id, task, query.position, actor=self.actor))


class RerunHandler(_OperationHandler):
    """Does one task again, and what comes after it unless `follow` is false."""

    @operation("Run a task again", RunView, query=TaskQuery, body=RerunRequest, foretells=Foreseen)
    async def post(self, run_id: str, task: str, query: TaskQuery, request: RerunRequest) -> Answer:
        run = await self.run_of(run_id)
        if request.dry_run:
            wish = wishes.rerun(self.now, self.actor, task, query.position, follow=request.follow)
            return await self.foresee(run, wish)
        run = await self.site.scheduler.rerun_task(
            run_id, task, query.position, follow=request.follow, actor=self.actor
        )
        return run_view(run)


class MarkHandler(_OperationHandler):
    """Counts a task as succeeded or failed, whatever became of it."""

    @operation("Mark a task", RunView, query=TaskQuery, body=MarkRequest, foretells=Foreseen)
    async def post(self, run_id: str, task: str, query: TaskQuery, request: MarkRequest) -> Answer:
        output, status = output_text(request.output), TaskStatus(request.status.value)
        if not request.reason.strip():
            raise InvalidTrigger("say why, for whoever reads it later", "reason")
        if request.status is Mark.FAILED and output is not None:
            raise InvalidTrigger("what failed has no output", "output")
        run = await self.run_of(run_id)
        place = (task, query.position)
        if request.dry_run:
            wish = wishes.mark(self.now, self.actor, *place, status=status, output=output, reason=request.reason)
            return await self.foresee(run, wish)
        run = await self.site.scheduler.mark_task(
            run_id, *place, status=status, output=output, reason=request.reason, actor=self.actor
        )
        return run_view(run)
