"""What one operation of the API takes and answers: declared once, and used to read requests and to describe the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from ppacer.core.accounts import Right
from ppacer.web.query import NoQuery

if TYPE_CHECKING:
    from ppacer.web.base import BaseHandler

IDEMPOTENCY_KEY = "Idempotency-Key"
"""The header by which a request that is made again has no second effect."""

LAST_EVENT_ID = "Last-Event-ID"
"""The header by which a client that follows goes on where it was."""

EVENT_STREAM = "text/event-stream"

DRY_RUN = "dry_run"
"""The field of a body by which nothing is done, and what would be is answered."""

WAIT = "wait"
"""The field of a query that says for how many seconds its answer may be waited for."""

OPERATION = "operation"
"""The attribute of a handler's method that holds its `Operation`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`summary` is one line for people; `query` and `body` are the types of what it takes, `answers` that of what it
    answers, with `status`, `foretells` that of the answer to a body with `dry_run`; `unready` is a status that its
    method may set for the same answer. `headers` are those that it looks at beside the ones that all do. What answers
    with something else than JSON says of which `media` type. `right` is what whoever asks must have."""

    summary: str
    answers: type
    query: type = NoQuery
    body: type | None = None
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[str, ...] = ()
    unready: HTTPStatus | None = None
    media: str | None = None
    foretells: type | None = None
    right: Right = Right.VIEW


_Method: TypeAlias = Callable[..., Coroutine[object, object, object]]
_Handled: TypeAlias = Callable[..., Awaitable[None]]


def operation(
    summary: str,
    answers: type,
    *,
    query: type = NoQuery,
    body: type | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    headers: tuple[str, ...] = (),
    unready: HTTPStatus | None = None,
    foretells: type | None = None,
    right: Right | None = None,
) -> Callable[[_Method], _Handled]:
    """Makes a handler's method an operation: it gets the parts of the path, then its query and its body where it
    declares them, and what it returns is the answer. Unless it says otherwise, it takes the right to operate if it has
    a body, and to view if it has none. Whatever has a body is recorded in the audit log."""
    usual = Right.VIEW if body is None else Right.OPERATE
    declared = Operation(
        summary, answers, query, body, status, headers, unready, foretells=foretells, right=right or usual
    )

    def declare(method: _Method) -> _Handled:
        @wraps(method)
        async def handle(handler: BaseHandler, *path: str) -> None:
            asked: object = handler.query(query)
            given = [] if query is NoQuery else [asked]
            if body is not None:
                given.append(handler.body(body))
            changes = body is not None and not getattr(given[-1], DRY_RUN, False)

            async def do() -> object:
                doing = method(handler, *path, *given)
                return await (handler.recorded(doing, status) if changes else doing)

            answer = await (handler.replayed(do) if changes and takes_key(declared) else do())
            if getattr(asked, WAIT, 0.0):
                handler.check_again()
            handler.answer(answer, status if unready is None or handler.get_status() != unready else unready)

        setattr(handle, OPERATION, declared)
        return handle

    return declare


def takes_key(declared: Operation) -> bool:
    """Whether an answer is kept for whoever asks again with the same key. A trigger's is the run itself, which its
    handler finds; those of users and tokens hold secrets, which are told once."""
    return declared.body is not None and declared.right is Right.OPERATE and IDEMPOTENCY_KEY not in declared.headers


def streams(summary: str, media: str, *, right: Right) -> Callable[[_Handled], _Handled]:
    """Declares a handler's method that sends a stream of bytes of that type itself."""

    def declare(method: _Handled) -> _Handled:
        setattr(method, OPERATION, Operation(summary, bytes, media=media, right=right))
        return method

    return declare


def follows(summary: str, events: type, *, query: type) -> Callable[[_Method], _Handled]:
    """Makes a handler's method one that sends events, whose data are messages of that type, as it sees fit."""
    declared = Operation(summary, events, query, headers=(LAST_EVENT_ID,), media=EVENT_STREAM)

    def declare(method: _Method) -> _Handled:
        @wraps(method)
        async def handle(handler: BaseHandler, *path: str) -> None:
            asked: object = handler.query(query)
            await method(handler, *path, asked)

        setattr(handle, OPERATION, declared)
        return handle

    return declare
