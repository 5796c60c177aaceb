"""A program under test: its dags are run in this process, on a fake clock, without a database or any other process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import wraps
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final, ParamSpec, TypeAlias, TypeVar

from ppacer import schedules, spec
from ppacer.cli.command import similar
from ppacer.core.custom_times import Answer, Answers, Unasked
from ppacer.core.instants import from_datetime, from_local, to_datetime, zone
from ppacer.core.model import FAMILY, TaskRow
from ppacer.core.plan import DagPlan, plans
from ppacer.core.schedule import DagClock
from ppacer.services.errors import InvalidTrigger
from ppacer.testing.calls import SLEEP, Place, own_process, sleep
from ppacer.testing.errors import PipelineError
from ppacer.testing.loading import Loaded, load_program
from ppacer.testing.names import Shown
from ppacer.testing.outcome import result_of
from ppacer.testing.played import Played
from ppacer.testing.results import RunResult
from ppacer.testing.stubs import DagStub, Fails, Real, Stubs, as_duration, check_dag_stub
from ppacer.testing.world import World

Moment: TypeAlias = str | date | datetime
"""A time: ISO 8601 text, or a datetime. Without an offset it is in the dag's zone; a date means its midnight."""

DEFAULT_AT: Final = "2026-01-01T00:00"
"""The planned time of a run for which a test gives none: the same every day."""


_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _told_where_it_is_called(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """pytest then shows a `PipelineError` at the line of the test that is at fault, and nothing of what is in here."""

    @wraps(function)
    def call(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except PipelineError as error:
            raise error.with_traceback(None) from error.__cause__

    return call


@_told_where_it_is_called
def load(source: str | Path, *, path: Sequence[str | Path] = ()) -> Pipeline:
    """The program of a `.ppd` source, which is built for this Python, or of a generated `.py`, which is not.

    `path` are folders where included files and the tasks' modules are looked for too, as with `ppc build --path`.
    Raises `PipelineError`, with what the compiler says.
    """
    return Pipeline(load_program(source, path))


class Pipeline:
    """What `load` returns. `program` is what the compiler made."""

    def __init__(self, loaded: Loaded) -> None:
        self.program = loaded.program
        self._loaded = loaded
        self._plans = plans(loaded.program)

    @property
    def dags(self) -> list[str]:
        """The names of its dags."""
        return [*self._plans]

    @_told_where_it_is_called
    def run(
        self,
        dag: str,
        *,
        at: Moment | None = None,
        params: Mapping[str, object] | None = None,
        tasks: Mapping[str, object] | None = None,
        dags: Mapping[str, DagStub] | None = None,
        stub_rest: bool = False,
        env: Mapping[str, str | None] | None = None,
        secrets: Mapping[str, str] | None = None,
        previous: Moment | None = None,
        cancel_after: timedelta | str | None = None,
        actor: str = "test",
    ) -> RunResult:
        """Runs a dag to its end and tells what became of it. The clock begins at `at`, the run's planned time.

        `tasks` are the stubs of its tasks, `dags` those of dags that its tasks run: see `docs/testing.md`. Tasks
        without one run their own callables, or with `stub_rest` succeed without an output. `env` adds variables to the
        environment (none takes one away), `secrets` are all secrets that there are. `previous` is the planned time of
        the run before. `cancel_after` has `actor` cancel the run so long after its start.

        Raises `PipelineError`.
        """
        plan = self._plan(dag)
        rest = None if stub_rest else Real()
        stubs: dict[str, Stubs | Fails | None] = {}
        for other, stub in (dags or {}).items():
            check_dag_stub(self._plans, other, stub)
            stubs[other] = Stubs(self._plans[other].dag, stub, rest) if isinstance(stub, Mapping) else stub
        if dag in stubs:
            raise PipelineError(f"dags: the stubs of dag {dag}, which is run itself, are its `tasks`")
        stubs[dag] = Stubs(plan.dag, tasks or {}, rest)
        now = _instant(DEFAULT_AT if at is None else at, "at", plan.dag)
        before = None if previous is None else _instant(previous, "previous", plan.dag)
        cancelled_after = None if cancel_after is None else as_duration(cancel_after, "cancel_after")
        _refuse_loop()
        self._refuse_other_modules()
        world = World(
            self.program,
            self._plans,
            self._place(env or {}, secrets or {}),
            lambda name: stubs[name] if name in stubs else Stubs(self._plans[name].dag, {}, rest),
            now=now,
            actor=actor,
        )
        try:
            played = world.play(
                plan, scheduled_at=now, previous_at=before, given=params or {}, cancel_after=cancelled_after
            )
        except InvalidTrigger as fault:
            raise PipelineError(str(fault)) from None
        for each in world.played.values():
            each.stubs.check_members(_expanded(each))
        return result_of(played, world.played.values())

    @_told_where_it_is_called
    def next_times(self, dag: str, after: Moment, n: int = 1, *, previous: Moment | None = None) -> list[datetime]:
        """The first `n` times after `after` at which the dag is due, in its zone; fewer where its schedule ends.

        `previous` is its last due time so far, for schedules that ask for it: those are Python, and run in this
        process. Raises `PipelineError`, and what such a schedule raises.
        """
        spec_dag = self._plan(dag).dag
        last = _instant(after, "after", spec_dag)
        answers = Answers(None if previous is None else _instant(previous, "previous", spec_dag))
        clock, tz = DagClock(spec_dag, answers), zone(spec_dag.timezone)
        found: list[datetime] = []
        while len(found) < n and (due := self._next(clock, answers, last)) is not None:
            found.append(to_datetime(due, tz))
            last = due
        return found

    # --- details -----------------------------------------------------------------------------------------------------

    def _plan(self, dag: str) -> DagPlan:
        if dag not in self._plans:
            raise PipelineError(f"there is no dag `{dag}`{similar(dag, self.dags)}")
        return self._plans[dag]

    def _place(self, env: Mapping[str, str | None], secrets: Mapping[str, str]) -> Place:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PPACER_")}
        given = {name: value for name, value in {**variables, **env}.items() if value is not None}
        loaded = self._loaded
        callables = {**loaded.callables, SLEEP: lambda: sleep}
        return Place(callables, loaded.search_path, str(loaded.home), given, secrets)

    def _next(self, clock: DagClock, answers: Answers, after: int) -> int | None:
        while True:
            try:
                return clock.next(after)
            except Unasked as unasked:
                question = unasked.question
            self._refuse_other_modules()
            place = self._place({}, {})
            with own_process(place.environment, place.search_path, place.home):
                answer = schedules.due_times(
                    place.callables,
                    question.schedule.callable,
                    question.timezone,
                    after=question.after,
                    until=question.until,
                    previous=question.previous,
                )
            match answer:
                case {"times": list(times), "ended": bool(ended)}:
                    answers.learn(question, Answer(tuple(times), ended))

    def _refuse_other_modules(self) -> None:
        """Raises `PipelineError` if this process has imported other modules by the names of the program's own."""
        tops = {each.id.partition(":")[0].partition(".")[0] for each in self.program.callables}
        for top in sorted(tops):
            loaded = getattr(sys.modules.get(top), "__file__", None)
            found = PathFinder.find_spec(top, [*self._loaded.search_path])
            if loaded is None or found is None or found.origin is None:
                continue
            if os.path.realpath(loaded) != os.path.realpath(found.origin):
                raise PipelineError(
                    f"the program's module {top} is {found.origin}, but this process has imported {loaded} by that "
                    f"name: test the two programs in processes of their own, or rename one of the modules"
                )


def _refuse_loop() -> None:
    """Coroutines of tasks get a loop of their own, which cannot be within another one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise PipelineError("a pipeline cannot be run in a coroutine: call `await asyncio.to_thread(pipeline.run, …)`")


def _instant(moment: Moment, what: str, dag: spec.Dag) -> int:
    try:
        given = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        if isinstance(given, datetime) and given.tzinfo is not None:
            return from_datetime(given)
        return from_local(given, zone(dag.timezone))
    except (ValueError, OverflowError, AttributeError, TypeError) as fault:
        raise PipelineError(f"{what}: {moment!r} is no time such as 2026-01-31T02:15: {fault}") from None


def _expanded(played: Played) -> dict[str, list[Shown]]:
    """The members of the run's families that have been expanded."""
    rows: list[TaskRow] = [] if played.machine is None else [*played.machine.tasks()]
    found: dict[str, list[Shown]] = {row.task: [] for row in rows if row.position == FAMILY and row.output is not None}
    for row in rows:
        if row.task in found and row.position != FAMILY:
            found[row.task].append(Shown(row.task, row.position, row.label))
    return found
