"""The typed client against a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ppacer.client import AwayError, Client, RefusedError
from tests.runtime.web.conftest import FakeExecutor, Serve, Server
from tests.runtime.web.test_web_operations import PROGRAM


def test_all_calls(server: Server, executor: FakeExecutor) -> None:
    with Client(server.url) as client:
        assert client.health().program == "shop"
        assert [dag.id for dag in client.dags().dags] == ["daily", "by_hand"]
        assert client.dag("daily").tasks[1].parents == ('raw["eu/x"]',)
        made = client.trigger("daily", scheduled_at="2026-01-31T01:15:00Z", idempotency_key="k")
        again = client.trigger("daily", scheduled_at="2026-01-31T01:15:00Z", idempotency_key="k")
        assert again.id == made.id
        assert [run.id for run in client.runs(id_part=made.id[-8:]).runs] == [made.id]
        (assignment,) = executor.claim()
        executor.log(assignment, "hello")
        page = client.logs(made.id, 'raw["eu/x"]', wait=5)
        assert [entry.message for entry in page.entries] == ["hello"]
        detail = client.run(made.id)
        executor.finish(assignment)
        changes = client.changes(made.id, since=detail.seq, wait=5)
        assert changes.seq > detail.seq
        client.cancel(made.id)
        assert client.run(made.id).run.status == "cancelled"


def test_all_that_is_asked_of_runs(serving: Serve) -> None:
    server = serving(program=PROGRAM)
    executor = FakeExecutor(server)
    with Client(server.url, actor="ann") as client:
        pulse = client.pulse()
        run_id = client.trigger("wide").id
        assert client.pulse(since=pulse.seq, wait=5).seq > pulse.seq
        (assignment,) = executor.claim()
        executor.finish(assignment, output='["a","b"]')
        work = executor.claim(2)
        assert client.executors().executors[0].running == 2
        for assignment in work:
            executor.finish(assignment, error="no" if assignment.position else None)
        assert [run.id for run in client.runs(dag="wide", statuses=["failed"], kinds=["manual"]).runs] == [run_id]
        assert client.run(run_id, members=0).tasks[1].family is not None
        assert client.task(run_id, "check", 1).label == "b"
        page = client.members(run_id, "check", statuses=["failed"], after=0)
        assert [member.name for member in page.members] == ["check[1]"]
        events = client.run_events(run_id, limit=2)
        assert events.next == 2
        assert client.run_notifications(run_id).notifications == ()
        assert client.failed_notifications().notifications == ()

        assert client.mark(run_id, "check", 1, status="success", reason="known", output=5).epoch == 2
        assert client.task(run_id, "check", 1).output == 5
        assert client.cancel_task(run_id, "total").status == "failed"
        assert client.restart(run_id).epoch == 3
        executor.work_off(1)
        assert client.rerun(run_id, "check", 0, follow=False).epoch == 4
        assert client.cancel(run_id).status == "cancelled"
        actors = {event.actor for event in client.run_events(run_id).events}
        assert actors == {"ann", "scheduler", "fake"}


def test_all_that_is_asked_of_dags(serving: Serve) -> None:
    server = serving()
    with Client(server.url, actor="ann") as client:
        assert client.pause("daily", reason="no data").paused
        assert not client.resume("daily").paused
        tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        silenced = client.silence("daily", tomorrow.isoformat(), reason="known").silenced_until
        assert silenced == f"{tomorrow:%Y-%m-%dT%H:%M:%S}.000000Z"
        assert client.silence("daily", None).silenced_until is None
        kinds = [event.kind for event in client.dag_events("daily", limit=4).events]
        assert kinds == ["silenced", "silenced", "resumed", "paused"]
        assert client.versions("daily").total == 1
        assert client.version("daily", "abab").tasks[1].id == "load"
        assert client.dags(removed=True).removed == ()
        assert client.pools().pools == ()
        made = client.start_backfill("daily", "2026-01-01", "2026-01-04", parallel=2, params={})
        assert (made.total, made.actor) == (3, "ann")
        assert client.backfill(made.id).id == made.id
        assert client.cancel_backfill(made.id).status == "cancelled"
        assert [view.id for view in client.backfills(dag="daily").backfills] == [made.id]
        assert client.runs(backfill=made.id).runs[0].kind == "backfill"


def test_refusals_carry_the_problem(serving: Serve) -> None:
    guarded = serving(host="0.0.0.0", token="s3cret")
    with Client(guarded.url) as stranger, pytest.raises(RefusedError, match="token is required") as caught:
        stranger.dags()
    assert caught.value.problem.status == 401
    with Client(guarded.url, "s3cret") as client, pytest.raises(RefusedError, match="there is no dag `nope`"):
        client.dag("nope")


def test_a_connection_that_was_closed_is_opened_anew(server: Server) -> None:
    with Client(server.url) as client:
        client.health()
        kept = client._connection._connection
        assert kept is not None
        kept.sock.shutdown(2)
        assert client.health().status == "ok"


def test_nobody_there() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(AwayError, match="does not answer: connection refused"):
        client.health()


@pytest.mark.parametrize("url", ["127.0.0.1:9321", "ftp://x", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Client(url)
