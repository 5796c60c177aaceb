"""Addresses of the API, as a client asks for them."""

from __future__ import annotations

from urllib.parse import quote

API = "/api/v1"


def address(*parts: str) -> str:
    return "/".join((API, *(quote(part, safe="") for part in parts)))


def dag_address(dag: str, *parts: str) -> str:
    return address("dags", dag, *parts)


def run_address(run_id: str, *parts: str) -> str:
    return address("runs", run_id, *parts)


def task_address(run_id: str, task: str, operation: str, position: int | None) -> str:
    member = "" if position is None else f"?position={position}"
    return run_address(run_id, "tasks", task, operation) + member
