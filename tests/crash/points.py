"""The crash points: in which world each of them is, and by what scenario it is passed.

`commit.KIND.before`, `.after`: around the COMMIT of a transaction that holds such a change, its statements done, in
`Store.write`, `LogStore.append` and `.delete`, `Store.advance_leader`, and where the tables are made.
`answer.KIND.before`, `.after`: around the scheduler's answer to an executor that acknowledges or grants such a thing.
`api.KIND.before`, `.after`: around the answer to somebody who asked for something.
`notify.before`, `.after`: around the call of a notifier.
`request.KIND.before`, `.sent`, `.answered`: in an executor of its own, before an exchange is sent, when the scheduler
has it, when its answer was read and nothing done with it. `direct.KIND…`: the same in the executor within the program.
`handover.KIND.before`, `.after`: around the handing of an attempt to a worker: one of its own, or the shared one.
`worker.KIND.read`, `.begun…`, `.outcome…`: in a worker, when it has read an attempt, and around what it tells of it.
`zygote.fork.before`, `.after`, `zygote.child`: in the process that workers come from, around a fork; in the child.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.crash import scenarios
from tests.crash.scenarios import Scenario


@dataclass(frozen=True)
class Point:
    """`world` is `whole` (scheduler and executor in one process) or `apart`; `victim` the process that is killed."""

    name: str
    world: str
    victim: str
    scenario: Scenario
    program: str = "crash"
    flags: tuple[str, ...] = ()
    late_executor: bool = False
    """Whether it is the scenario that starts the executor."""

    @property
    def lease(self) -> int:
        """Its term in seconds: short where something is to be renewed or missed, and yet more than a pause of a busy
        machine; else so long that no restart of the scheduler can cost one."""
        if self.victim == "executor" and self.scenario is scenarios.long_run:
            return 9  # a third of it may go before the task is at work
        if self.victim == "executor" or self.scenario is scenarios.lost_run:
            return 5
        return 15 if self.scenario is scenarios.long_run else 30

    @property
    def id(self) -> str:
        return f"{self.world}:{self.name}"

    @property
    def series(self) -> str:
        """What points have in common that one world may hit one after the other. Some things do not happen a second
        time: they have been done, or were lost."""
        kind = self.id.rpartition(".")[0]
        once = self.name.startswith(_ONCE) or self.id.startswith("whole:commit.failure")
        return self.id if once else kind

    @property
    def inner(self) -> bool:
        """Whether the victim is none of the processes that the world itself has started."""
        return self.victim in ("worker", "zygote")


_ONCE = ("api.", "worker.", "zygote.", "request.last_report.", "commit.renewal.", "answer.renewal.")


def _pairs(word: str, kinds: dict[str, Scenario], world: str, victim: str = "scheduler") -> Iterator[Point]:
    for kind, scenario in kinds.items():
        for when in ("before", "after"):
            yield Point(f"{word}.{kind}.{when}", world, victim, scenario)


_LINE = scenarios.one_run("line")
_QUICK = scenarios.one_run("quick")
_SHARED = scenarios.one_run("shared")

_COMMITS: dict[str, Scenario] = {
    "schema": scenarios.only_start,
    "log_schema": scenarios.only_start,
    "leader": scenarios.only_start,
    "build": scenarios.only_start,
    "run_made": _QUICK,
    "run_begun": _QUICK,
    "claim": _QUICK,
    "report": _QUICK,
    "log": _QUICK,
    "run_ended": _QUICK,
    "failure": _LINE,
    "retry": _LINE,
    "deferral": _LINE,
    "going_on": _LINE,
    "expansion": _LINE,
    "decision": _LINE,
    "renewal": scenarios.long_run,
    "loss": scenarios.lost_run,
    "cancel": scenarios.cancel,
    "cancelled": scenarios.cancel,
    "task_cancel": scenarios.cancel_task,
    "reopening": scenarios.restart,
    "mark": scenarios.mark,
    "paused": scenarios.pause,
    "resumed": scenarios.pause,
    "notice": scenarios.notify,
    "notice_sent": scenarios.notify,
}
_WHOLE_COMMITS = ("run_made", "run_begun", "claim", "report", "failure", "deferral", "run_ended")
_DUE: dict[str, Scenario] = {
    "due_run": scenarios.due,
    "backfill": scenarios.backfill,
    "backfill_run": scenarios.backfill,
    "backfill_end": scenarios.backfill,
}
_API: dict[str, Scenario] = {
    "trigger": _QUICK,
    "cancel": scenarios.cancel,
    "task_cancel": scenarios.cancel_task,
    "restart": scenarios.restart,
    "rerun": scenarios.rerun,
    "mark": scenarios.mark,
    "pause": scenarios.pause,
}
_EXCHANGES: dict[str, Scenario] = {
    "claim": scenarios.run_before_executor,
    "report": _QUICK,
    "renewal": scenarios.long_run,
    "log": scenarios.long_run,
    "last_report": scenarios.drain,
}


def _all() -> Iterator[Point]:
    yield from _pairs("commit", _COMMITS, "apart")
    yield from _pairs("commit", {kind: _COMMITS[kind] for kind in _WHOLE_COMMITS}, "whole")
    for kind, scenario in _DUE.items():
        for when in ("before", "after"):
            yield Point(f"commit.{kind}.{when}", "whole", "scheduler", scenario, program="due")
    for kind in ("pruning", "log_pruning"):
        for when in ("before", "after"):
            yield Point(f"commit.{kind}.{when}", "whole", "scheduler", scenarios.prune, flags=("--keep-runs", "1"))
    answers: dict[str, Scenario] = {
        "claim": _QUICK,
        "report": _QUICK,
        "renewal": scenarios.long_run,
        "log": scenarios.long_run,
    }
    yield from _pairs("answer", answers, "apart")
    yield from _pairs("api", _API, "apart")
    for when in ("before", "after"):
        yield Point(f"api.backfill.{when}", "whole", "scheduler", scenarios.backfill, program="due")
        yield Point(f"notify.{when}", "whole", "scheduler", scenarios.notify)
    for kind, scenario in _EXCHANGES.items():
        for when in ("before", "sent", "answered"):
            yield Point(f"request.{kind}.{when}", "apart", "executor", scenario, late_executor=kind == "claim")
    for kind in ("claim", "report"):
        for when in ("before", "answered"):
            yield Point(f"direct.{kind}.{when}", "whole", "scheduler", _QUICK)
    yield from _pairs("handover", {"process": _QUICK, "shared": _SHARED}, "apart", "executor")
    yield from _pairs("handover", {"process": _QUICK}, "whole")
    for kind, scenario in {"process": _QUICK, "shared": _SHARED}.items():
        for when in ("read", "begun.before", "begun.after", "outcome.before", "outcome.after"):
            yield Point(f"worker.{kind}.{when}", "apart", "worker", scenario)
    for name in ("zygote.fork.before", "zygote.fork.after"):
        yield Point(name, "apart", "zygote", _QUICK)
    yield Point("zygote.child", "apart", "worker", _QUICK)


POINTS: dict[str, Point] = {point.id: point for point in _all()}
