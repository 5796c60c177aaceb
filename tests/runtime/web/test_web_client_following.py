"""What the client follows: nothing is missed and nothing comes twice, whatever becomes of connections; and its end."""

from __future__ import annotations

import threading
from functools import partial
from itertools import pairwise

import pytest

from ppacer.client import AwayError, Client, NotFoundError, UnauthorizedError
from ppacer.following import event_data
from tests.runtime.web.conftest import FakeExecutor, Serve, Server
from tests.runtime.web.relay import relay

RAW = 'raw["eu/x"]'


def test_a_run_is_followed_to_its_end(server: Server, executor: FakeExecutor) -> None:
    with Client(server.url) as client:
        run_id = client.trigger("daily").id
        with client.follow_run(run_id) as events:
            first = next(events)
            executor.work_off()
            found = [first, *events]
        assert events.ended
        assert tuple(found) == client.run_events(run_id).events
        assert events.last == found[-1].seq
        with client.follow_run(run_id, since=events.last) as behind:
            assert list(behind) == []
        assert behind.ended


def test_lost_connections_are_made_anew_behind_what_has_come(server: Server, executor: FakeExecutor) -> None:
    with relay(server.port) as between, Client(between.url) as client:
        run_id = client.trigger("daily").id
        with client.follow_run(run_id) as events:
            numbers = [next(events).seq]
            between.cut()
            (assignment,) = executor.claim()
            numbers.append(next(events).seq)
            between.cut()
            executor.finish(assignment)
            executor.work_off(1)
            numbers += [event.seq for event in events]
        assert numbers == list(range(1, numbers[-1] + 1))
        assert client.run(run_id).seq == numbers[-1]


def test_a_program_that_is_started_anew_is_followed_on(serving: Serve) -> None:
    server = serving()
    with relay(server.port) as between, Client(between.url) as client:
        run_id = client.trigger("by_hand").id
        with client.follow_run(run_id) as events, client.follow() as pulses:
            numbers = [next(events).seq]
            before = next(pulses)
            server.stop()
            server = serving()
            between.port = server.port
            between.cut()
            FakeExecutor(server).work_off(1)
            numbers += [event.seq for event in events]
            assert next(pulses).instance != before.instance
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    assert events.ended


def test_who_is_away_for_too_long_is_given_up(server: Server) -> None:
    with Client("http://127.0.0.1:1") as nobody, pytest.raises(AwayError, match="does not answer"):
        next(nobody.follow(patience=0.3))
    with Client(server.url) as client, client.follow(patience=0) as pulses:
        next(pulses)
        server.stop()
        with pytest.raises(AwayError):
            next(pulses)


def test_what_is_refused_is_raised(serving: Serve) -> None:
    server = serving(host="0.0.0.0", token="s3cret")
    with Client(server.url) as stranger, pytest.raises(UnauthorizedError):
        next(stranger.follow())
    with Client(server.url, "s3cret") as client:
        for following in (client.follow_run("x"), client.follow_dag("x"), client.follow_backfill("x")):
            with pytest.raises(NotFoundError):
                next(following)


@pytest.mark.parametrize("kind", ["stream", "looks"])
def test_it_can_be_stopped_from_another_thread(server: Server, kind: str) -> None:
    with Client(server.url) as client:
        following = client.follow() if kind == "stream" else client.follow_dag("daily")
        next(following)
        threading.Timer(0.05, following.stop).start()
        assert list(following) == []
        assert not following.ended
        following.stop()
        assert list(following) == []


def test_it_ends_when_the_time_is_up(server: Server) -> None:
    with Client(server.url) as client:
        run_id = client.trigger("daily").id
        for follow in (client.follow, partial(client.follow_dag, "daily")):
            for seconds in (0.3, 3.0, 30.0):  # the first thing to see may come late, where the machine is busy
                with follow(seconds=seconds) as following:
                    found = list(following)
                assert not following.ended
                if found:
                    break
            assert found
        with pytest.raises(TimeoutError, match=f"run {run_id} has not ended"):
            client.wait_for_run(run_id, seconds=0.1)
        assert client.me().how == "open", "the client's own connection is as good as before"


def test_the_end_of_a_run_is_waited_for(server: Server, executor: FakeExecutor) -> None:
    with Client(server.url) as client:
        run_id = client.trigger("by_hand").id
        playing = threading.Thread(target=executor.work_off, args=(1,))
        playing.start()
        assert client.wait_for_run(run_id, seconds=60).run.status == "success"
        playing.join(60)


def test_a_log_is_followed_to_the_end_of_the_attempt_it_began_with(server: Server, executor: FakeExecutor) -> None:
    with relay(server.port) as between, Client(between.url) as client:
        run_id = client.trigger("daily").id
        executor.work_off(1)
        (first,) = executor.claim()
        executor.log(first, "one")
        with client.follow_log(run_id, "load") as lines:
            assert next(lines).message == "one"
            executor.log(first, "two", first=2)
            assert next(lines).message == "two"
            between.cut()
            executor.finish(first, error="no")  # there is another attempt then, with a log of its own
            (second,) = executor.claim()
            executor.log(second, "of the second", "and more", "and more yet")
            assert list(lines) == []
        assert lines.ended
        assert [line.message for line in client.each_log_line(run_id, "load", attempt=1)] == ["one", "two"]


def test_a_dag_is_followed_as_its_entry_changes(server: Server) -> None:
    with Client(server.url) as client, client.follow_dag("daily", seconds=60) as views:
        assert not next(views).paused
        client.pause("by_hand")
        client.pause("daily")
        assert next(views).paused
        run_id = client.trigger("daily").id
        assert [run.id for run in next(views).last_runs] == [run_id]


def test_a_backfill_is_followed_to_the_end_of_its_last_run(server: Server, executor: FakeExecutor) -> None:
    with Client(server.url) as client:
        made = client.start_backfill("daily", "2026-01-01", "2026-01-03", parallel=2)
        with client.follow_backfill(made.id) as views:
            first = next(views)
            executor.work_off(4)
            last = [first, *views][-1]
        assert (last.status, last.succeeded, last.active) == ("done", 2, 0)
        assert views.ended


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n", [b"a", b"b"]),
        (b":\n\ndata: a\n\n:\n\n", [b"a"]),
        (b"data: a\r\n\r\ndata:b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\ndata:  b\n\n", [b"a\n b"]),
        (b"event: x\nretry: 5\n\ndata\n\ndata: a\n\n", [b"a"]),
        (b"data: a\n\ndata: cut off", [b"a"]),
        (b"data: a\n\ndata: cut off\n", [b"a"]),
        (b"", []),
    ],
)
def test_events_are_read_in_whatever_pieces_they_come(stream: bytes, data: list[bytes]) -> None:
    assert list(event_data([stream])) == data
    assert list(event_data(stream[at : at + 1] for at in range(len(stream)))) == data
