"""What became of a dag's due times: which have a run, which were missed, which were skipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ppacer.client import Client
from ppacer.web.dag_messages import DagEventView
from ppacer.web.messages import RunView
from tests.e2e.serving import moment

SECOND = timedelta(seconds=1)
RUN, MISSED, SKIPPED = "run", "missed", "skipped"


def runs_of(client: Client, dag: str, kind: str | None = None) -> list[RunView]:
    """All runs of a dag, or those of one kind, oldest first."""
    found: list[RunView] = []
    before: str | None = None
    while True:
        page = client.runs(dag=dag, kinds=[] if kind is None else [kind], before=before, limit=100)
        found += page.runs
        before = page.next
        if before is None:
            return found[::-1]


def events_of(client: Client, dag: str, kind: str | None = None) -> list[DagEventView]:
    """A dag's history, or what of it is of one kind, oldest first."""
    found = client.dag_events(dag, limit=500).events[::-1]
    return [event for event in found if kind is None or event.kind == kind]


def at(microseconds: int) -> datetime:
    """An instant as events tell it."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def decided(client: Client, dag: str) -> dict[datetime, str]:
    """What became of each due time of a dag that is due every second, in order. Each was decided once."""
    told = [(moment(run.scheduled_at), RUN) for run in runs_of(client, dag, "scheduled")]
    for event in events_of(client, dag, "due_missed"):
        span = list(_seconds(at(event.payload["from"]), at(event.payload["until"])))
        assert event.payload["count"] == len(span)
        assert event.actor == "schedule"
        told += [(due, MISSED) for due in span]
    told += [(at(event.payload["due"]), SKIPPED) for event in events_of(client, dag, "due_skipped")]
    found = dict(sorted(told))
    assert len(found) == len(told), "a due time is decided once"
    return found


def without_gaps(found: dict[datetime, str]) -> bool:
    """Whether every second from the first due time to the last is among them."""
    return list(found) == list(_seconds(min(found), max(found)))


def _seconds(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += SECOND
