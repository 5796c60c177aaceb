"""The typed client against a real server."""

from __future__ import annotations

import pytest

from ppacer.client import AwayError, Client, RefusedError
from tests.runtime.web.conftest import FakeExecutor, Serve, Server


def test_all_calls(server: Server, executor: FakeExecutor) -> None:
    with Client(server.url) as client:
        assert client.health().program == "shop"
        assert [dag.id for dag in client.dags().dags] == ["daily", "by_hand"]
        assert client.dag("daily").tasks[1].parents == ('raw["eu/x"]',)
        made = client.trigger("daily", scheduled_at="2026-01-31T01:15:00Z", idempotency_key="k")
        assert client.trigger("daily", idempotency_key="k").id == made.id
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
        assert client._connection is not None
        assert client._connection.sock is not None
        client._connection.sock.shutdown(2)
        assert client.health().status == "ok"


def test_nobody_there() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(AwayError, match="does not answer: connection refused"):
        client.health()


@pytest.mark.parametrize("url", ["127.0.0.1:9321", "ftp://x", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Client(url)
