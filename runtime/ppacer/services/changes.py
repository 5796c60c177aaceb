"""Tells followers of runs and logs that something new has been committed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

EVERYTHING = "everything"
_RUN = "run/"


MOST_COLLECTED = 2_000
"""How many runs a collector remembers before it gives up counting them."""


class ChangedRuns:
    """The ids of the runs that have changed since somebody looked last; of very many it says that they are `many`."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._many = True  # before the first look anything may have changed

    def add(self, topic: str) -> None:
        if topic.startswith(_RUN) and not self._many:
            self._ids.add(topic[len(_RUN) :])
            if len(self._ids) > MOST_COLLECTED:
                self.lose()

    def lose(self) -> None:
        """What was taken has not been looked at: the next call is told that it may be any."""
        self._ids, self._many = set(), True

    def take(self) -> set[str] | None:
        """Those that have changed since the last call; none where that may be any."""
        ids, many = self._ids, self._many
        self._ids, self._many = set(), False
        return None if many else ids


class Changes:
    """Topics that followers wait on; only those that somebody follows cost anything."""

    def __init__(self) -> None:
        self._followers: dict[str, set[asyncio.Future[None]]] = {}
        self._collectors: list[ChangedRuns] = []
        self._count = 0

    def collect(self) -> ChangedRuns:
        """A collector that is told of all runs from now on, for good."""
        collector = ChangedRuns()
        self._collectors.append(collector)
        return collector

    @property
    def count(self) -> int:
        """The number of all changes so far."""
        return self._count

    def publish(self, topic: str) -> None:
        """Wakes the followers of a topic, and those of everything."""
        self._count += 1
        for collector in self._collectors:
            collector.add(topic)
        for name in (topic, EVERYTHING):
            for follower in self._followers.pop(name, ()):
                if not follower.done():
                    follower.set_result(None)

    @contextmanager
    def follow(self, topic: str) -> Iterator[asyncio.Future[None]]:
        """A future that is done at the topic's next change after this call: look at what there is only inside."""
        follower: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._followers.setdefault(topic, set()).add(follower)
        try:
            yield follower
        finally:
            left = self._followers.get(topic)
            if left is not None:
                left.discard(follower)
                if not left:
                    del self._followers[topic]


async def changed_within(follower: asyncio.Future[None], wait: float) -> bool:
    """Whether the change came within `wait` seconds."""
    done, _ = await asyncio.wait([follower], timeout=max(0.0, wait))
    return bool(done)


def run_topic(run_id: str) -> str:
    return f"{_RUN}{run_id}"


def log_topic(attempt_id: str) -> str:
    return f"log/{attempt_id}"


def dag_topic(dag_id: str) -> str:
    """What a dag as such does: its due times, its schedule's problems, its backfills."""
    return f"dag/{dag_id}"
