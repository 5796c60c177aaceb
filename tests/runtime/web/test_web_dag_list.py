"""The list of dags: of what has not changed nothing is worked out anew, and what has changed is never missed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ppacer.client import Client
from ppacer.core.model import DeleteRuns
from ppacer.services import changes
from ppacer.services.changes import ChangedRuns, Changes, log_topic, run_topic
from ppacer.store import StoreError
from ppacer.store.overviews import Overviews
from tests.runtime.web.conftest import FakeExecutor, Server
from tests.runtime.web.test_web_overviews import statements


def listed(server: Server, query: str = "") -> Any:
    answer = server.ask(f"/api/v1/dags{query}")
    assert answer.status == 200, answer.body
    return answer.json


def last_runs(server: Server) -> dict[str, list[tuple[str, str]]]:
    return {dag["id"]: [(run["id"], run["status"]) for run in dag["last_runs"]] for dag in listed(server)["dags"]}


def test_what_changes_is_told_at_once(server: Server, executor: FakeExecutor) -> None:
    assert last_runs(server) == {"daily": [], "by_hand": []}
    first = server.trigger()
    assert last_runs(server)["daily"] == [(first, "running")]
    second = server.trigger()
    executor.work_off(4)
    assert last_runs(server)["daily"] == [(second, "success"), (first, "success")]
    server.post("/api/v1/dags/by_hand/pause", {})
    assert [dag["paused"] for dag in listed(server)["dags"]] == [False, True]


def test_where_nothing_has_changed_the_database_is_not_asked(server: Server) -> None:
    server.trigger()
    before = listed(server)
    with statements(server) as asked:
        assert listed(server) == before
    assert asked == []
    server.trigger("by_hand")
    with statements(server) as asked:
        listed(server)
    assert len(asked) == 2, "which dags they are of, and their latest runs"


def test_only_what_is_new_since_a_mark_is_told(server: Server) -> None:
    with Client(server.url) as client:
        first = client.dags()
        assert first.complete
        assert client.dags(since=first.mark).dags == ()
        server.trigger("by_hand")
        news = client.dags(since=first.mark)
        assert ([dag.id for dag in news.dags], news.complete) == (["by_hand"], False)
        assert client.dags(since=news.mark).dags == ()
        for unknown in ("nonsense", "other.1", f"{first.mark.partition('.')[0]}.x"):
            everything = client.dags(since=unknown)
            assert ([dag.id for dag in everything.dags], everything.complete) == (["daily", "by_hand"], True)


def test_it_comes_page_by_page(server: Server) -> None:
    with Client(server.url) as client:
        first = client.dags(limit=1)
        assert ([dag.id for dag in first.dags], first.next, first.total, first.complete) == (
            ["daily"],
            "daily",
            2,
            False,
        )
        server.trigger("daily")
        last = client.dags(after=first.next, limit=1)
        assert ([dag.id for dag in last.dags], last.next, last.total, last.complete) == (["by_hand"], None, 2, False)
        assert [dag.id for dag in client.dags(since=first.mark).dags] == ["daily"], "it has changed between the pages"
        everything = client.dags(limit=2)
        assert (len(everything.dags), everything.next, everything.complete) == (2, None, True)


def test_a_page_behind_what_there_is_not_is_refused(server: Server) -> None:
    refused = server.ask("/api/v1/dags?after=nothing")
    assert (refused.status, refused.json["field"]) == (422, "after")
    assert server.ask("/api/v1/dags?limit=0").status == 422


def test_a_run_that_is_no_longer_kept_leaves_the_list(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("by_hand")
    executor.work_off(1)
    assert last_runs(server)["by_hand"] == [(run_id, "success")]

    async def remove() -> None:
        engine = server.site.scheduler._engine
        assert engine is not None
        await engine.pruner._change([DeleteRuns((run_id,))], deleted=[run_id])

    server.call(remove())
    assert last_runs(server)["by_hand"] == []


def test_what_was_not_read_for_a_fault_is_read_the_next_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(server)
    run_id = server.trigger()
    with monkeypatch.context() as patch:

        def fail(*_: object) -> object:
            raise StoreError("no")

        patch.setattr(Overviews, "dags_of", fail)
        assert server.ask("/api/v1/dags").status == 503
    assert last_runs(server)["daily"] == [(run_id, "running")]


def test_of_very_many_runs_it_is_not_told_which_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST_COLLECTED", 2)

    async def collected() -> ChangedRuns:
        published = Changes()
        collector = published.collect()
        assert collector.take() is None, "before, anything may have changed"
        for topic in (run_topic("a"), log_topic("x"), run_topic("b"), run_topic("a")):
            published.publish(topic)
        assert collector.take() == {"a", "b"}
        assert collector.take() == set()
        for run_id in ("a", "b", "c", "d"):
            published.publish(run_topic(run_id))
        return collector

    assert asyncio.run(collected()).take() is None
