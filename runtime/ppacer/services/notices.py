"""From what is worth telling to the rows of what is to be sent, in the usual words. Pure: nothing is sent here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from ppacer import spec
from ppacer.core import codec
from ppacer.core import happenings as h
from ppacer.core.durations import duration_text
from ppacer.core.evaluate import Scope, evaluate, parts, run_values
from ppacer.core.gist import gist
from ppacer.core.ids import RANDOM_BYTES, uuid7
from ppacer.core.instants import duration, to_datetime, zone
from ppacer.core.model import Attempt, NoticeEvent, Notification, NotificationStatus, Run
from ppacer.core.plan import DagPlan
from ppacer.protocol import TaskNotice

MOST_MESSAGES = 100
"""How many messages of one attempt, or of a part of it, are sent on; any more are told in the log alone."""

_LONGEST_SUBJECT = 200
_LONGEST_TEXT = 10_000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notification on its way, with what of it is not in its row: the run's logical time, the gist of the error."""

    row: Notification
    scheduled_at: int
    cause: str | None = None


def shown_task(plan: DagPlan, task: str, position: int) -> str:
    """A task as people know it: `raw["eu"]`, and a member of a run-time family as `check[0]`."""
    found = plan.tasks.get(task)
    is_member = found is not None and found.fan_out is not None and position >= 0
    return f"{task}[{position}]" if is_member else task


def page_of(page: str | None, run_id: str | None) -> str | None:
    """The address of a run's page, given that of the program's page."""
    return None if page is None or run_id is None else f"{page.rstrip('/')}/runs/{run_id}"


def what_happened(notice: h.Notice) -> str:
    """`failed, to be tried again in 30s`."""
    words = _WORDS[notice.event]
    if notice.retry_in is None:
        return words
    seconds = -(-notice.retry_in // _SECOND)
    return f"{words} {'at once' if seconds <= 0 else f'in {duration_text(duration(seconds * _SECOND))}'}"


def alerts(
    notice: h.Notice, plan: DagPlan, at: int, new_id: Callable[[int], str], *, page: str | None = None
) -> list[Outgoing]:
    """What is to be sent because of a notice: one for each of its notifiers, none where nobody asked to be alerted.

    `page` is the address under which people reach the program's page, if there is one.
    """
    if not notice.alert:
        return []
    cause = gist(notice.error) if notice.error else None
    subject = notice.run.dag
    if notice.task is not None:
        subject += f": {shown_task(plan, notice.task, notice.position)}"
    subject += f" {_WORDS[notice.event]}"
    text = notice.message if notice.message is not None else _usual_text(notice, plan, cause, page)
    return [
        Outgoing(
            Notification(
                id=new_id(at),
                at=at,
                dag=notice.run.dag,
                build=plan.build,
                event=notice.event,
                notifier=notifier,
                subject=_clip(subject, _LONGEST_SUBJECT),
                message=_clip(text, _LONGEST_TEXT),
                status=NotificationStatus.PENDING,
                due_at=at,
                run_id=notice.run.id,
                task=notice.task,
                position=notice.position,
                number=notice.number,
            ),
            notice.run.scheduled_at,
            cause,
        )
        for notifier in notice.notifiers
    ]


def messages(said: TaskNotice, attempt: Attempt, run: Run, plan: DagPlan, at: int) -> list[Outgoing]:
    """What is to be sent because a running task says so: by the notifier that it names, else by those of the task, else
    by the dag's. The ids are always the same for the same message, so that it is known again when it is repeated.
    """
    task = plan.tasks[attempt.task]
    notifiers = (said.notifier,) if said.notifier is not None else task.notify or plan.dag.notify
    subject = said.subject or f"{run.dag}: {shown_task(plan, attempt.task, attempt.position)}"
    return [
        Outgoing(
            Notification(
                id=_message_id(said, notifier),
                at=at,
                dag=run.dag,
                build=plan.build,
                event=NoticeEvent.MESSAGE,
                notifier=notifier,
                subject=_clip(subject, _LONGEST_SUBJECT),
                message=_clip(said.message, _LONGEST_TEXT),
                status=NotificationStatus.PENDING,
                due_at=at,
                run_id=run.id,
                task=attempt.task,
                position=attempt.position,
                number=attempt.number,
            ),
            run.scheduled_at,
        )
        for notifier in notifiers
        if notifier in plan.notifiers
    ]


def sign_of_life(
    run: Run, plan: DagPlan, at: int, new_id: Callable[[int], str], env: Callable[[str], object]
) -> Outgoing | None:
    """The request that a successful run of a dag with a `ping` makes; its address is the row's message.

    An address that takes a secret is left out of the row and worked out in the worker that asks for it. `env` gives
    the value of an environment variable or raises `KeyError`. Raises `EvaluationError`.
    """
    ping = plan.dag.ping
    if ping is None:
        return None
    address = ""
    if not _takes_secret(ping):
        params = codec.decode(run.params)
        assert isinstance(params, dict)
        address = str(evaluate(ping, Scope(run=run_values(run, plan.dag.timezone), params=params, env=env)))
    return Outgoing(
        Notification(
            id=new_id(at),
            at=at,
            dag=run.dag,
            build=plan.build,
            event=NoticeEvent.PING,
            notifier="",
            subject=f"{run.dag} succeeded",
            message=address,
            status=NotificationStatus.PENDING,
            due_at=at,
            run_id=run.id,
        ),
        run.scheduled_at,
    )


# --- words -----------------------------------------------------------------------------------------------------------

_WORDS = {
    NoticeEvent.FAILURE: "failed",
    NoticeEvent.RETRY: "failed, to be tried again",
    NoticeEvent.SUCCESS: "succeeded",
    NoticeEvent.LATE: "is late",
}


def _usual_text(notice: h.Notice, plan: DagPlan, cause: str | None, page: str | None) -> str:
    run, dag = notice.run, plan.dag
    who = f"run of dag {dag.id}"
    if notice.task is not None:
        who = f"task {shown_task(plan, notice.task, notice.position)} of dag {dag.id}"
    attempt = f", attempt {notice.number}," if notice.number else ""
    sentence = f"The {who}{attempt} {what_happened(notice)}"
    if cause:
        sentence += f": {cause}"
    planned = to_datetime(run.scheduled_at, zone(dag.timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")
    facts = [f"planned for: {planned}", f"run: {run.id}"]
    if (address := page_of(page, run.id)) is not None:
        facts.append(f"page: {address}")
    return "\n".join((sentence, "", *facts))


def _clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _takes_secret(expr: spec.Expr) -> bool:
    return isinstance(expr, spec.Secret) or any(map(_takes_secret, parts(expr)))


def _message_id(said: TaskNotice, notifier: str) -> str:
    """Of the attempt's millisecond, in the order of what it says, and otherwise a digest: a UUIDv7 like any other."""
    millisecond = int(said.attempt.replace("-", "")[:12], 16)
    digest = hashlib.sha256(f"{said.attempt}\n{said.seq}\n{notifier}".encode()).digest()
    return uuid7(millisecond * 1000 + min(said.seq, 999), digest[:RANDOM_BYTES])
