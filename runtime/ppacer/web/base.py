"""The base of all handlers: access rules before anything else, problems as JSON, bodies as typed messages.

Every route is protected unless its handler says `open_to_all`; nothing here depends on how a path is spelled.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import ParamSpec, TypeVar

from tornado.web import HTTPError, RequestHandler

from ppacer import wire
from ppacer.core.instants import from_datetime, from_local, zone
from ppacer.core.model import Run
from ppacer.services.errors import SchedulerError, UnknownRun
from ppacer.store.errors import StoreError
from ppacer.web.codec import Encoded, encode
from ppacer.web.messages import Problem
from ppacer.web.problems import problem, problem_of
from ppacer.web.query import QueryError, read_query
from ppacer.web.security import RESPONSE_HEADERS, Access
from ppacer.web.site import Site

_NO_METHOD = RequestHandler.head
"""What handlers have in place of a method that they do not answer."""

MAX_API_BODY = 1024 * 1024
"""Bytes that a request of the JSON API may carry; exchanges of executors may carry more."""

_CHALLENGE = 'Basic realm="ppacer: any name, the token as password", charset="UTF-8"'
_UNAUTHORIZED = "a token is required, as `Authorization: Bearer …`; commands take it from --token or PPACER_TOKEN"
_LOGGER = logging.getLogger("ppacer.web")
_Message = TypeVar("_Message")

ACTOR_HEADER = "X-Ppacer-Actor"
"""Who asks, for the history of runs and dags: 1 to 100 printable characters of ASCII. It gives no rights."""

LOCAL = "local"
"""Who asks where nobody says."""

_ACTOR = re.compile(r"[!-~]([ -~]{0,98}[!-~])?")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
P = ParamSpec("P")
T = TypeVar("T")


class ApiError(HTTPError):
    """An answer that refuses: its status, a sentence for people, and the part of the request at fault."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(status, detail.replace("%", "%%"))
        self.detail = detail
        self.field = field


class GuardedHandler(RequestHandler):
    """Asked by those only whom `access` lets in. Bodies are JSON; forms and other types are refused."""

    open_to_all = False
    max_body = MAX_API_BODY
    access: Access

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in RESPONSE_HEADERS:
            self.set_header(name, value)

    def prepare(self) -> None:
        headers = self.request.headers
        access = self.access
        host = headers.get("Host")
        if not access.host_allowed(host):
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, "the Host header names another machine")
        reads = self.request.method in ("GET", "HEAD")
        navigation = reads and headers.get("Sec-Fetch-Mode") == "navigate"
        if not access.origin_allowed(host, headers.get("Origin"), headers.get("Sec-Fetch-Site"), navigation=navigation):
            raise ApiError(HTTPStatus.FORBIDDEN, "the request comes from a page of another site")
        if not self.open_to_all and not access.authorized(headers.get("Authorization")):
            given = headers.get("Authorization") is not None
            raise ApiError(HTTPStatus.UNAUTHORIZED, "the token is not the right one" if given else _UNAUTHORIZED)
        methods = self._methods()
        if methods and self.request.method not in methods:
            raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, f"only {' and '.join(methods)} can be asked for here")
        if len(self.request.body) > self.max_body:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self.max_body} bytes are taken")
        if not reads and headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")

    def check_xsrf_cookie(self) -> None:
        """Nothing is kept in cookies: the origin rules of `prepare` do this work."""

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
    """`site` is what the program serves."""

    def initialize(self, site: Site) -> None:
        self.site = site
        self.access = site.access

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
        """Who asks. Raises `ApiError`."""
        given = self.request.headers.get(ACTOR_HEADER)
        if given and not _ACTOR.fullmatch(given):
            raise ApiError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "expected 1 to 100 printable characters of ASCII", ACTOR_HEADER
            )
        return given or LOCAL

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
