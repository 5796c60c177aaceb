"""The client has a method for every operation that the API describes."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from ppacer.client import Client
from ppacer.web.app import ROUTES
from ppacer.web.operation import EVENT_STREAM, OPERATION

GIVEN: dict[str, object] = {
    "position": 3,
    "after": 3,
    "since": 3,
    "wait": 0.5,
    "limit": 3,
    "first": date(2026, 1, 1),
    "file": io.BytesIO(),
    "part": "runs",
    "params": {},
    "follow": False,
}
OTHERS = {"close", "again"}
"""Methods that ask for nothing."""


class _Asked(Exception):
    """What was asked for, before it is sent."""


def address_of(method: str, path: str) -> str:
    """The operation's own address: names in it stand as what they are in `ROUTES`."""
    plain = path.partition("?")[0]
    return f"{method} {next(route for route, _ in ROUTES if re.fullmatch(re.sub('[A-Z]+', '[^/]+', route), plain))}"


def asked_by(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    @contextmanager
    def answer(_: Client, method: str, path: str, *__: Any, **___: Any) -> Iterator[Any]:
        raise _Asked(address_of(method, path))
        yield

    monkeypatch.setattr(Client, "_answer", answer)
    call = getattr(Client("http://127.0.0.1:9"), name)
    needed = [each for each in inspect.signature(call).parameters.values() if each.default is inspect.Parameter.empty]
    positional = [GIVEN.get(each.name, "x") for each in needed if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = {each.name: GIVEN.get(each.name, "x") for each in needed if each.kind is inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(_Asked) as asked:
        call(*positional, **named)
    return str(asked.value)


def test_there_is_a_method_for_every_operation_but_streams_metrics_and_logins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if name[0] != "_"}
    asked = {asked_by(name, monkeypatch) for name in public - OTHERS}
    described = {
        f"{method.upper()} {route}": getattr(getattr(handler, method), OPERATION)
        for route, handler in ROUTES
        for method in ("get", "post")
        if hasattr(getattr(handler, method), OPERATION)
    }
    wanted = {address for address, operation in described.items() if operation.media != EVENT_STREAM}
    assert wanted - asked - {"GET /metrics", "POST /api/v1/me/password"} == set()
