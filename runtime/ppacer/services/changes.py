"""Tells followers of runs and logs that something new has been committed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

EVERYTHING = "everything"


class Changes:
    """Topics that followers wait on; only those that somebody follows cost anything."""

    def __init__(self) -> None:
        self._followers: dict[str, set[asyncio.Future[None]]] = {}
        self._count = 0

    @property
    def count(self) -> int:
        """The number of all changes so far."""
        return self._count

    def publish(self, topic: str) -> None:
        """Wakes the followers of a topic, and those of everything."""
        self._count += 1
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
    return f"run/{run_id}"


def log_topic(attempt_id: str) -> str:
    return f"log/{attempt_id}"


def dag_topic(dag_id: str) -> str:
    """What a dag as such does: its due times, its schedule's problems, its backfills."""
    return f"dag/{dag_id}"
