"""What a client's calls raise: nobody answered, or the program refused, and why."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from ppacer.web.messages import Problem


class ClientError(Exception):
    """The base of all: nobody answered, or the answer was a refusal."""


class AwayError(ClientError):
    """Nobody answers at the address, or not what a ppacer program would say."""


class RefusedError(ClientError):
    """The program refused the request; `problem` says why. Refusals that a script may want to tell apart have classes
    of their own."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem

    @property
    def status(self) -> int:
        """The status of the answer, such as 422."""
        return self.problem.status

    @property
    def field(self) -> str | None:
        """The part of the request at fault, such as `params.day`; none where it is no part in particular."""
        return self.problem.field


class UnauthorizedError(RefusedError):
    """401: it is not known who asks, or the token does not hold."""


class ForbiddenError(RefusedError):
    """403: whoever asks may not do this."""


class NotFoundError(RefusedError):
    """404: there is no such run, dag, task …"""


class ConflictError(RefusedError):
    """409: it cannot be done as things stand."""


class InvalidError(RefusedError):
    """422: the request is at fault, in its `field`."""


class UnavailableError(RefusedError):
    """503: the program cannot do this at the moment, and could a little later."""


_REFUSALS: Mapping[int, type[RefusedError]] = {
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
}


def refusal(problem: Problem) -> RefusedError:
    """The refusal, as the class of its status."""
    return _REFUSALS.get(problem.status, RefusedError)(problem)
