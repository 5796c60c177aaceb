"""Tells people, in the log, what becomes of runs, and what somebody asked to be alerted to."""

from __future__ import annotations

import logging

from ppacer.core.gist import gist
from ppacer.core.happenings import Notice
from ppacer.core.model import Attempt, NoticeEvent, Run, RunStatus
from ppacer.core.plan import DagPlan
from ppacer.protocol import TaskNotice
from ppacer.services.notices import shown_task, what_happened

NOTICES = "ppacer.notices"
"""The name of the logger that tells of runs and their tasks, for those who tell of them in another way."""

_log = logging.getLogger(NOTICES)


class Notifier:
    """Called after the commit of what it tells."""

    def started(self, run: Run) -> None:
        _log.info("%s started (run %s)", _name(run), run.id)

    def ended(self, run: Run) -> None:
        level = logging.INFO if run.status is RunStatus.SUCCESS else logging.WARNING
        took = "" if run.started_at is None or run.finished_at is None else _took(run.finished_at - run.started_at)
        why = "" if run.reason is None else f": {run.reason}"
        _log.log(level, "%s ended: %s%s%s", _name(run), run.status, took, why)

    def notice(self, notice: Notice, plan: DagPlan, *, silenced: bool) -> None:
        """Where there is an alert and nobody else to be told, the log is what alerts; `silenced` alerts are told as
        what they are about."""
        subject = _name(notice.run)
        if notice.task is not None:
            subject += f", task {shown_task(plan, notice.task, notice.position)}"
            if notice.number:
                subject += f", attempt {notice.number}"
        error = f": {gist(notice.error)}" if notice.error else ""
        said = f" – {notice.message}" if notice.message is not None else ""
        what = f"{subject}: {what_happened(notice)}{error}{said}"
        if not notice.alert:
            _log.warning("%s", what)
        elif silenced:
            _log.warning("%s (alerts are silenced)", what)
        elif notice.notifiers:
            _log.log(_level(notice.event), "%s (told to %s)", what, ", ".join(notice.notifiers))
        else:
            _log.log(_level(notice.event), "alert: %s", what)

    def message(self, said: TaskNotice, attempt: Attempt, run: Run, plan: DagPlan, *, why: str) -> None:
        """What a running task wants people to be told; `why` says why it is told here alone, if it is."""
        subject = f"{said.subject}: " if said.subject else ""
        task = shown_task(plan, attempt.task, attempt.position)
        _log.info("%s, task %s says: %s%s%s", _name(run), task, subject, said.message, f" ({why})" if why else "")


def _level(event: NoticeEvent) -> int:
    return logging.INFO if event is NoticeEvent.SUCCESS else logging.ERROR


def _name(run: Run) -> str:
    """The dag and the end of the run's id: what tells runs apart, and is enough to ask for one."""
    return f"{run.dag} [{run.id[-8:]}]"


def _took(microseconds: int) -> str:
    return f" in {microseconds / 1_000_000:.2f} s"
