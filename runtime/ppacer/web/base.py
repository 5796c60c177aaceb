"""The base of all handlers: access rules before anything else, problems as JSON, bodies as typed messages.

Every route is protected unless its handler says `open_to_all`; nothing here depends on how a path is spelled.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from types import TracebackType
from typing import TypeVar

from tornado.web import HTTPError, RequestHandler

from ppacer import wire
from ppacer.services.errors import (
    InvalidTrigger,
    RunFinished,
    SchedulerError,
    SchedulerUnavailable,
    UnknownDag,
    UnknownRun,
    UnsupportedProtocol,
)
from ppacer.web.codec import encode
from ppacer.web.messages import Problem
from ppacer.web.security import RESPONSE_HEADERS
from ppacer.web.site import Site

MAX_API_BODY = 1024 * 1024
"""Bytes that a request of the JSON API may carry; exchanges of executors may carry more."""

_CHALLENGE = 'Basic realm="ppacer: any name, the token as password", charset="UTF-8"'
_UNAUTHORIZED = "a token is required, as `Authorization: Bearer …`; commands take it from --token or PPACER_TOKEN"
_LOGGER = logging.getLogger("ppacer.web")
_Message = TypeVar("_Message")
_STATUS_OF = {
    UnknownDag: HTTPStatus.NOT_FOUND,
    UnknownRun: HTTPStatus.NOT_FOUND,
    InvalidTrigger: HTTPStatus.UNPROCESSABLE_ENTITY,
    RunFinished: HTTPStatus.CONFLICT,
    UnsupportedProtocol: HTTPStatus.UPGRADE_REQUIRED,
    SchedulerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ApiError(HTTPError):
    """An answer that refuses: its status, a sentence for people, and the part of the request at fault."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(status, detail.replace("%", "%%"))
        self.detail = detail
        self.field = field


class BaseHandler(RequestHandler):
    """`site` is what the program serves. Bodies are JSON; forms and other types are refused."""

    open_to_all = False
    max_body = MAX_API_BODY

    def initialize(self, site: Site) -> None:
        self.site = site

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in RESPONSE_HEADERS:
            self.set_header(name, value)

    def prepare(self) -> None:
        headers = self.request.headers
        access = self.site.access
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
        if len(self.request.body) > self.max_body:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self.max_body} bytes are taken")
        if not reads and headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")

    def check_xsrf_cookie(self) -> None:
        """Nothing is kept in cookies: the origin rules of `prepare` do this work."""

    def body(self, kind: type[_Message]) -> _Message:
        """The request's body as a message. Raises `ApiError` naming the field that is wrong."""
        try:
            return wire.decode(kind, self.request.body)
        except wire.VersionError as error:
            raise ApiError(HTTPStatus.UPGRADE_REQUIRED, str(error)) from error
        except wire.WireError as error:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error

    def answer(self, message: object, status: int = HTTPStatus.OK) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(encode(message))

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """A number of the query string."""
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a number from {least:g} to {most:g}", name)
        return value

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
        if problem.status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", _CHALLENGE)
        self.set_header("Content-Type", "application/problem+json")
        self.finish(encode(problem))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if not isinstance(value, HTTPError | SchedulerError):
            _LOGGER.error(
                "%s %s failed",
                self.request.method,
                self.request.path,
                exc_info=(typ, value, tb) if typ is not None and value is not None else None,
            )


def _problem(status: int, error: BaseException | None) -> Problem:
    if isinstance(error, ApiError):
        return Problem(error.status_code, HTTPStatus(error.status_code).phrase, error.detail, error.field)
    if isinstance(error, SchedulerError):
        found = _STATUS_OF.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        return Problem(found, found.phrase, str(error))
    return Problem(status, HTTPStatus(status).phrase)
