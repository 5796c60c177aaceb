"""The states of runs, tasks and attempts, the moves between them, and the rules that start a task.

Theory. A *run* is one passage through a dag. Each of its *tasks* waits until its trigger rule is decided by how its
parents ended; then its `when` is asked, and it is tried. A try is an *attempt*: it is offered to executors (queued),
claimed by one of them under a lease (running), perhaps deferred (it waits without an executor and is offered again) and
ends once. The attempt that fails or is lost may be followed by another one; the task ends with its last attempt, the
run with its last task.

- Status changes only along the tables below. Terminal statuses have no way out: within one epoch nothing un-ends. To
  do part of a run again opens a new *epoch*: new rows for what changes, the old ones stay.
- A task that is queued or running has exactly one live attempt; every other task has none. The attempt of a queued task
  is queued; that of a running one is running, deferred, or queued again after it was deferred.
- A claim gives the attempt a *fencing token*. Tokens grow over the whole life of the database, so whoever holds an
  older one, or one of an attempt that has ended or been deferred since, is told so and changes nothing.
- Failed and timed-out attempts use up `retries`; lost ones (the executor vanished) a budget of their own. So a task is
  tried at most 1 + retries + `LOST_BUDGET` times, crashes included.
- A failure that trying again cannot mend (arguments that have no value, code that is gone) is final at once.
- A *run-time family* is a task whose members are made when its list is known. Its own row waits as a task does; it runs
  from the moment when the list is known to the end of its last member, and has no attempts. Who comes after a family
  counts its members: one unfinished parent before they are known, then each of them.
- What a run ends as (its *outcome*) is fixed when its last ordinary task has ended, or when it is asked to end. A run
  fails if any of its ordinary tasks failed, was cancelled by itself, or never ran because of one that did: a later task
  that tidies up never hides that. Then *handlers* run, those for the outcome first, `finally` last; nothing that they
  do changes the outcome.
- A run that is asked to end (a cancel, its time-out) starts no ordinary task any more. What does not run is cancelled
  at once; what runs is told to stop (its row has a `reason` from then on, which is how a restarted scheduler knows),
  and the run goes on to its handlers with the last of them, whatever that one's outcome.

Who ends what: an unfinished row always has an owner or a deadline. A waiting task has unfinished parents (a handler
the tasks before it), a queued attempt the ready queue, a running one a lease, a deferred one its `due_at` or the run
that it waits for, a retrying task its `due_at`, a family its members, a queued run its dag's queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final

from ppacer.core.model import AttemptStatus, ErrorKind, RunStatus, TaskStatus
from ppacer.records import dataclass
from ppacer.spec import Trigger

RUN_MOVES: Final[Mapping[RunStatus, frozenset[RunStatus]]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset({RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.SUCCESS: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}
"""A queued run fails when its build cannot be read any more."""

TASK_MOVES: Final[Mapping[TaskStatus, frozenset[TaskStatus]]] = {
    TaskStatus.WAITING: frozenset(
        {
            TaskStatus.QUEUED,
            TaskStatus.FAILED,
            TaskStatus.SKIPPED,
            TaskStatus.UPSTREAM_FAILED,
            TaskStatus.CANCELLED,
        }
    ),
    TaskStatus.QUEUED: frozenset({TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.CANCELLED}),
    TaskStatus.RUNNING: frozenset(
        {TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.RETRYING, TaskStatus.QUEUED, TaskStatus.CANCELLED}
    ),
    TaskStatus.RETRYING: frozenset({TaskStatus.QUEUED, TaskStatus.CANCELLED}),
    TaskStatus.SUCCESS: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.SKIPPED: frozenset(),
    TaskStatus.UPSTREAM_FAILED: frozenset(),
    TaskStatus.CANCELLED: frozenset(),
}
"""Waiting to failed: its `when` has no value. Queued to failed: no arguments or no code. Running to queued: lost, or
retried without a delay."""

FAMILY_MOVES: Final[Mapping[TaskStatus, frozenset[TaskStatus]]] = {
    TaskStatus.WAITING: frozenset(
        {
            TaskStatus.RUNNING,
            TaskStatus.SUCCESS,
            TaskStatus.FAILED,
            TaskStatus.SKIPPED,
            TaskStatus.UPSTREAM_FAILED,
            TaskStatus.CANCELLED,
        }
    ),
    TaskStatus.RUNNING: frozenset(
        {
            TaskStatus.SUCCESS,
            TaskStatus.FAILED,
            TaskStatus.SKIPPED,
            TaskStatus.UPSTREAM_FAILED,
            TaskStatus.CANCELLED,
        }
    ),
    TaskStatus.SUCCESS: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.SKIPPED: frozenset(),
    TaskStatus.UPSTREAM_FAILED: frozenset(),
    TaskStatus.CANCELLED: frozenset(),
}
"""Waiting to success: its list is empty. Waiting to failed: its list has no value."""

ATTEMPT_MOVES: Final[Mapping[AttemptStatus, frozenset[AttemptStatus]]] = {
    AttemptStatus.QUEUED: frozenset({AttemptStatus.RUNNING, AttemptStatus.FAILED, AttemptStatus.CANCELLED}),
    AttemptStatus.RUNNING: frozenset(
        {
            AttemptStatus.DEFERRED,
            AttemptStatus.SUCCESS,
            AttemptStatus.FAILED,
            AttemptStatus.TIMED_OUT,
            AttemptStatus.LOST,
            AttemptStatus.CANCELLED,
        }
    ),
    AttemptStatus.DEFERRED: frozenset(
        {
            AttemptStatus.QUEUED,
            AttemptStatus.SUCCESS,
            AttemptStatus.FAILED,
            AttemptStatus.TIMED_OUT,
            AttemptStatus.CANCELLED,
        }
    ),
    AttemptStatus.SUCCESS: frozenset(),
    AttemptStatus.FAILED: frozenset(),
    AttemptStatus.TIMED_OUT: frozenset(),
    AttemptStatus.LOST: frozenset(),
    AttemptStatus.CANCELLED: frozenset(),
}
"""Deferred to success: nothing was left to do."""

FINAL_ERRORS: Final = frozenset({ErrorKind.ARGUMENTS, ErrorKind.CODE_GONE})
"""Failures that trying again cannot mend."""


class IllegalMoveError(Exception):
    """A fault of the program: a move that the tables do not know. `story` tells how it came to it."""

    def __init__(self, subject: str, old: str, new: str, story: str = "") -> None:
        super().__init__(f"{subject} cannot go from {old} to {new}{f': {story}' if story else ''}")


def check_run_move(run_id: str, old: RunStatus, new: RunStatus) -> None:
    if new not in RUN_MOVES[old]:
        raise IllegalMoveError(f"run {run_id}", old, new)


def check_task_move(
    task: str, old: TaskStatus, new: TaskStatus, story: Callable[[], str], *, family: bool = False
) -> None:
    """`family` is true for the row of a whole family. `story` is asked for only when the move is illegal."""
    moves = FAMILY_MOVES if family else TASK_MOVES
    if new not in moves[old]:
        raise IllegalMoveError(f"task {task}", old, new, story())


def check_attempt_move(attempt_id: str, old: AttemptStatus, new: AttemptStatus, story: Callable[[], str]) -> None:
    if new not in ATTEMPT_MOVES[old]:
        raise IllegalMoveError(f"attempt {attempt_id}", old, new, story())


@dataclass(slots=True)
class Parents:
    """How a task's parents stand: how many there are, how many have not ended, and how the others ended.

    `failed` counts failed, upstream_failed and cancelled ones.
    """

    total: int
    unfinished: int
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def kinds(self) -> tuple[bool, bool, bool, bool]:
        """All that a trigger rule asks: whether any has not ended, succeeded, failed, or was skipped."""
        return self.unfinished > 0, self.succeeded > 0, self.failed > 0, self.skipped > 0

    def joined(self, others: Parents) -> Parents:
        """These and those together."""
        return Parents(
            self.total + others.total,
            self.unfinished + others.unfinished,
            self.succeeded + others.succeeded,
            self.failed + others.failed,
            self.skipped + others.skipped,
        )

    def expanded(self, members: int) -> None:
        """One unfinished parent turned out to be so many (at least one)."""
        self.total += members - 1
        self.unfinished += members - 1

    def ended(self, status: TaskStatus) -> None:
        """Takes note that one more parent ended, with the given terminal status."""
        self.unfinished -= 1
        match status:
            case TaskStatus.SUCCESS:
                self.succeeded += 1
            case TaskStatus.SKIPPED:
                self.skipped += 1
            case _:
                self.failed += 1


class Verdict(Enum):
    """What becomes of a waiting task."""

    WAIT = auto()
    RUN = auto()
    SKIP = auto()
    UPSTREAM_FAILED = auto()


def verdict(trigger: Trigger, parents: Parents) -> Verdict:
    """What a trigger rule says about a task whose parents stand so; a task without parents runs.

    Each rule is decided as early as the parents that are still to end cannot change it, and never by their order.
    """
    if parents.total == 0:
        return Verdict.RUN
    waiting = parents.unfinished > 0
    match trigger:
        case Trigger.ALL_SUCCESS:
            if parents.failed:
                return Verdict.UPSTREAM_FAILED
            if waiting:
                return Verdict.WAIT
            return Verdict.SKIP if parents.skipped else Verdict.RUN
        case Trigger.NONE_FAILED:
            if parents.failed:
                return Verdict.UPSTREAM_FAILED
            return Verdict.WAIT if waiting else Verdict.RUN
        case Trigger.ALL_DONE:
            return Verdict.WAIT if waiting else Verdict.RUN
        case Trigger.ALL_FAILED:
            if parents.succeeded or parents.skipped:
                return Verdict.SKIP
            return Verdict.WAIT if waiting else Verdict.RUN
        case Trigger.ONE_SUCCESS:
            if parents.succeeded:
                return Verdict.RUN
            if waiting:
                return Verdict.WAIT
            return Verdict.UPSTREAM_FAILED if parents.failed else Verdict.SKIP
        case Trigger.ONE_FAILED:
            if parents.failed:
                return Verdict.RUN
            return Verdict.WAIT if waiting else Verdict.SKIP
        case Trigger.ALWAYS:
            return Verdict.RUN
