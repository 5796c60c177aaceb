"""Tasks that may take longer than the time from one run to the next: their runs would pile up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise

from ppacer import spec
from ppacer.core.operators import text
from ppacer.core.schedule import DagClock
from ppacer.records import replace
from ppc import ast
from ppc.bodies import ResolvedTask

TOO_SLOW = "W710"

CODES = {TOO_SLOW: "attempts that may take longer than the time from one run to the next"}

_SAMPLE = 40
_FROM = 1_767_225_600_000_000
"""2026-01-01 in UTC: any time does, as long as it is the same for every build."""


def check(
    scheduled: spec.Dag, timeouts: Iterable[tuple[ResolvedTask, ast.Setting]], run_timeout: timedelta | None
) -> None:
    """`scheduled` has a sound schedule; `timeouts` are the tasks whose time-out somebody wrote, and where;
    `run_timeout` ends the run in any case."""
    interval: timedelta | None = None
    reported: set[tuple[int, int]] = set()
    for task, setting in timeouts:
        timeout, retries = task.settings.get("timeout"), task.settings.get("retries", 0)
        if not isinstance(timeout, timedelta) or not isinstance(retries, int):
            continue
        if interval is None:
            interval = _interval(_without_places(scheduled))
            if interval is None:
                return
        longest = timeout * (retries + 1)
        if run_timeout is not None and run_timeout <= max(interval, timeout):
            continue
        key = (setting.span.start, retries)
        if longest > interval and key not in reported:
            reported.add(key)
            attempts = f"{retries + 1} attempts of {text(timeout)}" if retries else f"an attempt of {text(timeout)}"
            task.scope.file.report(
                TOO_SLOW,
                f"{attempts} may take longer than the {text(interval)} from one run to the next",
                setting.value.span,
                label=f"{text(longest)} in all",
                help="give the task a shorter time-out or fewer retries, or run the dag less often",
            )


_NOWHERE = spec.At(1, 1)


def _without_places(dag: spec.Dag) -> spec.Dag:
    """What of the dag its due times depend on, wherever in its file it stands."""
    schedules = tuple(replace(schedule, at=_NOWHERE) for schedule in dag.schedules)
    return spec.Dag("", _NOWHERE, (), schedules=schedules, timezone=dag.timezone, start=dag.start, end=dag.end)


@lru_cache
def _interval(dag: spec.Dag) -> timedelta | None:
    """The time that most often lies between two due times; none where there are not two. An editor asks for it with
    every key, and most dags of a file are due alike."""
    clock = DagClock(dag)
    due: list[int] = []
    after = _FROM
    while len(due) < _SAMPLE:
        following = clock.next(after)
        if following is None:
            break
        due.append(following)
        after = following
    gaps = Counter(later - earlier for earlier, later in pairwise(due))
    return timedelta(microseconds=gaps.most_common(1)[0][0]) if gaps else None
