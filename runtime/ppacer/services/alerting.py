"""What the scheduler's turns have to tell people: in the log, and by the notifiers that somebody asked to be told by.

What is to be sent becomes a row within the turn that it tells of, so that neither is without the other; it is sent, and
the log told, once that is durable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from ppacer.core import happenings as h
from ppacer.core.evaluate import EvaluationError
from ppacer.core.model import Attempt, InsertNotification, Run, RunStatus
from ppacer.core.plan import DagPlan
from ppacer.protocol import TaskNotice
from ppacer.services.commits import Commits
from ppacer.services.notices import MOST_MESSAGES, Outgoing, alerts, messages, sign_of_life
from ppacer.services.notifier import Notifier
from ppacer.services.timers import Clock

_log = logging.getLogger("ppacer")


class Alerting:
    """All methods belong into a turn. `send` takes what is to be sent, `silenced` says whether a dag's alerts are to
    stay in the log, `env` gives a variable of the environment, `page` is the page's address, if people can reach it."""

    def __init__(
        self,
        commits: Commits,
        notifier: Notifier,
        clock: Clock,
        *,
        send: Callable[[Outgoing], None],
        new_id: Callable[[int], str],
        silenced: Callable[[str], bool],
        env: Callable[[str], str],
        page: str | None,
    ) -> None:
        self._commits = commits
        self._notifier = notifier
        self._clock = clock
        self._send = send
        self._new_id = new_id
        self._silenced = silenced
        self._env = env
        self._page = page

    def started(self, run: Run) -> None:
        self._commits.then(partial(self._notifier.started, run))

    def ended(self, run: Run, plan: DagPlan | None) -> None:
        """A run has ended; a dead man's switch that its dag has learns that it went well."""
        self._commits.then(partial(self._notifier.ended, run))
        if plan is None or run.status is not RunStatus.SUCCESS:
            return
        try:
            sign = sign_of_life(run, plan, self._clock.now(), self._new_id, self._env)
        except EvaluationError as error:
            place = f"{plan.place(error.at)}:{error.at.column}"
            _log.error("the ping of dag %s has no address: %s (%s)", run.dag, error.message, place)
            return
        if sign is not None:
            self._record(sign)

    def tell(self, notice: h.Notice, plan: DagPlan) -> None:
        silenced = notice.alert and self._silenced(notice.run.dag)
        self._commits.then(partial(self._notifier.notice, notice, plan, silenced=silenced))
        if not silenced:
            for outgoing in alerts(notice, plan, self._clock.now(), self._new_id, page=self._page):
                self._record(outgoing)

    def message(self, said: TaskNotice, attempt: Attempt, run: Run, plan: DagPlan) -> None:
        """A running task wants people to be told something."""
        found = messages(said, attempt, run, plan, self._clock.now())
        why = ""
        if said.seq > MOST_MESSAGES * (attempt.parts + 1):
            found, why = [], f"it is told here alone: an attempt sends at most {MOST_MESSAGES} messages"
        elif said.notifier is not None and not found:
            why = f"there is no notifier {said.notifier}"
        elif self._silenced(run.dag):
            found, why = [], "alerts are silenced"
        self._commits.then(partial(self._notifier.message, said, attempt, run, plan, why=why))
        for outgoing in found:
            self._record(outgoing)

    def _record(self, outgoing: Outgoing) -> None:
        self._commits.write([InsertNotification(outgoing.row)])
        self._commits.then(partial(self._send, outgoing))
