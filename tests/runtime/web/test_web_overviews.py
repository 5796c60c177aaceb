"""Many runs of a dag at a glance: the grid and the calendar of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from ppacer import spec as s
from ppacer.client import Client
from ppacer.web import overviews
from tests.runtime.web.conftest import AT, PRINT, FakeExecutor, Serve, Server
from tests.runtime.web.test_web_operations import PROGRAM as WITH_A_FAMILY


@contextmanager
def statements(server: Server) -> Iterator[list[str]]:
    """What is asked of the database."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, text: str, *_: object) -> None:
        seen.append(text)

    engine = server.site.store._database._readers
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def grid(server: Server, dag: str = "daily", query: str = "") -> Any:
    answer = server.ask(f"/api/v1/dags/{dag}/grid{query}")
    assert answer.status == 200, answer.body
    return answer.json


def test_the_grid_has_a_cell_for_each_task_of_each_run(server: Server, executor: FakeExecutor) -> None:
    first, second = server.trigger(), server.trigger()
    (one,) = executor.claim()
    executor.finish(one, error="no")
    found = grid(server)
    assert found["tasks"] == [
        {"id": 'raw["eu/x"]', "handler": "none", "family": False},
        {"id": "load", "handler": "none", "family": False},
    ]
    assert [column["run"]["id"] for column in found["runs"]] == [second, first]
    failed, never = found["runs"][1]["cells"]
    assert (failed["status"], failed["attempts"], failed["counts"]) == ("failed", 1, None)
    assert failed["seconds"] >= 0
    assert (never["status"], never["attempts"], never["seconds"]) == ("upstream_failed", 0, None)
    assert [cell["status"] for cell in found["runs"][0]["cells"]] == ["queued", "waiting"]
    assert found["next"] is None


def test_the_grid_is_a_page_and_costs_no_more_statements_for_more_runs(server: Server) -> None:
    runs = [server.trigger() for _ in range(5)]
    with statements(server) as few:
        page = grid(server, query="?limit=2")
    assert ([column["run"]["id"] for column in page["runs"]], page["next"]) == (runs[:2:-1], runs[3])
    with statements(server) as many:
        rest = grid(server, query=f"?before={page['next']}")
    assert [column["run"]["id"] for column in rest["runs"]] == runs[2::-1]
    assert len(many) == len(few)


def test_a_family_is_one_cell_with_its_members_counted(serving: Serve) -> None:
    server = serving(program=WITH_A_FAMILY)
    executor = FakeExecutor(server)
    server.trigger("wide")
    (lister,) = executor.claim()
    executor.finish(lister, output='["a","b","c"]')
    one, other, _ = executor.claim(3)
    executor.finish(one)
    executor.finish(other, error="no")
    found = grid(server, "wide")
    assert [task["family"] for task in found["tasks"]] == [False, True, False]
    cell = found["runs"][0]["cells"][1]
    assert (cell["status"], cell["attempts"]) == ("running", 3)
    assert cell["counts"] == {"success": 1, "failed": 1, "running": 1}
    with statements(server) as asked:
        grid(server, "wide")
    assert len(asked) == 3


def test_tasks_that_only_an_earlier_build_had_come_last(serving: Serve) -> None:
    def program(build: str, *tasks: str) -> s.Program:
        dag = s.Dag("daily", AT, tuple(s.Task(task, PRINT, AT) for task in tasks), max_active_runs=2)
        return s.Program("shop", build * 32, "0.1.0", (dag,), (s.Callable(PRINT, s.CallableKind.FUNCTION),), ())

    server = serving(program=program("ab", "zero", "one"))
    server.trigger()
    server.stop()
    server = serving(program=program("cd", "one", "two"))
    server.trigger()
    found = grid(server)
    assert [task["id"] for task in found["tasks"]] == ["one", "two", "zero"]
    assert [[cell and cell["status"] for cell in column["cells"]] for column in found["runs"]] == [
        ["queued", "queued", None],
        ["queued", None, "queued"],
    ]


def test_runs_with_very_many_tasks_make_a_page_short(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overviews, "MOST_CELLS", 5)
    runs = [server.trigger() for _ in range(3)]
    with Client(server.url) as client:
        page = client.grid("daily")
        assert ([column.run.id for column in page.runs], page.next) == (runs[:0:-1], runs[1])
        assert [column.run.id for column in client.grid("daily", before=page.next).runs] == runs[:1]


def test_days_are_those_of_the_dags_zone(server: Server) -> None:
    """In Warsaw a day begins at 23:00 UTC of the day before, in summer at 22:00."""
    for moment in ("2026-01-30T23:00:00Z", "2026-01-31T22:59:00Z", "2026-01-31T23:00:00Z", "2026-07-01T22:00:00Z"):
        body = {"scheduled_at": moment}
        assert server.post("/api/v1/dags/daily/runs", body).status == 201
    with statements(server) as asked, Client(server.url) as client:
        found = client.days("daily", first=date(2026, 1, 1), last=date(2026, 12, 31))
    assert (found.timezone, found.first, found.last) == ("Europe/Warsaw", "2026-01-01", "2026-12-31")
    counts = {each.day: each.counts for each in found.days}
    assert {day: sum(each.values()) for day, each in counts.items()} == {
        "2026-01-31": 2,
        "2026-02-01": 1,
        "2026-07-02": 1,
    }
    assert counts["2026-02-01"] == {"running": 1}
    assert len(asked) == 1


def test_days_are_those_of_the_last_year_if_nobody_asks_for_others(server: Server) -> None:
    server.trigger()
    found = server.ask("/api/v1/dags/daily/days").json
    assert date.fromisoformat(found["last"]) - date.fromisoformat(found["first"]) == timedelta(days=364)
    assert [sum(day["counts"].values()) for day in found["days"]] == [1]
    assert abs(date.fromisoformat(found["last"]) - datetime.now(UTC).date()) <= timedelta(days=1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?from=2026-02-30", "from"),
        ("?from=20260101", "from"),
        ("?to=now", "to"),
        ("?from=2026-02-02&to=2026-02-01", "from"),
        ("?from=2026-01-01&to=2027-02-05", "from"),
        ("?from_=2026-01-01", "from_"),
        ("?from=0001-01-01&to=0001-01-02", "from"),
    ],
)
def test_days_that_there_are_not_are_refused(server: Server, query: str, field: str) -> None:
    answer = server.ask(f"/api/v1/dags/daily/days{query}")
    assert (answer.status, answer.json["field"]) == (422, field)


def test_of_a_dag_that_never_was_there_is_neither(server: Server) -> None:
    assert server.ask("/api/v1/dags/nope/grid").status == 404
    assert server.ask("/api/v1/dags/nope/days").status == 404
