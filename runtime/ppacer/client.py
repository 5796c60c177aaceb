"""A typed client of a running program's JSON API, for scripts and for the program's own commands.

    client = Client("http://127.0.0.1:9321")
    run = client.trigger("hello")
    print(client.run(run.id).run.status)

It keeps one connection and belongs to one thread.
"""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from ppacer.web.codec import AnswerError, decode
from ppacer.web.messages import (
    Changes,
    DagDetail,
    DagList,
    Health,
    Json,
    LogPage,
    Problem,
    RunDetail,
    RunList,
    RunView,
)

_Message = TypeVar("_Message")


class ClientError(Exception):
    """The base of both: nobody answered, or the answer was a refusal."""


class AwayError(ClientError):
    """Nobody answers at the address, or not what a ppacer program would say."""


class RefusedError(ClientError):
    """The program refused the request; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem


class Client:
    """`url` is the program's address; an answer may take `timeout` seconds more than it was asked to wait."""

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no address such as http://127.0.0.1:9321")
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname, parts.port or (443 if self._secure else 80))
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def health(self) -> Health:
        return self._get(Health, "/health")

    def dags(self) -> DagList:
        return self._get(DagList, "/api/v1/dags")

    def dag(self, dag: str) -> DagDetail:
        return self._get(DagDetail, f"/api/v1/dags/{quote(dag, safe='')}")

    def trigger(
        self,
        dag: str,
        *,
        params: Mapping[str, Json] | None = None,
        scheduled_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> RunView:
        """Asks for a run; it is durable when this returns. The same key again gives the run that it made then."""
        body = {"params": dict(params or {}), "scheduled_at": scheduled_at}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._send(RunView, "POST", f"/api/v1/dags/{quote(dag, safe='')}/runs", body=body, headers=headers)

    def runs(self, *, dag: str | None = None, id_part: str | None = None, limit: int = 20) -> RunList:
        """Runs, newest first; `id_part` finds those whose id holds it."""
        return self._get(RunList, "/api/v1/runs", {"dag": dag, "id": id_part, "limit": str(limit)})

    def run(self, run_id: str) -> RunDetail:
        return self._get(RunDetail, f"/api/v1/runs/{quote(run_id, safe='')}")

    def changes(self, run_id: str, *, since: int, wait: float) -> Changes:
        """Events of the run after `since`, as soon as there are some or `wait` seconds have passed."""
        path = f"/api/v1/runs/{quote(run_id, safe='')}/changes"
        return self._get(Changes, path, {"since": str(since), "wait": str(wait)}, wait)

    def cancel(self, run_id: str) -> RunView:
        return self._send(RunView, "POST", f"/api/v1/runs/{quote(run_id, safe='')}/cancel", body={})

    def logs(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        after: int = 0,
        wait: float = 0.0,
    ) -> LogPage:
        """Log entries of an attempt (the last one by default) after the entry numbered `after`."""
        query = {
            "position": str(position),
            "attempt": str(attempt) if attempt is not None else None,
            "after": str(after),
            "wait": str(wait),
        }
        path = f"/api/v1/runs/{quote(run_id, safe='')}/tasks/{quote(task, safe='')}/logs"
        return self._get(LogPage, path, query, wait)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _get(
        self, kind: type[_Message], path: str, query: Mapping[str, str | None] | None = None, wait: float = 0.0
    ) -> _Message:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._send(kind, "GET", f"{path}?{urlencode(given)}" if given else path, wait=wait)

    def _send(
        self,
        kind: type[_Message],
        method: str,
        path: str,
        *,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
        wait: float = 0.0,
    ) -> _Message:
        content = None if body is None else json.dumps(body).encode()
        sent = {
            **self._headers,
            **({"Content-Type": "application/json"} if content is not None else {}),
            **(headers or {}),
        }
        try:
            connection = self._connect(self._timeout + wait)
            connection.request(method, self._prefix + path, content, sent)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise AwayError(f"{self.url} does not answer: {_reason(error)}") from error
        except BaseException:
            self.close()  # an answer that was not read would be taken for that of the next request
            raise
        try:
            if response.status >= 400:
                raise RefusedError(_problem(response.status, response.reason, answer))
            return decode(kind, answer)
        except AnswerError as error:
            raise AwayError(f"{self.url} is no ppacer program: {error}") from error

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        """The kept connection, if the other side has not closed it, else a new one."""
        if self._connection is not None and (self._connection.sock is None or _readable(self._connection)):
            self.close()
        if self._connection is None:
            maker = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = maker(*self._address, timeout=timeout)
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        self._connection.timeout = timeout
        return self._connection


def _readable(connection: http.client.HTTPConnection) -> bool:
    """Whether something waits to be read while no answer is due: the end of the connection."""
    return bool(select.select([connection.sock], [], [], 0)[0])


def _problem(status: int, reason: str, answer: bytes) -> Problem:
    try:
        return decode(Problem, answer)
    except AnswerError:
        return Problem(status, reason)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
