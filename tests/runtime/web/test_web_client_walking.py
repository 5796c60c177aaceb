"""Lists to their end: every list of the API has pages of one shape, and the client walks them lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ppacer import walk_calls
from ppacer.client import Client, InvalidError
from ppacer.core.model import InsertNotification, NoticeEvent, Notification, NotificationStatus
from ppacer.services import passwords
from ppacer.web.messages import RunList
from tests.runtime.web.conftest import PROGRAM, FakeExecutor, Serve, Server
from tests.runtime.web.test_web_operations import PROGRAM as WITH_FAMILIES


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_calls, "_PAGE", 2)


def notify(server: Server, run_id: str, count: int) -> list[str]:
    """What nobody could be told of the run; the ids, in the order in which it came up."""
    ids = [f"01990000-0000-7000-8000-{number:012d}" for number in range(count)]
    server.site.store.write(
        [
            InsertNotification(
                Notification(
                    id=id_,
                    at=1_780_000_000_000_000,
                    dag="daily",
                    build=server.site.program.build,
                    event=NoticeEvent.FAILURE,
                    notifier="ops",
                    subject="daily failed",
                    message="",
                    status=NotificationStatus.FAILED,
                    due_at=1_780_000_000_000_000,
                    run_id=run_id,
                )
            )
            for id_ in ids
        ]
    )
    return ids


def test_lists_of_runs_and_of_what_happened(server: Server) -> None:
    with Client(server.url, actor="ann") as client:
        made = [client.trigger("daily").id for _ in range(5)]
        for _ in range(2):
            client.pause("by_hand")
            client.resume("by_hand")
        assert [run.id for run in client.each_run(dag="daily")] == made[::-1]
        assert [run.id for run in client.each_run(limit=3)] == made[:1:-1]
        assert [run.id for run in client.each_run(id_part=made[0][:8])] == made[::-1]
        assert list(client.each_run(statuses=["failed"])) == []
        assert list(client.each_run(limit=0)) == []
        assert [dag.id for dag in client.each_dag()] == ["daily", "by_hand"]
        kinds = ["resumed", "paused", "resumed", "paused", "added"]
        assert [event.kind for event in client.each_dag_event("by_hand")] == kinds
        entries = client.each_audit_entry(actor="ann", action="trigger")
        assert [entry.subject for entry in entries] == ["daily"] * 5
        events = client.run_events(made[0]).events
        assert tuple(client.each_run_event(made[0])) == events
        assert tuple(client.each_run_event(made[0], after=1)) == events[1:]
        begun = [client.start_backfill("daily", f"2026-01-{day:02}", f"2026-01-{day + 1:02}").id for day in range(1, 4)]
        assert [view.id for view in client.each_backfill(dag="daily")] == begun[::-1]


def test_tasks_with_the_members_of_families_and_their_attempts(serving: Serve) -> None:
    server = serving(program=WITH_FAMILIES)
    executor = FakeExecutor(server)
    with Client(server.url) as client:
        run_id = client.trigger("wide").id
        (files,) = executor.claim()
        executor.finish(files, output='["a","b","c","d","e"]')
        for member in executor.claim(4):
            executor.finish(member, error="no" if member.position else None)
        names = ["files", "check", *(f"check[{number}]" for number in range(5)), "total"]
        assert [task.name for task in client.each_task(run_id)] == names
        assert [member.position for member in client.each_member(run_id, "check", statuses=["failed"])] == [1, 2, 3]
        tried = [(task.name, attempt.status) for task, attempt in client.each_attempt(run_id)]
        assert tried[0] == ("files", "success")
        assert tried[1:5] == [(f"check[{number}]", "failed" if number else "success") for number in range(4)]


def test_notifications(server: Server) -> None:
    with Client(server.url) as client:
        run_id = client.trigger("daily").id
        ids = notify(server, run_id, 5)
        page = client.run_notifications(run_id, limit=2)
        assert ([each.id for each in page.notifications], page.next) == (ids[:2], ids[1])
        assert [each.id for each in client.run_notifications(run_id, after=ids[3]).notifications] == ids[4:]
        assert client.run_notifications(run_id, after=ids[3]).next is None
        assert [each.id for each in client.each_run_notification(run_id)] == ids
        assert [each.id for each in client.each_failed_notification()] == ids[::-1]
        assert list(client.each_run_notification(client.trigger("daily").id)) == []


def test_versions(serving: Serve) -> None:
    daily = PROGRAM.dags[0]
    for number in range(5):
        dag = replace(daily, tasks=(replace(daily.tasks[0], retries=number), daily.tasks[1]))
        program = replace(PROGRAM, build=f"{number:064x}", dags=(dag,))
        server = serving(program=program)
        if number < 4:
            server.stop()
    with Client(server.url) as client:
        builds = [f"{number:064x}" for number in reversed(range(5))]
        whole = client.versions("daily", limit=100)
        assert ([version.build for version in whole.versions], whole.total, whole.next) == (builds, 5, None)
        page = client.versions("daily", limit=2)
        assert (page.versions, page.total, page.next) == (whole.versions[:2], 5, whole.versions[1].at)
        assert tuple(client.each_version("daily")) == whole.versions, "each says what it changed in the one before"
        assert [version.first for version in client.each_version("daily")] == [False] * 4 + [True]
        with pytest.raises(InvalidError) as refused:
            client.versions("daily", before="yesterday")
        assert refused.value.field == "before"


def test_users_and_tokens(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LOG_N", 4)
    server = serving(host="0.0.0.0", token="shared")
    with Client(server.url, "shared") as client:
        for name in ("eva", "ann", "bob"):
            client.add_user(name, "admin", "correct horse battery")
            client.add_token(name, "viewer")
        assert [user.name for user in client.each_user()] == ["ann", "bob", "eva"]
        assert [token.name for token in client.each_token()] == ["eva", "ann", "bob"]
        page = client.users(limit=1)
        assert (page.users[0].name, page.next) == ("ann", "ann")
        first = client.tokens(limit=2)
        client.revoke_token("ann")  # the last one of that page
        assert [token.name for token in client.tokens(after=first.next).tokens] == ["bob"]


def test_a_page_is_asked_for_when_it_is_needed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    runs: Callable[..., RunList] = Client.runs

    def counted(self: Client, **given: Any) -> RunList:
        asked.append(given["limit"])
        return runs(self, **given)

    monkeypatch.setattr(Client, "runs", counted)
    with Client(server.url) as client:
        for _ in range(5):
            client.trigger("daily")
        walked: Iterator[object] = client.each_run(limit=3)
        assert asked == []
        next(walked)
        next(walked)
        assert asked == [2]
        assert len(list(walked)) == 1
        assert asked == [2, 1], "no more than there is need of"


def test_an_empty_list_has_no_pages() -> None:
    assert list(walk_calls.walk(lambda _, __: ((), None))) == []
