"""The two ways in which people ask for something: by the program's own commands, and over its API."""

from __future__ import annotations

import getpass
import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from ppacer.client import Client, RefusedError
from ppacer.web.messages import Json
from tests.e2e.serving import Serving


class Refused(Exception):
    """What was asked for is not done; the text says why."""


@dataclass
class Asker(ABC):
    """Each method raises `Refused`. `name` is who asks, as histories know it."""

    served: Serving
    name: str = field(init=False)

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Nothing is asked any more."""

    @abstractmethod
    def trigger(self, dag: str, *, at: str | None = None, key: str | None = None, **params: Json) -> str:
        """The run's id."""

    @abstractmethod
    def cancel(self, run: str, task: str | None = None) -> None: ...

    @abstractmethod
    def restart(self, run: str) -> None: ...

    @abstractmethod
    def rerun(self, run: str, task: str, *, follow: bool = True) -> None: ...

    @abstractmethod
    def mark(self, run: str, task: str, status: str, reason: str, output: Json = None) -> None: ...


class ByCommand(Asker):
    """As somebody at a terminal."""

    def __init__(self, served: Serving) -> None:
        self.served = served
        self.name = getpass.getuser()

    def trigger(self, dag: str, *, at: str | None = None, key: str | None = None, **params: Json) -> str:
        options = [] if at is None else ["--at", at]
        options += [] if key is None else ["--key", key]
        for name, value in params.items():
            options += ["-p", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        found = re.search(r"[0-9a-f-]{36}", self._call("trigger", dag, *options))
        assert found is not None
        return found[0]

    def cancel(self, run: str, task: str | None = None) -> None:
        self._call("cancel", run, *([] if task is None else [task]))

    def restart(self, run: str) -> None:
        self._call("restart", run)

    def rerun(self, run: str, task: str, *, follow: bool = True) -> None:
        self._call("rerun", run, task, *([] if follow else ["--only"]))

    def mark(self, run: str, task: str, status: str, reason: str, output: Json = None) -> None:
        options = [] if output is None else ["--output", json.dumps(output)]
        self._call("mark", run, task, status, "--reason", reason, *options)

    def _call(self, *arguments: str) -> str:
        done = self.served.call(*arguments)
        assert "Traceback" not in done.stderr
        if done.returncode:
            assert done.returncode == 1, done.stderr
            raise Refused(done.stderr)
        assert done.stderr == ""
        return done.stdout


class OverApi(Asker):
    """As a script that says who it is."""

    def __init__(self, served: Serving) -> None:
        self.served = served
        self.name = "ann@shop"
        self._client = Client(served.url, actor=self.name)

    def close(self) -> None:
        self._client.close()

    def trigger(self, dag: str, *, at: str | None = None, key: str | None = None, **params: Json) -> str:
        return self._client.trigger(dag, params=params, scheduled_at=at, idempotency_key=key).id

    def cancel(self, run: str, task: str | None = None) -> None:
        try:
            if task is None:
                self._client.cancel(run)
            else:
                self._client.cancel_task(run, *_position(task))
        except RefusedError as error:
            raise _conflict(error) from error

    def restart(self, run: str) -> None:
        try:
            self._client.restart(run)
        except RefusedError as error:
            raise _conflict(error) from error

    def rerun(self, run: str, task: str, *, follow: bool = True) -> None:
        try:
            self._client.rerun(run, *_position(task), follow=follow)
        except RefusedError as error:
            raise _conflict(error) from error

    def mark(self, run: str, task: str, status: str, reason: str, output: Json = None) -> None:
        try:
            self._client.mark(run, *_position(task), status=status, reason=reason, output=output)
        except RefusedError as error:
            raise _conflict(error) from error


def _position(task: str) -> tuple[str, int | None]:
    """`check[3]` as the API names it."""
    member = re.fullmatch(r"(.+)\[([0-9]+)\]", task)
    return (task, None) if member is None else (member[1], int(member[2]))


def _conflict(error: RefusedError) -> Refused:
    assert error.problem.status == 409, error.problem
    return Refused(error.problem.detail)
