"""What tasks themselves want people to be told, taken from their executors: each word once, however often it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ppacer.protocol import TaskNotice
from ppacer.services.alerting import Alerting
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.journal import Journal
from ppacer.services.notices import messages
from ppacer.services.task_scheduler import TaskScheduler
from ppacer.store.errors import StoreError
from ppacer.store.store import Store

_REMEMBERED: Final = 1024
"""For how many attempts it is remembered at least which of their words were taken."""


class TaskNotices:
    """`look` comes before the turn in which notices are taken: it reads which were recorded before a restart."""

    def __init__(self, tasks: TaskScheduler, alerting: Alerting, journal: Journal, store: Store) -> None:
        self._tasks = tasks
        self._alerting = alerting
        self._journal = journal
        self._store = store
        self._taken: dict[str, int] = {}

    async def look(self, notices: Sequence[TaskNotice]) -> None:
        for notice in notices:
            machine, attempt = self._tasks.machine_of(notice.attempt), self._tasks.attempt(notice.attempt)
            if machine is None or attempt is None or notice.seq <= self._taken.get(notice.attempt, 0):
                continue
            for outgoing in messages(notice, attempt, machine.run, machine.plan, 0):
                try:
                    known = await self._journal.read(self._store.notification, outgoing.row.id)
                except StoreError as error:
                    raise SchedulerUnavailable(f"nothing can be looked up at the moment: {error}") from error
                if known is not None:
                    self._taken[notice.attempt] = max(notice.seq, self._taken.get(notice.attempt, 0))

    def take(self, notice: TaskNotice) -> bool:
        """Records a notice within the turn, unless that has been done; false if its attempt no longer runs."""
        if notice.seq <= self._taken.get(notice.attempt, 0):
            return True
        machine, attempt = self._tasks.machine_of(notice.attempt), self._tasks.attempt(notice.attempt)
        if machine is None or attempt is None or not self._tasks.runs(notice.attempt, notice.token):
            return False
        if len(self._taken) > 2 * _REMEMBERED:
            self._taken = {each: seq for each, seq in self._taken.items() if self._tasks.attempt(each) is not None}
        self._taken[notice.attempt] = notice.seq
        self._alerting.message(notice, attempt, machine.run, machine.plan)
        return True
