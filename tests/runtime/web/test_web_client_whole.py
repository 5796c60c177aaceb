"""The client has a method for every operation that the API describes, and beside each that lists pages one that walks
them."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

import pytest

from ppacer.client import Client
from ppacer.client_connection import Connection
from ppacer.web.app import ROUTES
from ppacer.web.operation import OPERATION, Operation

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
    def answer(_: Connection, method: str, path: str, *__: Any, **___: Any) -> Iterator[Any]:
        raise _Asked(address_of(method, path))
        yield

    monkeypatch.setattr(Connection, "answer", answer)
    call = getattr(Client("http://127.0.0.1:9"), name)
    needed = [each for each in inspect.signature(call).parameters.values() if each.default is inspect.Parameter.empty]
    positional = [GIVEN.get(each.name, "x") for each in needed if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = {each.name: GIVEN.get(each.name, "x") for each in needed if each.kind is inspect.Parameter.KEYWORD_ONLY}
    try:
        next(call(*positional, **named))  # what iterates asks when the first thing is asked of it
    except _Asked as asked:
        return str(asked)
    raise AssertionError(f"{name} asks for nothing")


def public() -> set[str]:
    return {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if name[0] != "_"} - OTHERS


def described() -> dict[str, Operation]:
    return {
        f"{method.upper()} {route}": getattr(getattr(handler, method), OPERATION)
        for route, handler in ROUTES
        for method in ("get", "post")
        if hasattr(getattr(handler, method), OPERATION)
    }


def test_there_is_a_method_for_every_operation_but_metrics_and_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {asked_by(name, monkeypatch) for name in public()}
    assert set(described()) - asked == {"GET /metrics", "POST /api/v1/me/password"}


def test_every_list_that_has_pages_can_be_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    paged = {
        address
        for address, operation in described().items()
        if is_dataclass(operation.answers) and "next" in {field.name for field in fields(operation.answers)}
    }
    walked = {asked_by(name, monkeypatch) for name in public() if name.startswith("each_")}
    # The grid's rows are others from page to page; what is left of the users after one was removed comes whole.
    assert paged - walked == {"GET /api/v1/dags/DAG/grid", "POST /api/v1/users/USER/remove"}
