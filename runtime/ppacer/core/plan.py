"""A dag of one build, laid out for running: what the machine looks up by name, looked up once."""

from __future__ import annotations

from collections.abc import Mapping

from ppacer import spec
from ppacer.core.model import TaskRow
from ppacer.records import dataclass, field


@dataclass(frozen=True, slots=True)
class DagPlan:
    """`codes` maps each callable to the hash of its code; `sources` are the paths that `At.file` counts.

    `pools` maps each pool to its slots, `notifiers` each notifier's name to what it is; `coroutines` are the callables
    that are an `async def`.
    """

    build: str
    dag: spec.Dag
    tasks: Mapping[str, spec.Task]
    codes: Mapping[str, str]
    sources: tuple[str, ...]
    pools: Mapping[str, int] = field(default_factory=dict)
    notifiers: Mapping[str, spec.Notifier] = field(default_factory=dict)
    coroutines: frozenset[str] = frozenset()

    def where(self, task: spec.Task, row: TaskRow | None = None) -> str:
        """The task and its place, for messages: `task raw["eu"] of dag daily_sales (pipeline.ppd:38)`.

        Of a member of a run-time family, which has a row, with the value that it stands for: `task check[0] (a.csv) …`.
        """
        member = f"[{row.position}] ({row.label})" if row is not None and row.label is not None else ""
        return f"task {task.id}{member} of dag {self.dag.id} ({self.place(task.at)})"

    def place(self, at: spec.At) -> str:
        source = self.sources[at.file] if at.file < len(self.sources) else "?"
        return f"{source}:{at.line}"

    def isolation(self, task: spec.Task) -> spec.Isolation:
        """What an attempt runs in: what the task says, else a process of its own, for an `async def` an event loop."""
        if task.isolation is not None:
            return task.isolation
        return spec.Isolation.ASYNC if task.callable in self.coroutines else spec.Isolation.PROCESS

    def code(self, task: spec.Task) -> str:
        """The hash of the task's code; empty for code from outside the project."""
        return self.codes.get(task.callable, "")


def plans(program: spec.Program) -> dict[str, DagPlan]:
    """The plans of all dags of a program, by dag id."""
    codes = {callable_.id: callable_.hash for callable_ in program.callables}
    sources = tuple(source.path for source in program.sources)
    pools = {pool.name: pool.slots for pool in program.pools}
    notifiers = {notifier.name: notifier for notifier in program.notifiers}
    coroutines = frozenset(each.id for each in program.callables if each.kind is spec.CallableKind.COROUTINE)
    return {
        dag.id: DagPlan(
            program.build,
            dag,
            {task.id: task for task in dag.tasks},
            codes,
            sources,
            pools,
            notifiers,
            coroutines,
        )
        for dag in program.dags
    }
