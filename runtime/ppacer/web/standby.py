"""What a program answers while it stands by: that it does, and who leads. Everything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from tornado.web import Application

import ppacer
from ppacer import spec
from ppacer.core.accounts import Right
from ppacer.services.snapshots import Condition
from ppacer.store.leader import Leader
from ppacer.web.base import ApiError, GuardedHandler
from ppacer.web.exchange import MAX_EXCHANGE_BODY
from ppacer.web.messages import Health
from ppacer.web.security import Access
from ppacer.web.views import leader_view


@dataclass(frozen=True, slots=True)
class Waiting:
    """A program that stands by. `why` says who leads, or what hinders this one, `leader` who leads as far as that is
    known; the rest is as in `Site`."""

    program: spec.Program
    access: Access
    instance: str
    why: Callable[[], str]
    leader: Callable[[], Leader | None]


def standby_app(waiting: Waiting) -> Application:
    arguments = {"waiting": waiting}
    return Application(
        [("/health", StandbyHealthHandler, arguments), ("/ready", StandbyReadyHandler, arguments)],
        default_handler_class=StandbyHandler,
        default_handler_args=arguments,
        log_function=lambda _: None,
    )


class StandbyHandler(GuardedHandler):
    from_anywhere = True  # nothing here costs anything
    right = Right.KNOWN
    max_body = MAX_EXCHANGE_BODY  # or an executor would take it that its report is too long for whoever leads

    def initialize(self, waiting: Waiting) -> None:
        self.waiting = waiting
        self.access = waiting.access

    def stranger(self) -> ApiError:
        """Whoever leads may know them: this program cannot tell, and says nothing else."""
        if self.request.headers.get("Authorization") is not None or self.request.cookies:
            return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "this program stands by")
        return super().stranger()

    def check(self) -> None:
        super().check()
        if not self.open_to_all:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, f"this program stands by: {self.waiting.why()}")


class StandbyHealthHandler(StandbyHandler):
    """For probes of life: this program is well, but not who to ask."""

    open_to_all = True
    status = HTTPStatus.OK

    def get(self) -> None:
        program = self.waiting.program
        message = Health(
            status=Condition.STANDBY,
            program=program.name,
            build=program.build,
            version=ppacer.__version__,
            instance=self.waiting.instance,
            problem=f"this program stands by: {self.waiting.why()}",
            leader=leader_view(self.waiting.leader()),
        )
        self.answer(message, self.status)


class StandbyReadyHandler(StandbyHealthHandler):
    """For probes of readiness: nothing can be asked of it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
