"""The description of the API: it is valid, holds every operation, and says what the handlers do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from ppacer.web.app import ROUTES
from ppacer.web.openapi import describe_api
from ppacer.web.query import Between, NoQuery, QueryError, describe_query, read_query
from tests.runtime.web.conftest import Serve, Server

API = describe_api("shop", ROUTES)
UNDESCRIBED = {"/api/v1/openapi.json"}
"""What is no operation: the description itself."""


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths: Any = API["paths"]
    return [(path, method, each) for path, methods in paths.items() for method, each in methods.items()]


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(json.loads(json.dumps(API))).validate()


def test_every_route_of_the_api_is_in_it() -> None:
    routes = {path for path, _ in ROUTES if path.startswith("/api/")} - UNDESCRIBED
    described = {path.replace("{", "").replace("}", "").lower() for path, _, _ in operations()}
    assert {path.lower() for path in routes} <= described


def test_every_operation_says_what_it_is_for() -> None:
    assert [path for path, _, each in operations() if not each["summary"] or not each["description"]] == []
    names = [each["operationId"] for _, _, each in operations()]
    assert len(names) == len(set(names))


def test_types_are_told_with_what_is_said_of_them() -> None:
    components: Any = API["components"]
    run = components["schemas"]["RunView"]
    assert run["properties"]["epoch"] == {"type": "integer"}
    assert "one run" in run["description"].lower()
    assert components["schemas"]["MarkRequest"]["properties"]["reason"]["pattern"] == r"\S"


def test_the_program_serves_it(server: Server) -> None:
    answer = server.ask("/api/v1/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json["info"]["title"] == "ppacer: shop"


def test_beyond_loopback_it_needs_the_token(serving: Serve) -> None:
    assert serving(host="0.0.0.0", token="s3cret").ask("/api/v1/openapi.json").status == 401


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("limit=0", "limit", "whole number from 1 to 500"),
        ("limit=ten", "limit", "whole number from 1 to 500"),
        ("limit=1&limit=2", "limit", "one value, not several"),
        ("limt=3", "limt", "did you mean `limit`?"),
        ("status=done", "status", "expected one of queued, running"),
    ],
)
def test_what_the_query_string_has_wrong_is_named(server: Server, query: str, field: str, words: str) -> None:
    answer = server.ask(f"/api/v1/runs?{query}")
    assert answer.status == 422
    assert answer.json["field"] == field
    assert words in answer.json["detail"]


def test_where_nothing_can_be_asked_a_query_is_refused(server: Server) -> None:
    answer = server.ask("/api/v1/pools?limit=3")
    assert (answer.status, answer.json["detail"]) == (422, "there are no parameters here")
    with pytest.raises(QueryError):
        read_query(NoQuery, {"limit": ["3"]})


def test_a_method_that_is_not_there_is_answered_with_those_that_are(server: Server) -> None:
    answer = server.ask("/api/v1/dags/daily/pause", method="PUT")
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


def test_a_type_that_no_query_has_is_a_fault_of_the_program() -> None:
    with pytest.raises(TypeError, match="is no type of a query's field"):
        describe_query(Between)
