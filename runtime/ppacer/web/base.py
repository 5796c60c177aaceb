"""The base of all handlers: access rules before anything else, problems as JSON, bodies as typed messages.

Every route is protected unless its handler says `open_to_all`: who asks must be known, and have the right that the
operation declares (`ppacer.web.operation`), or the handler where it declares none. Nothing here depends on how a path
is spelled.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import ParamSpec, TypeVar

from tornado.web import HTTPError, RequestHandler

from ppacer import wire
from ppacer.core.accounts import AuditEntry, How, Right
from ppacer.core.instants import from_datetime, from_local, zone
from ppacer.core.model import Run
from ppacer.services.accounts import Accounts
from ppacer.services.errors import SchedulerError, SchedulerUnavailable, UnknownRun
from ppacer.services.fingerprint import fingerprint
from ppacer.store.errors import StoreError
from ppacer.web.codec import Encoded, encode
from ppacer.web.identity import Identity, identify
from ppacer.web.messages import Problem
from ppacer.web.operation import IDEMPOTENCY_KEY, OPERATION, Operation
from ppacer.web.problems import problem, problem_of
from ppacer.web.query import QueryError, read_query
from ppacer.web.replays import OtherRequest
from ppacer.web.security import RESPONSE_HEADERS, TRANSPORT_SECURITY, Access, port_of, same_secret
from ppacer.web.site import Site

_NO_METHOD = RequestHandler.head
"""What handlers have in place of a method that they do not answer."""

MAX_API_BODY = 1024 * 1024
"""Bytes that a request of the JSON API may carry; exchanges of executors may carry more."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_CHALLENGE = 'Bearer realm="ppacer"'
_UNAUTHORIZED = (
    "a token is required, as `Authorization: Bearer …`, or a login on the page; commands take a token from --token or "
    "PPACER_TOKEN"
)
_WRONG = "the token is not known, or it has expired"
_NOT_ALLOWED = {
    Right.KNOWN: "{role} may not do this",
    Right.VIEW: "{role} may not look at this",
    Right.OPERATE: "{role} may not change this: that takes an operator or an admin",
    Right.ADMINISTER: "{role} may not do this: that takes an admin",
    Right.EXECUTE: "{role} may not run tasks: that takes a token with the scope executor or admin",
}
_LOGGER = logging.getLogger("ppacer.web")
_Message = TypeVar("_Message")

ACTOR_HEADER = "X-Ppacer-Actor"
"""Who asks, for histories, where it is not known: 1 to 100 printable characters of ASCII. It gives no rights."""

XSRF_HEADER = "X-Ppacer-Xsrf"
"""What a change brings along that is asked for under a login's cookie: `GET /api/v1/me` tells it."""

LOCAL = "local"
"""Who asks where nobody says."""

_ACTOR = re.compile(r"[!-~]([ -~]{0,98}[!-~])?")
_ACTION = re.compile(r"(?<!^)(?=[A-Z])")
_KEY = re.compile(r"[!-~]{1,200}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
P = ParamSpec("P")
T = TypeVar("T")


class ApiError(HTTPError):
    """An answer that refuses: its status, a sentence for people, the part of the request at fault, and in how many
    seconds it may be asked for again where that is known."""

    def __init__(self, status: int, detail: str, field: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(status, detail.replace("%", "%%"))
        self.detail = detail
        self.field = field
        self.retry_after = retry_after


class GuardedHandler(RequestHandler):
    """Asked by those only whom `access` lets in. Bodies are JSON unless `takes` says otherwise."""

    open_to_all = False
    from_anywhere = False
    """Whether a page of another site may have a link to it: what it answers is a page, which costs little."""
    right = Right.VIEW
    """What is asked of whoever asks for what is no declared operation."""
    max_body = MAX_API_BODY
    takes = JSON
    access: Access
    accounts: Accounts | None = None
    identity: Identity | None = None
    """Who asks; none for a stranger, before whom only what is open to all stands."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in RESPONSE_HEADERS:
            self.set_header(name, value)
        if self.request.protocol == "https":
            self.set_header(*TRANSPORT_SECURITY)

    def prepare(self) -> Awaitable[None] | None:
        self.check()
        return None

    def check(self) -> None:
        """Raises `ApiError` for what is not let in."""
        headers = self.request.headers
        access = self.access
        host = headers.get("Host")
        if not access.host_allowed(host):
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, "the Host header names another machine")
        reads = self.request.method in ("GET", "HEAD")
        navigation = self.from_anywhere and reads and headers.get("Sec-Fetch-Mode") == "navigate"
        if not access.origin_allowed(host, headers.get("Origin"), headers.get("Sec-Fetch-Site"), navigation=navigation):
            raise ApiError(HTTPStatus.FORBIDDEN, "the request comes from a page of another site")
        self.identity = self.identified()
        if not self.open_to_all:
            self._check_identity(reads=reads)
        methods = self._methods()
        if methods and self.request.method not in methods:
            raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, f"only {' and '.join(methods)} can be asked for here")
        if len(self.request.body) > self.max_body:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self.max_body} bytes are taken")
        if not reads and headers.get("Content-Type", "").partition(";")[0].strip().lower() != self.takes:
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body must be {self.takes}")

    def identified(self) -> Identity | None:
        """Who asks, as things stand by now."""
        authorization = self.request.headers.get("Authorization")
        return identify(self.access, self.accounts, authorization, self.get_cookie(self.cookie_name))

    def check_again(self) -> None:
        """Raises `ApiError` where whoever has waited for an answer would not be let in any more."""
        self.identity = self.identified()
        self._check_identity(reads=True)

    def _check_identity(self, *, reads: bool) -> None:
        found, needed = self.identity, self.needed
        if found is None:
            raise self.stranger()
        if not found.role.may(needed):
            raise ApiError(HTTPStatus.FORBIDDEN, _NOT_ALLOWED[needed].format(role=found.role))
        if found.xsrf is not None and not reads and not same_secret(self.given_xsrf(), found.xsrf):
            raise ApiError(
                *(HTTPStatus.FORBIDDEN, "a change under a login needs the value of `xsrf` that /api/v1/me tells"),
                field=XSRF_HEADER,
            )

    @property
    def needed(self) -> Right:
        """The right that the request asks for."""
        declared = getattr(getattr(type(self), (self.request.method or "").lower(), None), OPERATION, None)
        return declared.right if isinstance(declared, Operation) else self.right

    def stranger(self) -> ApiError:
        """How a stranger is refused."""
        wrong = self.request.headers.get("Authorization") is not None
        return ApiError(HTTPStatus.UNAUTHORIZED, _WRONG if wrong else _UNAUTHORIZED)

    def given_xsrf(self) -> str:
        return self.request.headers.get(XSRF_HEADER, "")

    @property
    def address(self) -> str:
        """From where it is asked."""
        return self.access.asked_from(self.request.remote_ip or "", self.request.headers)

    @property
    def secure(self) -> bool:
        """Whether the browser speaks TLS."""
        return self.access.secure(self.request.remote_ip or "", self.request.protocol, self.request.headers)

    @property
    def cookie_name(self) -> str:
        """Of the login's cookie: a browser has one jar for all ports of a host."""
        prefix = "__Host-" if self.secure else ""
        return f"{prefix}ppacer{port_of(self.request.headers.get('Host'))}"

    def check_xsrf_cookie(self) -> None:
        """Tornado's own is not used: `check` does this work."""

    def answer(self, message: object, status: int = HTTPStatus.OK) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(message.text if isinstance(message, Encoded) else encode(message))

    def write_error(
        self,
        status_code: int,
        exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | None = None,
        **_: object,
    ) -> None:
        error = exc_info[1] if exc_info is not None else None
        problem = _problem(status_code, error)
        self.set_status(problem.status)
        if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.set_header("Retry-After", "1")
        if isinstance(error, ApiError) and error.retry_after is not None:
            self.set_header("Retry-After", str(error.retry_after))
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self._methods()))
        if problem.status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", _CHALLENGE)
        self.set_header("Content-Type", "application/problem+json")
        self.finish(encode(problem))

    def _methods(self) -> list[str]:
        """What is answered at this address; nothing where there is nothing."""
        return [each for each in self.SUPPORTED_METHODS if getattr(type(self), each.lower()) is not _NO_METHOD]

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if not isinstance(value, HTTPError | SchedulerError | StoreError):
            _LOGGER.error(
                "%s %s failed",
                self.request.method,
                self.request.path,
                exc_info=(typ, value, tb) if typ is not None and value is not None else None,
            )


class BaseHandler(GuardedHandler):
    """`site` is what the program serves. `audit_subject` is what the audit log names where that is not what the path
    does, and `audit_detail` what it says besides."""

    audit_subject: str | None = None
    audit_detail = ""

    def initialize(self, site: Site) -> None:
        self.site = site
        self.access = site.access
        self.accounts = site.scheduler.accounts

    def body(self, kind: type[_Message]) -> _Message:
        """The request's body as a message, `{}` where there is none. Raises `ApiError` with the field that is wrong."""
        try:
            return wire.decode(kind, self.request.body or b"{}")
        except wire.VersionError as error:
            raise ApiError(HTTPStatus.UPGRADE_REQUIRED, str(error)) from error
        except wire.WireError as error:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), error.field) from error

    def query(self, kind: type[_Message]) -> _Message:
        """The query string as its type has it. Raises `ApiError` with the parameter that is wrong."""
        given = {name: self.get_query_arguments(name) for name in self.request.query_arguments}
        try:
            return read_query(kind, given)
        except QueryError as error:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), error.field) from error

    @property
    def actor(self) -> str:
        """Who asks, for histories: whoever is known, else whoever they say that they are. Raises `ApiError`."""
        given = self.request.headers.get(ACTOR_HEADER)
        if given is not None and not _ACTOR.fullmatch(given):
            raise ApiError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "expected 1 to 100 printable characters of ASCII", ACTOR_HEADER
            )
        known = None if self.identity is None else self.identity.name
        return known or given or LOCAL

    async def prepare(self) -> None:
        """What somebody was not allowed to change is recorded as what was."""
        try:
            self.check()
        except ApiError as error:
            if error.status_code == HTTPStatus.FORBIDDEN and self.identity is not None and self._is_change:
                await self.record(HTTPStatus.FORBIDDEN)
            raise

    async def recorded(self, doing: Coroutine[object, object, T], status: HTTPStatus) -> T:
        """What comes of a change, which is in the audit log by then; `status` is that of the answer if it is done."""
        try:
            actor = self.actor
        except ApiError:
            doing.close()  # nothing is done for who cannot be named
            raise
        try:
            answer = await doing
        except Exception as error:
            await self.record(_problem(HTTPStatus.INTERNAL_SERVER_ERROR, error).status)
            raise
        await self.record(status, actor=actor)
        return answer

    async def record(self, status: int, *, actor: str | None = None, how: How | None = None) -> None:
        """Adds to the audit log: who asked for what, from where, and what became of it."""
        known = self.identity.how if self.identity is not None else How.SESSION
        entry = AuditEntry(
            id="",
            at=0,
            actor=self.actor if actor is None else actor,
            how=how or known,
            address=self.address,
            action=_ACTION.sub("_", type(self).__name__.removesuffix("Handler")).lower(),
            subject="/".join(self.path_args) if self.audit_subject is None else self.audit_subject,
            outcome=status,
            detail=self.audit_detail,
        )
        try:
            await self.site.scheduler.accounts.record(entry)
        except SchedulerUnavailable as error:
            _LOGGER.warning("%s by %s is not in the audit log: %s", entry.action, entry.actor, error)

    @property
    def _is_change(self) -> bool:
        return self.request.method not in ("GET", "HEAD")

    async def replayed(self, do: Callable[[], Awaitable[object]]) -> object:
        """What `do` answers, or what it answered when the request was made first: with the same `Idempotency-Key`,
        by the same actor. Raises `ApiError`."""
        key = self.request.headers.get(IDEMPOTENCY_KEY)
        if key is None:
            return await do()
        if not _KEY.fullmatch(key):
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected 1 to 200 printable characters", IDEMPOTENCY_KEY)

        async def done() -> bytes:
            return encode(await do())

        request = fingerprint(self.request.method, self.request.uri, self.request.body.decode("utf-8", "replace"))
        try:
            return Encoded(await self.site.replays.once((self.actor, key), request, done))
        except OtherRequest:
            detail = "this key came with another request before: take a new one for each"
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, IDEMPOTENCY_KEY) from None

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a read of the store or of the logs in another thread."""
        return await self.site.scheduler.journal.read(function, *args, **kwargs)

    async def run_of(self, run_id: str) -> Run:
        """Raises `UnknownRun`."""
        run = await self.read(self.site.store.run, run_id) if _ID.fullmatch(run_id) else None
        if run is None:
            raise UnknownRun(f"there is no run `{run_id[:50]}`")
        return run


def instant(text: str, field: str, timezone: str) -> int:
    """A time in a request: in the zone named unless it has an offset; a date means its midnight. Raises `ApiError`."""
    try:
        moment = datetime.fromisoformat(text)
        return from_datetime(moment) if moment.tzinfo is not None else from_local(moment, zone(timezone))
    except (ValueError, OverflowError) as error:
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a time such as 2026-01-31T02:15:00Z: {error}", field
        ) from error


def _problem(status: int, error: BaseException | None) -> Problem:
    match error:
        case ApiError():
            return problem(HTTPStatus(error.status_code), error.detail, error.field)
        case SchedulerError():
            return problem_of(error)
        case StoreError():
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"nothing can be looked up at the moment: {error}")
        case _:
            return Problem(status, HTTPStatus(status).phrase)
