"""All routes of a running program, and the server that answers them."""

from __future__ import annotations

import socket

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from ppacer.protocol import EXCHANGE_PATH
from ppacer.web.api import (
    CancelHandler,
    ChangesHandler,
    DagHandler,
    DagsHandler,
    HealthHandler,
    LogsHandler,
    RunChangesHandler,
    RunHandler,
    RunsHandler,
    TriggerHandler,
)
from ppacer.web.exchange import MAX_EXCHANGE_BODY, ExchangeHandler
from ppacer.web.pages import MissingHandler, PageHandler, StaticHandler
from ppacer.web.site import Site

_IDLE_SECONDS = 120.0
_BODY_SECONDS = 60.0
_MAX_HEADERS = 32 * 1024


def make_app(site: Site) -> Application:
    routes: list[tuple[str, type[RequestHandler]]] = [
        (EXCHANGE_PATH, ExchangeHandler),
        (r"/health", HealthHandler),
        (r"/api/v1/changes", ChangesHandler),
        (r"/api/v1/dags", DagsHandler),
        (r"/api/v1/dags/([^/]+)", DagHandler),
        (r"/api/v1/dags/([^/]+)/runs", TriggerHandler),
        (r"/api/v1/runs", RunsHandler),
        (r"/api/v1/runs/([^/]+)", RunHandler),
        (r"/api/v1/runs/([^/]+)/cancel", CancelHandler),
        (r"/api/v1/runs/([^/]+)/changes", RunChangesHandler),
        (r"/api/v1/runs/([^/]+)/tasks/([^/]+)/logs", LogsHandler),
        (r"/static/([^/]+)", StaticHandler),
        (r"/", PageHandler),
        (r"/dags/([^/]+)", PageHandler),
        (r"/runs/([^/]+)", PageHandler),
    ]
    return Application(
        [(path, handler, {"site": site}) for path, handler in routes],
        default_handler_class=MissingHandler,
        default_handler_args={"site": site},
        compress_response=True,
        log_function=_say_nothing,
    )


def serve(site: Site, sockets: list[socket.socket]) -> HTTPServer:
    """Answers on the sockets from now on. Bodies that are too big are refused before they are read."""
    server = HTTPServer(
        make_app(site),
        max_body_size=MAX_EXCHANGE_BODY,
        max_header_size=_MAX_HEADERS,
        idle_connection_timeout=_IDLE_SECONDS,
        body_timeout=_BODY_SECONDS,
    )
    server.add_sockets(sockets)
    return server


def _say_nothing(_: RequestHandler) -> None:
    """The program's log tells of runs, not of requests."""
