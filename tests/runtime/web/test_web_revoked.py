"""Who waits for an answer when the token ends by which they were let in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ppacer.core.accounts import Role
from ppacer.protocol import Claim
from tests.e2e.world import wait_until
from tests.runtime.web.conftest import FakeExecutor, Serve, Server

SHARED = {"Authorization": "Bearer shared"}


@pytest.fixture
def guarded(serving: Serve) -> Server:
    return serving(host="0.0.0.0", token="shared")


def test_who_waits_is_told_nothing_once_the_token_does_not_hold(guarded: Server) -> None:
    accounts = guarded.site.scheduler.accounts
    _, secret = guarded.call(accounts.add_token("reader", Role.VIEWER, by="test"))
    with ThreadPoolExecutor(1) as pool:
        run_id = guarded.post("/api/v1/dags/by_hand/runs", {}, **SHARED).json["id"]
        seq = guarded.ask(f"/api/v1/runs/{run_id}", headers=SHARED).json["seq"]
        path = f"/api/v1/runs/{run_id}/changes?since={seq}&wait=20"
        waits = pool.submit(guarded.ask, path, headers={"Authorization": f"Bearer {secret}"}, seconds=60)
        topic = f"run/{run_id}"
        wait_until(lambda: topic in guarded.site.scheduler._changes._followers, "somebody to wait")
        guarded.call(accounts.revoke_token("reader"))
        guarded.post(f"/api/v1/runs/{run_id}/cancel", {}, **SHARED)
        assert waits.result().status == 401


def test_an_executor_that_waits_is_handed_nothing_once_its_token_does_not_hold(guarded: Server) -> None:
    accounts = guarded.site.scheduler.accounts
    _, secret = guarded.call(accounts.add_token("box", Role.EXECUTOR, by="test"))
    stolen = FakeExecutor(guarded, {"Authorization": f"Bearer {secret}"})
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(stolen.send, stolen.message(claim=Claim(1, 20.0)))
        wait_until(lambda: guarded.site.scheduler.executors() != (), "the executor to be heard of")
        guarded.call(accounts.revoke_token("box"))
        assert waits.result().status == 401
    run_id = guarded.post("/api/v1/dags/by_hand/runs", {}, **SHARED).json["id"]
    FakeExecutor(guarded, SHARED).work_off(1)
    assert guarded.ask(f"/api/v1/runs/{run_id}", headers=SHARED).json["run"]["status"] == "success"
