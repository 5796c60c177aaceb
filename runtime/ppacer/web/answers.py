"""What the database answers, as messages: for the API's handlers, and for commands where no program serves.

Each function reads afresh and may be called from any thread. Pages have at most `limit` entries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ppacer import spec
from ppacer.core import codec
from ppacer.core.model import (
    FAMILY,
    Attempt,
    Backfill,
    DagVersion,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.protocol import Progress
from ppacer.services.snapshots import BackfillState
from ppacer.store.logs import LogStore
from ppacer.store.overviews import LatestRun
from ppacer.store.store import Store
from ppacer.web.dag_messages import (
    BackfillList,
    BackfillView,
    DagEventList,
    RemovedDag,
    VersionDetail,
    VersionList,
)
from ppacer.web.dag_views import backfill_view, dag_event_view, removed_dag
from ppacer.web.messages import (
    Changes,
    EventList,
    LogPage,
    MemberList,
    NotificationList,
    RunDetail,
    RunList,
    TaskView,
)
from ppacer.web.versions import Version, version_detail, version_of, version_view
from ppacer.web.views import (
    Members,
    RunRows,
    event_view,
    log_page,
    notification_view,
    run_detail,
    run_view,
    task_views,
)

_LOOKS = 3
"""How often rows that contradict each other are read at most."""

SHOWN_RUNS = 12
"""How many of a dag's latest runs its entry in the list of dags holds."""

LOG_PAGE = 1000
CHANGES = 500
"""How many events of a run the answer to a long-poll holds at most."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are asked for; what is left out does not matter. `before` is the id of the run after the first; the
    runs were made at `made_from` or later and before `made_until`; likewise `planned_from` for their logical times."""

    dag: str | None = None
    statuses: Sequence[RunStatus] = ()
    kinds: Sequence[RunKind] = ()
    made_from: int | None = None
    made_until: int | None = None
    planned_from: int | None = None
    planned_until: int | None = None
    backfill: str | None = None
    before: str | None = None


def run_list(store: Store, wanted: RunFilter, limit: int) -> RunList:
    found = store.runs(
        wanted.dag,
        wanted.statuses or None,
        wanted.before,
        limit + 1,
        kinds=wanted.kinds or None,
        backfill=wanted.backfill,
        made_from=wanted.made_from,
        made_until=wanted.made_until,
        planned_from=wanted.planned_from,
        planned_until=wanted.planned_until,
    )
    shown, more = _page(found, limit)
    return RunList(tuple(map(run_view, shown)), shown[-1].id if more else None)


def found_runs(store: Store, part: str, before: str | None, limit: int) -> RunList:
    """Runs whose id holds `part`, newest first."""
    shown, more = _page(store.find_runs(part, limit + 1, before), limit)
    return RunList(tuple(map(run_view, shown)), shown[-1].id if more else None)


@dataclass(frozen=True, slots=True)
class Subject:
    """The run that is asked about, and what the database does not tell: the dag of its own build, if that can be read,
    what running attempts say of themselves, by their ids, and the labels of each executor, where they are known."""

    run: Run
    dag: spec.Dag | None
    progress: Mapping[str, Progress] = field(default_factory=dict)
    executors: Sequence[Collection[str]] | None = None


def dag_of(store: Store, program: spec.Program, run: Run) -> spec.Dag | None:
    """The dag as the run's own build has it; none where that build cannot be read by this version."""
    if run.build != program.build:
        row = store.build(run.build)
        try:
            program = codec.decode_as(spec.Program, row.spec if row is not None else "")
        except codec.CodecError:
            return None
    return next((dag for dag in program.dags if dag.id == run.dag), None)


def one_run(store: Store, logs: LogStore | None, subject: Subject, members: int) -> RunDetail:
    """The run with its tasks, of each run-time family at most `members`: those first that need a look. Without `logs`
    it is not told how far the log of each attempt has come, which for many is much of the work."""
    # The number first: what changes while the rows are read is then told by the next long-poll. Then the run: where it
    # has ended, so have its tasks.
    seq = store.last_event_seq([subject.run.id]).get(subject.run.id, 0)
    run = store.run(subject.run.id) or subject.run
    tasks, attempts = _tasks_and_attempts(store, run.id)
    families: dict[str, Members] = {}
    for family in tasks:
        if family.position == FAMILY:
            shown = store.urgent_members(family, members)
            families[family.task] = Members(store.member_counts(family), shown)
            attempts += _attempts_of(store, [row for row in shown if row.position != 0])
    # After the attempts: what one that has ended had to say is all there by then.
    newest = {} if logs is None else logs.last_seq(attempt.id for attempt in attempts)
    rows = RunRows(run, subject.dag, tasks, attempts, families, subject.progress, subject.executors, newest)
    return run_detail(rows, seq=seq)


def _tasks_and_attempts(store: Store, run_id: str) -> tuple[list[TaskRow], list[Attempt]]:
    """The tasks as a whole and the attempts of those that are no members, or are the first of them.

    They are two reads: where an attempt has ended between them, whose task is seen to run, both are done again.
    """
    looks = 0
    while True:
        tasks, attempts = store.whole_tasks(run_id), store.attempts(run_id, positions=[0])
        over = {attempt.task: attempt.status.terminal for attempt in attempts}  # of each task the newest
        torn = any(row.status is TaskStatus.RUNNING and row.position == 0 and over.get(row.task) for row in tasks)
        looks += 1
        if not torn or looks == _LOOKS:
            return tasks, attempts


def one_task(store: Store, subject: Subject, task: str, position: int | None) -> TaskView | None:
    """The task, or of a run-time family the whole or the member at the position; none if there is no such thing."""
    row = _whole_task(store, subject.run, task)
    if row is None:
        return None
    if row.position == FAMILY and position not in (None, FAMILY):
        found = [member for member in store.members(row, after=position - 1, limit=1) if member.position == position]
        views = _member_views(store, subject, row, found, whole=True)
        return views[0] if views else None
    if position not in (None, row.position):
        return None
    families = {task: Members(store.member_counts(row), ())} if row.position == FAMILY else {}
    attempts = store.attempts(row.run_id, task, [row.position])
    return task_views(
        RunRows(subject.run, subject.dag, [row], attempts, families, subject.progress, subject.executors), whole=True
    )[0]


def members_of(
    store: Store, subject: Subject, task: str, *, statuses: Iterable[TaskStatus], after: int, limit: int
) -> MemberList | None:
    """The members of a run-time family after the position `after`, of any status unless some are given; none where the
    run has no such family."""
    family = _whole_task(store, subject.run, task)
    if family is None or family.position != FAMILY:
        return None
    shown, more = _page(store.members(family, list(statuses) or None, after, limit + 1), limit)
    views = _member_views(store, subject, family, shown)
    return MemberList(views, shown[-1].position if more else None)


def run_events(store: Store, run_id: str, after: int, limit: int) -> EventList:
    shown, more = _page(store.events(run_id, after, limit + 1), limit)
    return EventList(tuple(map(event_view, shown)), shown[-1].seq if more else None)


def run_changes(store: Store, run: Run, since: int) -> Changes:
    """What came after the event `since`, as far as one answer holds it."""
    events = store.events(run.id, since, CHANGES)
    status = (store.run(run.id) or run).status
    return Changes(events[-1].seq if events else since, status, tuple(map(event_view, events)))


def attempt_log(store: Store, logs: LogStore, attempt: Attempt, after: int) -> LogPage:
    # The attempt first: its log is durable before its end is.
    current = store.attempt(attempt.id) or attempt
    return log_page(current, logs.read(attempt.id, after, LOG_PAGE), after, limit=LOG_PAGE)


def find_attempt(
    store: Store, run_id: str, task: str, position: int, *, number: int | None, epoch: int | None
) -> Attempt | None:
    """The task's last attempt, or the one of that number, in the latest epoch that has it or in that one."""
    found = [
        each
        for each in store.attempts(run_id, task, [position])
        if number in (None, each.number) and epoch in (None, each.epoch)
    ]
    return max(found, key=lambda each: (each.epoch, each.number), default=None)


def run_notifications(store: Store, run_id: str, after: str | None, limit: int) -> NotificationList:
    """What was to be told of a run, in the order in which it came up."""
    shown, more = _page(store.notifications(run_id, after, limit + 1), limit)
    return NotificationList(tuple(map(notification_view, shown)), shown[-1].id if more else None)


def failed_notifications(store: Store, before: str | None, limit: int) -> NotificationList:
    """What could not be told, newest first."""
    shown, more = _page(store.failed_notifications(before, limit + 1), limit)
    return NotificationList(tuple(map(notification_view, shown)), shown[-1].id if more else None)


# --- dags ------------------------------------------------------------------------------------------------------------


def removed_dags(store: Store) -> tuple[RemovedDag, ...]:
    """The dags that the program no longer has, by name."""
    gone = [row for row in store.dags() if row.removed_at is not None]
    latest = store.overviews.latest_runs(SHOWN_RUNS, [row.dag for row in gone]) if gone else {}
    return tuple(removed_dag(row, latest.get(row.dag, ())) for row in gone)


def latest_runs(store: Store, dag: str) -> Sequence[LatestRun]:
    """The latest runs of one dag, newest first."""
    return store.overviews.latest_runs(SHOWN_RUNS, [dag]).get(dag, ())


def dag_events(store: Store, dag: str, before: str | None, limit: int) -> DagEventList:
    shown, more = _page(store.dag_events(dag, before, limit + 1), limit)
    return DagEventList(tuple(map(dag_event_view, shown)), shown[-1].id if more else None)


def version_list(store: Store, dag: str, before: int | None, limit: int) -> VersionList:
    """The dag's versions from before an instant, newest first, each with what it changed in the one before."""
    rows = store.dag_versions(dag, before, limit + 1)
    read = [_version(store, row) for row in rows]
    older: list[Version | None] = [*read[1:], None]
    views = [version_view(new, old) for new, old in zip(read, older, strict=True)]
    shown, more = _page(views, limit)
    return VersionList(tuple(shown), store.dag_version_count(dag), shown[-1].at if more else None)


def one_version(store: Store, dag: str, build: str) -> VersionDetail | None:
    """The version that came with a build, which may be cut to its first characters; its latest if it came twice."""
    rows = store.dag_versions(dag)
    for index, row in enumerate(rows):
        if row.build.startswith(build):
            before = _version(store, rows[index + 1]) if index + 1 < len(rows) else None
            return version_detail(_version(store, row), before)
    return None


def backfill_list(store: Store, dag: str | None, before: str | None, limit: int) -> BackfillList:
    shown, more = _page(store.backfills(dag, before, limit + 1), limit)
    views = tuple(backfill_view(_backfill_state(store, row)) for row in shown)
    return BackfillList(views, shown[-1].id if more else None)


def one_backfill(store: Store, backfill_id: str) -> BackfillView | None:
    row = store.backfill(backfill_id)
    return None if row is None else backfill_view(_backfill_state(store, row))


# --- details ---------------------------------------------------------------------------------------------------------


def _page(found: Sequence[_T], limit: int) -> tuple[Sequence[_T], bool]:
    """The first `limit` of them, and whether there are more."""
    return found[:limit], len(found) > limit


def _whole_task(store: Store, run: Run, task: str) -> TaskRow | None:
    return next((row for row in store.whole_tasks(run.id) if row.task == task), None)


def _member_views(
    store: Store, subject: Subject, family: TaskRow, members: Sequence[TaskRow], *, whole: bool = False
) -> tuple[TaskView, ...]:
    families = {family.task: Members({}, members)}
    attempts = _attempts_of(store, members)
    rows = RunRows(subject.run, subject.dag, [family], attempts, families, subject.progress, subject.executors)
    return task_views(rows, whole=whole)[1:]


def _attempts_of(store: Store, members: Sequence[TaskRow]) -> list[Attempt]:
    """The attempts of some members of one family."""
    if not members:
        return []
    return store.attempts(members[0].run_id, members[0].task, [member.position for member in members])


def _version(store: Store, row: DagVersion) -> Version:
    return version_of(row, store.build(row.build))


def _backfill_state(store: Store, row: Backfill) -> BackfillState:
    counts = store.backfill_counts(row.id)
    return BackfillState(
        row,
        active=counts.get(RunStatus.QUEUED, 0) + counts.get(RunStatus.RUNNING, 0),
        succeeded=counts.get(RunStatus.SUCCESS, 0),
        failed=counts.get(RunStatus.FAILED, 0) + counts.get(RunStatus.CANCELLED, 0),
    )
