"""Lists to their end: what the pages of a list hold, one thing after the other, a page asked for when it is needed.

A part of `ppacer.client.Client`, and of what answers as it does where no program serves. `limit` is how many things
there are to be at most; without one it is all. What is refused is raised by the iteration. What begins to be while a
list is walked that has the newest first is not seen any more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ppacer.web.account_messages import AuditList, AuditView
from ppacer.web.dag_messages import (
    BackfillList,
    BackfillView,
    DagEventList,
    DagEventView,
    VersionList,
    VersionView,
)
from ppacer.web.messages import (
    AttemptView,
    EventList,
    EventView,
    LogLine,
    LogPage,
    MemberList,
    RunDetail,
    RunList,
    RunView,
    TaskView,
)

_PAGE = 200
"""How many things are asked for at a time."""

_BEFORE_ALL = -1
"""The position before the first member of a family."""

_T = TypeVar("_T")
_C = TypeVar("_C")


def walk(page: Callable[[_C | None, int], tuple[Sequence[_T], _C | None]], limit: int | None = None) -> Iterator[_T]:
    """What the pages hold: `page` gives the one behind a place, of a size at most, and the place behind it."""
    place: _C | None = None
    left = limit
    while left is None or left > 0:
        found, place = page(place, _PAGE if left is None else min(_PAGE, left))
        yield from found
        if place is None:
            return
        left = None if left is None else left - len(found)


class WalkCalls(ABC):
    """What the pages of a list hold, one thing after the other; a page is asked for, by the method that gives it, when
    it is needed. `limit` is how many things there are to be at most: all of them without one. What is refused is raised
    by the iteration."""

    @abstractmethod
    def runs(
        self,
        *,
        dag: str | None = None,
        id_part: str | None = None,
        statuses: Sequence[str] = (),
        kinds: Sequence[str] = (),
        backfill: str | None = None,
        made_from: str | None = None,
        made_until: str | None = None,
        planned_from: str | None = None,
        planned_until: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> RunList: ...

    @abstractmethod
    def run(self, run_id: str, *, members: int | None = None) -> RunDetail: ...

    @abstractmethod
    def members(
        self, run_id: str, task: str, *, statuses: Sequence[str] = (), after: int = _BEFORE_ALL, limit: int = 100
    ) -> MemberList: ...

    @abstractmethod
    def run_events(self, run_id: str, *, after: int = 0, limit: int = 500) -> EventList: ...

    @abstractmethod
    def logs(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        epoch: int | None = None,
        after: int = 0,
    ) -> LogPage: ...

    @abstractmethod
    def dag_events(self, dag: str, *, before: str | None = None, limit: int = 50) -> DagEventList: ...

    @abstractmethod
    def versions(self, dag: str, *, before: str | None = None, limit: int = 10) -> VersionList: ...

    @abstractmethod
    def backfills(self, *, dag: str | None = None, before: str | None = None, limit: int = 20) -> BackfillList: ...

    @abstractmethod
    def audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> AuditList: ...

    # --- runs --------------------------------------------------------------------------------------------------------

    def each_run(
        self,
        *,
        dag: str | None = None,
        id_part: str | None = None,
        statuses: Sequence[str] = (),
        kinds: Sequence[str] = (),
        backfill: str | None = None,
        made_from: str | None = None,
        made_until: str | None = None,
        planned_from: str | None = None,
        planned_until: str | None = None,
        limit: int | None = None,
    ) -> Iterator[RunView]:
        """Runs, newest first; which ones, `runs` tells."""

        def page(before: str | None, most: int) -> tuple[Sequence[RunView], str | None]:
            found = self.runs(
                dag=dag,
                id_part=id_part,
                statuses=statuses,
                kinds=kinds,
                backfill=backfill,
                made_from=made_from,
                made_until=made_until,
                planned_from=planned_from,
                planned_until=planned_until,
                before=before,
                limit=most,
            )
            return found.runs, found.next

        return walk(page, limit)

    def each_task(self, run_id: str) -> Iterator[TaskView]:
        """All tasks of a run in topological order, the members of a run-time family behind it."""
        for task in self.run(run_id, members=0).tasks:
            yield task
            if task.family is not None:
                yield from self.each_member(run_id, task.id)

    def each_attempt(self, run_id: str) -> Iterator[tuple[TaskView, AttemptView]]:
        """All attempts of a run, of all epochs, each with its task: in the order of the tasks, then of their making."""
        for task in self.each_task(run_id):
            for attempt in task.attempts:
                yield task, attempt

    def each_member(
        self, run_id: str, task: str, *, statuses: Sequence[str] = (), limit: int | None = None
    ) -> Iterator[TaskView]:
        """The members of a run-time family by position."""

        def page(after: int | None, most: int) -> tuple[Sequence[TaskView], int | None]:
            place = _BEFORE_ALL if after is None else after
            found = self.members(run_id, task, statuses=statuses, after=place, limit=most)
            return found.members, found.next

        return walk(page, limit)

    def each_run_event(self, run_id: str, *, after: int = 0, limit: int | None = None) -> Iterator[EventView]:
        """The run's history behind the event numbered `after`, in order."""

        def page(place: int | None, most: int) -> tuple[Sequence[EventView], int | None]:
            found = self.run_events(run_id, after=after if place is None else place, limit=most)
            return found.events, found.next

        return walk(page, limit)

    def each_log_line(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        epoch: int | None = None,
        after: int = 0,
    ) -> Iterator[LogLine]:
        """What there is of the log of an attempt: of the one that is the last one at first, unless another is named."""
        while True:
            page = self.logs(run_id, task, position=position, attempt=attempt, epoch=epoch, after=after)
            yield from page.entries
            if page.complete or not page.entries:
                return
            attempt, epoch, after = page.attempt.number, page.attempt.epoch, page.last

    # --- dags --------------------------------------------------------------------------------------------------------

    def each_dag_event(self, dag: str, *, limit: int | None = None) -> Iterator[DagEventView]:
        """The dag's history, newest first."""

        def page(before: str | None, most: int) -> tuple[Sequence[DagEventView], str | None]:
            found = self.dag_events(dag, before=before, limit=most)
            return found.events, found.next

        return walk(page, limit)

    def each_version(self, dag: str, *, limit: int | None = None) -> Iterator[VersionView]:
        """The shapes that the dag has had, newest first."""

        def page(before: str | None, most: int) -> tuple[Sequence[VersionView], str | None]:
            found = self.versions(dag, before=before, limit=min(most, 100))
            return found.versions, found.next

        return walk(page, limit)

    def each_backfill(self, *, dag: str | None = None, limit: int | None = None) -> Iterator[BackfillView]:
        """Backfills, newest first, those of one dag if it is given."""

        def page(before: str | None, most: int) -> tuple[Sequence[BackfillView], str | None]:
            found = self.backfills(dag=dag, before=before, limit=most)
            return found.backfills, found.next

        return walk(page, limit)

    # --- what was done -----------------------------------------------------------------------------------------------

    def each_audit_entry(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditView]:
        """Who did what, newest first; which, `audit` tells."""

        def page(before: str | None, most: int) -> tuple[Sequence[AuditView], str | None]:
            found = self.audit(actor=actor, action=action, since=since, until=until, before=before, limit=most)
            return found.entries, found.next

        return walk(page, limit)
