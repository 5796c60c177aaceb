"""The list of dags, ready to be sent: of what has not changed since somebody asked last, nothing is worked out anew.

For each dag the JSON of its entry is kept, beside what it was made of: the dag's state and its latest runs. Runs that
have changed since are told by the scheduler; only the latest runs of their dags are read again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from ppacer.services.changes import ChangedRuns
from ppacer.services.snapshots import DagState
from ppacer.store.overviews import LatestRun
from ppacer.store.store import Store
from ppacer.web import answers
from ppacer.web.codec import Encoded, encode
from ppacer.web.dag_views import dag_view
from ppacer.web.queries import DagsQuery

if TYPE_CHECKING:
    from ppacer.web.site import Site

_Latest = Mapping[str, Sequence[LatestRun]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A dag's entry as it is sent, what it was made of, and the number of the answer that had it first."""

    state: DagState
    runs: Sequence[LatestRun]
    text: bytes
    since: int


class DagListing:
    """Made with the site, and of no cost before the list is asked for."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._changed: ChangedRuns | None = None
        self._latest: dict[str, Sequence[LatestRun]] = {}
        self._entries: dict[str, _Entry] = {}
        self._numbers = count(1)
        self._number = 0

    async def answer(self, site: Site, query: DagsQuery) -> Encoded:
        """A `DagList`: all dags, or with a mark those whose entries are others than in the answer that had it. `after`
        must be one of them."""
        async with self._lock:
            await self._refresh(site)
            known = self._known(site, query.since)
            told = [dag for dag in self._behind(query.after) if self._entries[dag].since > known]
            shown = told[: query.limit]
            texts = [self._entries[dag].text for dag in shown]
            total = len(self._entries)
            mark = f"{site.instance}.{self._number}"
        gone: tuple[object, ...] = ()
        if query.removed:
            gone = await site.scheduler.journal.read(answers.removed_dags, site.store)
        parts = {
            "program": json.dumps(site.program.name).encode(),
            "build": encode(site.program.build),
            "dags": b"[%s]" % b",".join(texts),
            "removed": b"[%s]" % b",".join(map(encode, gone)),
            "mark": encode(mark),
            "complete": encode(known == 0 and len(shown) == total),
            "total": encode(total),
            "next": encode(shown[-1]) if len(shown) < len(told) else b"null",
        }
        return Encoded(b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), text) for name, text in parts.items()))

    def _behind(self, dag: str | None) -> list[str]:
        """The dags in their order, those behind that one if there is one."""
        dags = list(self._entries)
        return dags if dag is None else dags[dags.index(dag) + 1 :]

    async def _refresh(self, site: Site) -> None:
        scheduler = site.scheduler
        if self._changed is None:
            self._changed = scheduler.collect_changes()
        runs = self._changed.take()  # first: what changes while they are read is told again
        try:
            read = await scheduler.journal.read(_read_latest, site.store, runs, self._latest)
        except BaseException:
            self._changed.lose()
            raise
        self._latest.update(read)
        states = scheduler.dags()
        stale = [state for state in states if not self._is_current(state)]
        if stale:
            number = next(self._numbers)
            made = await scheduler.journal.read(_entries, stale, self._latest, number)
            self._entries = {state.dag.id: made.get(state.dag.id) or self._entries[state.dag.id] for state in states}
            self._number = number

    def _is_current(self, state: DagState) -> bool:
        entry = self._entries.get(state.dag.id)
        return entry is not None and entry.state == state and entry.runs == self._latest.get(state.dag.id, _NO_RUNS)

    def _known(self, site: Site, since: str | None) -> int:
        """The number of the answer with that mark; 0 where there is none, or it is of another start of the program."""
        instance, _, number = (since or "").rpartition(".")
        if instance != site.instance or not number.isdecimal() or len(number) > 12:
            return 0
        return min(int(number), self._number)


_NO_RUNS: Sequence[LatestRun] = ()


def _read_latest(store: Store, changed: set[str] | None, known: _Latest) -> _Latest:
    """The latest runs of the dags of which runs have changed, of all where nobody knows which."""
    if changed is None:
        return {**dict.fromkeys(known, _NO_RUNS), **store.overviews.latest_runs(answers.SHOWN_RUNS)}
    if not changed:
        return {}
    gone = {dag for dag, runs in known.items() if any(run.id in changed for run in runs)}
    dags = store.overviews.dags_of(changed) | gone
    found = store.overviews.latest_runs(answers.SHOWN_RUNS, dags)
    return {dag: found.get(dag, _NO_RUNS) for dag in dags}


def _entries(states: Sequence[DagState], latest: _Latest, number: int) -> dict[str, _Entry]:
    made = {}
    for state in states:
        runs = latest.get(state.dag.id, _NO_RUNS)
        made[state.dag.id] = _Entry(state, runs, encode(dag_view(state, runs)), number)
    return made
