"""All routes of a running program, and the server that answers them."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from functools import cache

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
from tornado.web import Application, GZipContentEncoding, RequestHandler

from ppacer.protocol import EXCHANGE_PATH
from ppacer.web.api import (
    ChangesHandler,
    ExecutorsHandler,
    FailedNotificationsHandler,
    HealthHandler,
    MeHandler,
    PoolsHandler,
    ReadyHandler,
)
from ppacer.web.api_accounts import (
    AuditHandler,
    OwnPasswordHandler,
    RemoveUserHandler,
    RevokeTokenHandler,
    TokensHandler,
    UserPasswordHandler,
    UserRoleHandler,
    UsersHandler,
)
from ppacer.web.api_backfills import BackfillHandler, BackfillsHandler, CancelBackfillHandler, StartBackfillHandler
from ppacer.web.api_dags import (
    DagEventsHandler,
    DagHandler,
    DagsHandler,
    PauseHandler,
    ResumeHandler,
    SilenceHandler,
    TriggerHandler,
    VersionHandler,
    VersionsHandler,
)
from ppacer.web.api_database import CopyHandler, DatabaseHandler
from ppacer.web.api_metrics import MetricsHandler
from ppacer.web.api_operations import CancelHandler, CancelTaskHandler, MarkHandler, RerunHandler, RestartHandler
from ppacer.web.api_overviews import DaysHandler, GridHandler
from ppacer.web.api_runs import (
    LogsHandler,
    MembersHandler,
    RunChangesHandler,
    RunEventsHandler,
    RunHandler,
    RunNotificationsHandler,
    RunsHandler,
    TaskHandler,
)
from ppacer.web.base import BaseHandler
from ppacer.web.exchange import MAX_EXCHANGE_BODY, ExchangeHandler
from ppacer.web.login import LoginHandler, LogoutHandler
from ppacer.web.pages import MissingHandler, PageHandler, StaticHandler
from ppacer.web.site import Site
from ppacer.web.streams import FollowHandler, FollowLogHandler, FollowRunHandler

_IDLE_SECONDS = 120.0
_BODY_SECONDS = 60.0
_MAX_HEADERS = 32 * 1024


class DescriptionHandler(BaseHandler):
    """All of the API, as OpenAPI 3.1 has it."""

    async def get(self) -> None:
        is_open = self.access.open and not self.site.scheduler.accounts.has_users
        text = await asyncio.to_thread(_description, self.site.program.name, is_open=is_open)
        self.set_header("Content-Type", "application/json")
        self.finish(text)


API = "/api/v1"
ROUTES: tuple[tuple[str, type[RequestHandler]], ...] = (
    (EXCHANGE_PATH, ExchangeHandler),
    ("/health", HealthHandler),
    ("/ready", ReadyHandler),
    ("/metrics", MetricsHandler),
    (f"{API}/openapi.json", DescriptionHandler),
    (f"{API}/me", MeHandler),
    (f"{API}/me/password", OwnPasswordHandler),
    (f"{API}/users", UsersHandler),
    (f"{API}/users/USER/remove", RemoveUserHandler),
    (f"{API}/users/USER/role", UserRoleHandler),
    (f"{API}/users/USER/password", UserPasswordHandler),
    (f"{API}/tokens", TokensHandler),
    (f"{API}/tokens/TOKEN/revoke", RevokeTokenHandler),
    (f"{API}/audit", AuditHandler),
    (f"{API}/changes", ChangesHandler),
    (f"{API}/stream", FollowHandler),
    (f"{API}/pools", PoolsHandler),
    (f"{API}/executors", ExecutorsHandler),
    (f"{API}/database", DatabaseHandler),
    (f"{API}/database/PART/copy", CopyHandler),
    (f"{API}/notifications", FailedNotificationsHandler),
    (f"{API}/dags", DagsHandler),
    (f"{API}/dags/DAG", DagHandler),
    (f"{API}/dags/DAG/runs", TriggerHandler),
    (f"{API}/dags/DAG/pause", PauseHandler),
    (f"{API}/dags/DAG/resume", ResumeHandler),
    (f"{API}/dags/DAG/silence", SilenceHandler),
    (f"{API}/dags/DAG/grid", GridHandler),
    (f"{API}/dags/DAG/days", DaysHandler),
    (f"{API}/dags/DAG/events", DagEventsHandler),
    (f"{API}/dags/DAG/versions", VersionsHandler),
    (f"{API}/dags/DAG/versions/BUILD", VersionHandler),
    (f"{API}/dags/DAG/backfills", StartBackfillHandler),
    (f"{API}/backfills", BackfillsHandler),
    (f"{API}/backfills/BACKFILL", BackfillHandler),
    (f"{API}/backfills/BACKFILL/cancel", CancelBackfillHandler),
    (f"{API}/runs", RunsHandler),
    (f"{API}/runs/RUN", RunHandler),
    (f"{API}/runs/RUN/cancel", CancelHandler),
    (f"{API}/runs/RUN/restart", RestartHandler),
    (f"{API}/runs/RUN/changes", RunChangesHandler),
    (f"{API}/runs/RUN/stream", FollowRunHandler),
    (f"{API}/runs/RUN/events", RunEventsHandler),
    (f"{API}/runs/RUN/notifications", RunNotificationsHandler),
    (f"{API}/runs/RUN/tasks/TASK", TaskHandler),
    (f"{API}/runs/RUN/tasks/TASK/members", MembersHandler),
    (f"{API}/runs/RUN/tasks/TASK/logs", LogsHandler),
    (f"{API}/runs/RUN/tasks/TASK/logs/stream", FollowLogHandler),
    (f"{API}/runs/RUN/tasks/TASK/cancel", CancelTaskHandler),
    (f"{API}/runs/RUN/tasks/TASK/rerun", RerunHandler),
    (f"{API}/runs/RUN/tasks/TASK/mark", MarkHandler),
    ("/login", LoginHandler),
    ("/logout", LogoutHandler),
    ("/static/FILE", StaticHandler),
    ("/static/VERSION/FILE", StaticHandler),
    ("/", PageHandler),
    ("/dags/DAG", PageHandler),
    ("/dags/DAG/VIEW", PageHandler),
    ("/runs", PageHandler),
    ("/runs/RUN", PageHandler),
    ("/runs/RUN/VIEW", PageHandler),
    ("/system", PageHandler),
)
"""Every address that is answered; a part in capitals stands for any text without a slash."""


@cache
def _description(program: str, *, is_open: bool) -> str:
    from ppacer.web.openapi import describe_api  # noqa: PLC0415 - a start need not pay for what few ask for

    return json.dumps(describe_api(program, ROUTES, is_open=is_open), ensure_ascii=False, indent=1)


class Compression(GZipContentEncoding):
    """Of what is made for each request: the loop stands still meanwhile, so quickly rather than well."""

    GZIP_LEVEL = 1


def make_app(site: Site) -> Application:
    return Application(
        [(re.sub("[A-Z]+", "([^/]+)", path), handler, {"site": site}) for path, handler in ROUTES],
        default_handler_class=MissingHandler,
        default_handler_args={"site": site},
        transforms=[Compression],
        log_function=_say_nothing,
    )


class Front(HTTPServerConnectionDelegate):
    """What a server answers with; `application` may be exchanged while it serves."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        return self.application.start_request(server_conn, request_conn)


def serve(site: Site, sockets: list[socket.socket], tls: ssl.SSLContext | None = None) -> HTTPServer:
    """Answers on the sockets from now on, as https with `tls`."""
    return listen(Front(make_app(site)), sockets, tls)


def listen(front: Front, sockets: list[socket.socket], tls: ssl.SSLContext | None = None) -> HTTPServer:
    """As `serve`. Bodies that are too big are refused before they are read."""
    server = HTTPServer(
        front,
        ssl_options=tls,
        max_body_size=MAX_EXCHANGE_BODY,
        max_header_size=_MAX_HEADERS,
        idle_connection_timeout=_IDLE_SECONDS,
        body_timeout=_BODY_SECONDS,
    )
    server.add_sockets(sockets)
    return server


def _say_nothing(_: RequestHandler) -> None:
    """The program's log tells of runs, not of requests."""
