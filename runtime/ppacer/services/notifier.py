"""Tells people, in the log, what becomes of runs, and alerts them to what they asked for."""

from __future__ import annotations

import logging

from ppacer import spec
from ppacer.core.happenings import Notice
from ppacer.core.model import Run, RunStatus

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

    def notice(self, notice: Notice) -> None:
        name = _name(notice.run)
        error = "" if not notice.error else f": {_gist(notice.error)}"
        subject = name if notice.task is None else f"{name}, task {notice.task}, attempt {notice.number}"
        what = f"{subject}: {_WORDS[notice.event]}"
        if notice.retry_in is not None:
            what += " at once" if notice.retry_in <= 0 else f" in {notice.retry_in / 1_000_000:g} s"
        if notice.alert:
            level = logging.INFO if notice.event is spec.AlertEvent.SUCCESS else logging.ERROR
            _log.log(level, "alert: %s%s", what, error)
        else:
            _log.warning("%s%s", what, error)


_WORDS = {
    spec.AlertEvent.FAILURE: "failed",
    spec.AlertEvent.RETRY: "failed, to be tried again",
    spec.AlertEvent.SUCCESS: "succeeded",
    spec.AlertEvent.LATE: "is late",
}


def _name(run: Run) -> str:
    """The dag and the end of the run's id: what tells runs apart, and is enough to ask for one."""
    return f"{run.dag} [{run.id[-8:]}]"


def _took(microseconds: int) -> str:
    return f" in {microseconds / 1_000_000:.2f} s"


def _gist(error: str) -> str:
    """The line of an error that says the most: of a traceback, the one with the exception."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Traceback"):
        lines = lines[next((at for at, line in enumerate(lines) if at and not line.startswith(" ")), -1) :]
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1].strip()}"
    return lines[0] if lines else ""
