"""Why something was refused, as the API says it: the one place where errors of the services get a status."""

from __future__ import annotations

from http import HTTPStatus

from ppacer.services.errors import (
    InvalidTrigger,
    NotPossible,
    SchedulerError,
    SchedulerUnavailable,
    UnknownAccount,
    UnknownBackfill,
    UnknownDag,
    UnknownRun,
    UnknownTask,
    UnsupportedProtocol,
)
from ppacer.web.messages import Problem

_STATUSES: tuple[tuple[type[SchedulerError], HTTPStatus], ...] = (
    (UnknownDag, HTTPStatus.NOT_FOUND),
    (UnknownRun, HTTPStatus.NOT_FOUND),
    (UnknownTask, HTTPStatus.NOT_FOUND),
    (UnknownBackfill, HTTPStatus.NOT_FOUND),
    (UnknownAccount, HTTPStatus.NOT_FOUND),
    (InvalidTrigger, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotPossible, HTTPStatus.CONFLICT),
    (UnsupportedProtocol, HTTPStatus.UPGRADE_REQUIRED),
    (SchedulerUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem(status: HTTPStatus, detail: str, field: str | None = None) -> Problem:
    return Problem(status, status.phrase, detail, field)


def problem_of(error: SchedulerError) -> Problem:
    found = next((status for kind, status in _STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    return problem(found, str(error), error.field if isinstance(error, InvalidTrigger) else None)
