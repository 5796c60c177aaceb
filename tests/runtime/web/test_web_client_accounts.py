"""What the client asks of users, tokens and the audit log; and that an executor of a named token is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ppacer.client import Client, RefusedError
from ppacer.services import passwords
from tests.runtime.web.conftest import FakeExecutor, Serve, Server


@pytest.fixture
def guarded(serving: Serve) -> Server:
    return serving(host="0.0.0.0", token="shared")


@pytest.fixture
def client(guarded: Server) -> Iterator[Client]:
    with Client(guarded.url, "shared", actor="eva") as made:
        yield made


def test_it_changes_users_and_tokens_and_reads_what_was_done(
    client: Client, guarded: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_LOG_N", 4)
    assert client.add_user("ana@example.org", "admin", "correct horse battery").role == "admin"
    assert client.add_user("ben", "viewer", "correct horse battery").role == "viewer"
    assert client.set_role("ben", "operator").role == "operator"
    assert client.set_password("ana@example.org", "another long one").name == "ana@example.org"
    assert [user.name for user in client.remove_user("ben").users] == ["ana@example.org"]
    assert client.users().users[0].name == "ana@example.org"
    made = client.add_token("ci", "operator", expires_at="2999-01-01")
    assert client.tokens().tokens == (made.token,)
    with Client(guarded.url, made.secret, actor="somebody") as other:
        assert (other.me().user, other.me().role) == ("token:ci", "operator")
        with other.again() as again:
            assert again.pause("daily").paused
        with pytest.raises(RefusedError, match="operator may not do this: that takes an admin"):
            other.users()
    assert client.revoke_token("ci").name == "ci"
    newest = client.audit(limit=2)
    assert [(entry.actor, entry.action) for entry in newest.entries] == [("eva", "revoke_token"), ("token:ci", "pause")]
    assert client.audit(before=newest.next, actor="eva", action="users", since="2000-01-01", until="2999-01-01").entries


def test_an_executors_token_takes_tasks_and_does_nothing_else(client: Client, guarded: Server) -> None:
    secret = client.add_token("box", "executor").secret
    executor = FakeExecutor(guarded, {"Authorization": f"Bearer {secret}"})
    run_id = client.trigger("by_hand").id
    (assignment,) = executor.claim()
    executor.finish(assignment)
    assert client.run(run_id).run.status == "success"
    with Client(guarded.url, secret) as stolen, pytest.raises(RefusedError, match="executor may not look at this"):
        stolen.run(run_id)
    client.revoke_token("box")
    assert executor.send(executor.message()).status == 401
