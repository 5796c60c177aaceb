"""The description of the API, OpenAPI 3.1: made from what the handlers declare and from the types of their messages."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from mashumaro.jsonschema import OPEN_API_3_1, JSONSchemaBuilder
from tornado.web import RequestHandler

import ppacer
from ppacer.web import account_messages, dag_messages, messages, overview_messages, requests
from ppacer.web.base import ACTOR_HEADER, XSRF_HEADER, BaseHandler
from ppacer.web.messages import Problem
from ppacer.web.operation import EVENT_STREAM, IDEMPOTENCY_KEY, LAST_EVENT_ID, OPERATION, Operation, takes_key
from ppacer.web.query import NoQuery, describe_query

Described: TypeAlias = dict[str, object]

_ABOUT = """Everything that the page and the commands do. Times are ISO 8601 in UTC, durations seconds. Lists are pages:
`next` of one is `before` or `after` of the one behind it. What is refused is answered with `application/problem+json`
(RFC 9457), whose `field` names the part of the request at fault."""

_MESSAGES = (account_messages, messages, dag_messages, overview_messages, requests)

_HEADERS: Mapping[str, Described] = {
    ACTOR_HEADER: {
        "description": "Who asks, for the history of runs and dags. It gives no rights.",
        "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,98}[!-~])?$"},
    },
    LAST_EVENT_ID: {
        "description": "The last event that was seen: those behind it are sent.",
        "schema": {"type": "string", "pattern": "^-?[0-9]{1,16}$"},
    },
    IDEMPOTENCY_KEY: {
        "description": "Requests with the same key have one effect, and the same answer; others with it are refused.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    },
}


def describe_api(
    program: str, routes: Iterable[tuple[str, type[RequestHandler]]], *, is_open: bool = False
) -> Described:
    """What is said of those routes whose handlers declare operations. A part of a route in capitals is a parameter.

    `is_open`: nobody needs to say who they are. The right that an operation takes is its `x-right`."""
    schemas = JSONSchemaBuilder(OPEN_API_3_1)
    paths: dict[str, Described] = {}
    declarations: list[Operation] = []
    for route, handler in routes:
        for method in ("get", "post"):
            declared = getattr(getattr(handler, method), OPERATION, None)
            if isinstance(declared, Operation):
                names = [name.lower() for name in re.findall("[A-Z]+", route)]
                path = re.sub("[A-Z]+", lambda found: f"{{{found[0].lower()}}}", route)
                described = _operation(declared, method, handler, names, schemas, is_open=is_open)
                declarations.append(declared)
                paths.setdefault(path, {})[method] = described
    found = {name: _documented(name, schema.to_dict()) for name, schema in schemas.context.definitions.items()}
    for kind in {each.body for each in declarations if each.body is not None}:
        for field in dataclasses.fields(kind):
            found[kind.__name__]["properties"][field.name].update(field.metadata)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"ppacer: {program}", "version": ppacer.__version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": found,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token, whose scope is its role; the one of `--token` may do everything.",
                },
                "login": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "ppacer",
                    "description": "A login on the page: the cookie is called `ppacer` and the port. A change also "
                    f"needs the value of `xsrf` that `/api/v1/me` tells, as the header `{XSRF_HEADER}`.",
                },
            },
        },
    }


def _operation(
    declared: Operation,
    method: str,
    handler: type[RequestHandler],
    names: list[str],
    schemas: JSONSchemaBuilder,
    *,
    is_open: bool,
) -> Described:
    def content(kind: type, media: str = "application/json") -> Described:
        return {media: {"schema": schemas.build(kind).to_dict()}}

    parameters: list[Described] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    parameters += describe_query(declared.query)
    headers = declared.headers if declared.body is None else (*declared.headers, ACTOR_HEADER)
    headers = (*headers, IDEMPOTENCY_KEY) if takes_key(declared) else headers
    parameters += [{"name": name, "in": "header", "required": False, **_HEADERS[name]} for name in headers]
    sent: Described = content(declared.answers) if declared.media is None else {declared.media: {}}
    if declared.media == EVENT_STREAM:  # what the data of each event are, OpenAPI 3.1 has no word for
        sent = {EVENT_STREAM: {"schema": {"type": "string"}, "x-event-data": schemas.build(declared.answers).to_dict()}}
    if declared.foretells is not None:
        kinds = [schemas.build(kind).to_dict() for kind in (declared.answers, declared.foretells)]
        sent = {"application/json": {"schema": {"anyOf": kinds}}}
    answer: Described = {"description": declared.status.phrase, "content": sent}
    responses: dict[str, Described] = {str(declared.status.value): answer}
    if declared.unready is not None:
        responses[str(declared.unready.value)] = {**answer, "description": declared.unready.phrase}
    if declared.media == EVENT_STREAM:
        responses["204"] = {"description": "It has ended, and nothing is behind the last event."}
    responses["default"] = {
        "description": "The request was refused, or could not be carried out.",
        "content": content(Problem, "application/problem+json"),
    }
    described: Described = {
        "operationId": _name_of(handler, method),
        "summary": declared.summary,
        "description": _about(handler, declared),
        "parameters": parameters,
        "responses": responses,
    }
    if declared.body is not None:
        described["requestBody"] = {"required": True, "content": content(declared.body)}
    if issubclass(handler, BaseHandler) and handler.open_to_all:
        described["security"] = []
    else:
        described["security"] = [{"token": []}, {"login": []}, *([{}] if is_open else [])]
        described["x-right"] = declared.right.value
    return described


def _documented(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a message with what is said of its class."""
    kind = next((vars(module)[name] for module in _MESSAGES if name in vars(module)), None)
    text = None if kind is None else _written_doc(kind)
    return schema if text is None else {"description": inspect.cleandoc(text), **schema}


def _name_of(handler: type[RequestHandler], method: str) -> str:
    name = handler.__name__.removesuffix("Handler")
    return f"{method}{name}"


def _about(handler: type[RequestHandler], declared: Operation) -> str:
    """What the handler's and its query's docstrings say."""
    texts = [vars(handler).get("__doc__")]
    if declared.query is not NoQuery:
        texts.append(_written_doc(declared.query))
    return "\n\n".join(inspect.cleandoc(text) for text in texts if text)


def _written_doc(kind: type) -> str | None:
    """The docstring of a dataclass, none where it is only its signature."""
    text = kind.__doc__
    return None if text is None or text.startswith(f"{kind.__name__}(") else text
