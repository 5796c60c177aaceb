"""The built-in tasks `http` and `wait_for_http`."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Literal, TypeAlias, overload

from ppacer.context import TaskContext
from ppacer.tasks.http_client import MAX_BODY, Answer, HttpError, NoAnswerError, request, shown
from ppacer.tasks.looks import check_every, look_again

Method: TypeAlias = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Expected: TypeAlias = int | list[int] | Literal["2xx", "3xx", "4xx", "5xx"]
"""A status, several, or all that begin with a digit."""

_HEAD = 1000
_KEYED = frozenset({"POST", "PATCH"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLASSES = ("2xx", "3xx", "4xx", "5xx")
_OUTPUTS = ("json", "text", "status", "none")


@overload
def http(
    url: str,
    *,
    method: Method = "GET",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    body: object = None,
    expect: Expected = "2xx",
    timeout: timedelta = timedelta(seconds=30),
    output: Literal["json"] = "json",
    context: TaskContext,
) -> object: ...


@overload
def http(
    url: str,
    *,
    method: Method = "GET",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    body: object = None,
    expect: Expected = "2xx",
    timeout: timedelta = timedelta(seconds=30),
    output: Literal["text"],
    context: TaskContext,
) -> str: ...


@overload
def http(
    url: str,
    *,
    method: Method = "GET",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    body: object = None,
    expect: Expected = "2xx",
    timeout: timedelta = timedelta(seconds=30),
    output: Literal["status"],
    context: TaskContext,
) -> int: ...


@overload
def http(
    url: str,
    *,
    method: Method = "GET",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    body: object = None,
    expect: Expected = "2xx",
    timeout: timedelta = timedelta(seconds=30),
    output: Literal["none"],
    context: TaskContext,
) -> None: ...


def http(
    url: str,
    *,
    method: Method = "GET",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    body: object = None,
    expect: Expected = "2xx",
    timeout: timedelta = timedelta(seconds=30),
    output: Literal["json", "text", "status", "none"] = "json",
    context: TaskContext,
) -> object:
    """Makes one HTTP request. An answer whose status is not as expected fails the task.

    A `token` is sent as `Authorization: Bearer …`. A `body` that is a text is sent as it is, any other value as JSON.
    The task's output is the body of the answer, read as JSON (`json`; none if it is empty) or as a text (`text`), or
    the `status`, or none. Redirects are followed, unless their status is expected; a key to one server is not shown to
    another. `timeout` is how long the server may be silent; all of it together may take as long as the task's own
    `timeout`. `POST` and `PATCH` carry an `Idempotency-Key` that is the same for all attempts of the task.
    """
    if method not in _METHODS:
        raise ValueError(f"method is one of {', '.join(sorted(_METHODS))}, not {method!r}")
    if output not in _OUTPUTS:
        raise ValueError(f'output is one of "json", "text", "status" and "none", not {output!r}')
    wanted = _statuses(expect)
    sent = dict(headers or {})
    content = _content(body, sent)
    if token is not None:
        _default(sent, "Authorization", f"Bearer {token}")
    if method in _KEYED:
        _default(sent, "Idempotency-Key", context.idempotency_key)
    if output == "json":
        _default(sent, "Accept", "application/json, */*;q=0.5")
    began = time.monotonic()
    answer = request(method, url, sent, content, silence=_silence(timeout), final=wanted)
    what = f"{method} {shown(url)} answered {_status_text(answer)}"
    context.logger.info("%s after %.2f s", what, time.monotonic() - began)
    if answer.status not in wanted:
        raise HttpError(f"{what}, expected is {_expected_text(expect)}{_head(answer)}")
    match output:
        case "status":
            return answer.status
        case "none":
            return None
    if not answer.whole:
        raise HttpError(f"{what} with more than {MAX_BODY // 2**20} MiB: too large to be an output")
    if output == "text":
        return answer.text
    return _json(answer, what)


def wait_for_http(
    url: str,
    *,
    expect: Expected = "2xx",
    contains: str | None = None,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    every: timedelta = timedelta(seconds=30),
    timeout: timedelta = timedelta(seconds=10),
    context: TaskContext,
) -> int:
    """Waits until a server answers as expected, for as long as the task's own `timeout` lets it. It asks after 1 s,
    2 s, 4 s … and at last `every` so often, and holds no worker meanwhile.

    With `contains` the body must have that text in it as well. No answer is no fault: it asks again. `timeout` is how
    long the server may be silent at a time. A `token` is sent as `Authorization: Bearer …`. The output is the status.
    """
    check_every(every)
    wanted = _statuses(expect)
    sent = dict(headers or {})
    if token is not None:
        _default(sent, "Authorization", f"Bearer {token}")
    try:
        answer = request("GET", url, sent, None, silence=_silence(timeout), final=wanted)
    except NoAnswerError as fault:
        look_again(context, every, shown(url), fault.reason)
    if answer.status not in wanted:
        look_again(context, every, shown(url), f"it answers {_status_text(answer)}, not {_expected_text(expect)}")
    if contains is not None and contains not in answer.text:
        look_again(context, every, shown(url), "its answer does not have the text in it yet")
    return answer.status


# --- what is sent ----------------------------------------------------------------------------------------------------


def _content(body: object, headers: dict[str, str]) -> bytes | None:
    if body is None:
        return None
    _default(headers, "Content-Type", "text/plain; charset=utf-8" if isinstance(body, str) else "application/json")
    try:
        return (body if isinstance(body, str) else json.dumps(body, default=_plain, allow_nan=False)).encode()
    except (TypeError, ValueError, RecursionError) as fault:
        raise HttpError(f"the body cannot be sent: {fault}") from None


def _plain(value: object) -> str:
    match value:
        case date():
            return value.isoformat()
        case Decimal() | PurePath():
            return str(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def _default(headers: dict[str, str], name: str, value: str) -> None:
    if not any(each.lower() == name.lower() for each in headers):
        headers[name] = value


def _silence(timeout: timedelta) -> float:
    seconds = timeout.total_seconds()
    if seconds <= 0:
        raise ValueError(f"`timeout` is how long the server may be silent: more than 0 s, not {seconds:g} s")
    return seconds


# --- what comes back -------------------------------------------------------------------------------------------------


def _statuses(expect: int | list[int] | str) -> Collection[int]:
    if isinstance(expect, str) and expect in _CLASSES:
        first = int(expect[0]) * 100
        return range(first, first + 100)
    wanted = expect if isinstance(expect, list) else [expect]
    statuses = frozenset(each for each in wanted if isinstance(each, int) and 200 <= each < 600)
    if len(statuses) < len(set(wanted)) or not wanted:
        raise ValueError(f'`expect` is a status from 200 to 599, a list of these, or a word like "2xx", not {expect!r}')
    return statuses


def _expected_text(expect: int | list[int] | str) -> str:
    return " or ".join(map(str, expect)) if isinstance(expect, list) else str(expect)


def _status_text(answer: Answer) -> str:
    return f"{answer.status} {answer.reason}".strip()


def _head(answer: Answer) -> str:
    text = answer.text[:_HEAD].strip()
    if not text:
        return ""
    cut = "…" if len(answer.text) > _HEAD else ""
    return "; its body begins:\n" + "\n".join(f"  {line}" for line in f"{text}{cut}".splitlines())


def _json(answer: Answer, what: str) -> object:
    if not answer.body.strip():
        return None
    try:
        value: object = json.loads(answer.body)
    except (ValueError, RecursionError) as fault:
        raise HttpError(f"{what}, whose body is not JSON: {fault}{_head(answer)}") from None
    return value
