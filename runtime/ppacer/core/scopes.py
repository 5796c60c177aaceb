"""What the expressions of a task can see in its run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

from ppacer import spec
from ppacer.core import codec
from ppacer.core.evaluate import EvaluationError, NoValue, Scope, evaluate, run_values
from ppacer.core.families import MOST_MEMBERS, family_of
from ppacer.core.gist import gist
from ppacer.core.instants import zone
from ppacer.core.model import NoticeEvent, Run, RunStatus, TaskStatus
from ppacer.core.operators import kind
from ppacer.core.run_state import FamilyNode, Node, Phase, RunState, phase_of
from ppacer.records import replace

_KEPT_OUTPUTS = 64
"""How many decoded outputs are kept: the members of a family often take the same one."""


class Scopes:
    """Made once per run. `env` gives a variable of the environment that expressions are evaluated in, or raises
    `KeyError`."""

    def __init__(self, state: RunState, env: Callable[[str], str]) -> None:
        self._state = state
        self._env = env
        self._run: Mapping[spec.RunField, object] | None = None
        self._outputs: OrderedDict[str, object] = OrderedDict()
        self._params: Mapping[str, object] | None = None
        self._failed: tuple[int, list[dict[str, object]]] | None = None

    def of_task(self, node: Node, number: int) -> Scope:
        """What the task sees in its attempt of that number."""
        state = self._state
        run = self._values_of_run()
        if phase_of(node.task) is not Phase.TASKS and state.run.outcome is not None:
            ended = {spec.RunField.STATUS: state.run.outcome.value, spec.RunField.FAILED: self._failed_tasks()}
            run = {**run, **ended}
        return Scope(
            run=run,
            task={spec.TaskField.ID: node.shown, spec.TaskField.ATTEMPT: number},
            params=self._run_params(),
            variables=self._variables(node),
            output=self._output,
            outputs=self._family_outputs,
            output_at=lambda task: self._output_at(task, node.row.position),
            env=self._env,
            zone=zone(state.plan.dag.timezone),
        )

    def of_alert(self, node: Node, event: NoticeEvent, error: str | None) -> Scope:
        """What the message of an alert about the task sees."""
        scope = self.of_task(node, node.row.attempts)
        about = {spec.TaskField.EVENT: event.value, spec.TaskField.ERROR: _line(error)}
        return replace(scope, task={**scope.task, **about})

    def find_items(self, family: FamilyNode) -> tuple[list[object], str]:
        """Works out the elements of a family's list, and its JSON. Raises `EvaluationError` where there is none."""
        fan_out = family.task.fan_out
        assert fan_out is not None
        found = evaluate(fan_out.over, self.of_task(family, 1))
        if not isinstance(found, list | tuple):
            raise EvaluationError(f"the list of a family must be a list, found {kind(found)}", fan_out.over.at)
        if len(found) > MOST_MEMBERS:
            message = f"the list has {len(found)} elements; a family has at most {MOST_MEMBERS} members"
            raise EvaluationError(message, fan_out.over.at)
        try:
            return list(found), codec.encode(found)
        except codec.CodecError as fault:
            raise EvaluationError(f"the list of a family has no JSON form: {fault}", fan_out.over.at) from None

    def items(self, family: FamilyNode) -> list[object]:
        """The elements of an expanded family's list, as it was when that was done. Raises `NoValue`."""
        if family.items is None:
            if family.row.output is None:
                raise NoValue("its list is no longer kept: outputs are deleted after `keep_outputs_days`")
            items = codec.decode(family.row.output)
            if not isinstance(items, list):
                raise TypeError(f"run {self._state.run.id} has a family {family.task.id} whose list is none")
            family.items = items
        return family.items

    def _variables(self, node: Node) -> Mapping[str, object]:
        family = family_of(self._state, node)
        if family is None or node.task.fan_out is None:
            return {}
        return _Element(node.task.fan_out.variable, lambda: self.items(family)[node.row.position])

    def _values_of_run(self) -> Mapping[spec.RunField, object]:
        """What stays the same for all tasks of the run."""
        if self._run is None:
            self._run = run_values(self._state.run, self._state.plan.dag.timezone)
        return self._run

    def _run_params(self) -> Mapping[str, object]:
        if self._params is None:
            params = codec.decode(self._state.run.params)
            if not isinstance(params, dict):
                raise TypeError(f"run {self._state.run.id} has params that are no object")
            self._params = params
        return self._params

    def _failed_tasks(self) -> list[dict[str, object]]:
        """`run.failed`: the ordinary tasks that failed, in topological order. It is asked for when they have ended.

        A run fails through tasks that were cancelled too, one by itself or all by its time-out: so there is always one.
        """
        state = self._state
        if self._failed is None or self._failed[0] != state.run.epoch:
            failing = {TaskStatus.FAILED}
            if state.run.outcome is RunStatus.FAILED:
                failing.add(TaskStatus.CANCELLED)
            failed: list[dict[str, object]] = [
                {"id": node.shown, "error": _line(node.row.error or node.row.reason), "attempt": node.row.attempts}
                for node in state.all_nodes()
                if node.row.status in failing
                and phase_of(node.task) is Phase.TASKS
                and not (isinstance(node, FamilyNode) and node.members)
            ]
            self._failed = state.run.epoch, failed
        return self._failed[1]

    def _output(self, task_id: str) -> object:
        """What a task that succeeded returned; none for one that did not."""
        return self._value(self._state.nodes[task_id])

    def _family_outputs(self, task_id: str) -> object:
        family = self._state.nodes[task_id]
        members = family.members if isinstance(family, FamilyNode) else None
        return [self._value(member) for member in members or ()]

    def _output_at(self, task_id: str, position: int) -> object:
        member = self._state.node(task_id, position)
        return None if member is None else self._value(member)

    def _value(self, node: Node) -> object:
        row = node.row
        if row.status is not TaskStatus.SUCCESS:
            return None
        if row.output is None:
            raise NoValue("it is no longer kept: outputs are deleted after `keep_outputs_days`")
        kept = self._outputs
        if row.output not in kept:
            try:
                kept[row.output] = codec.decode(row.output)
            except codec.CodecError as fault:
                raise NoValue(f"what was reported cannot be read: {fault}") from None
            if len(kept) > _KEPT_OUTPUTS:
                kept.popitem(last=False)
        kept.move_to_end(row.output)
        return kept[row.output]


class _Element(Mapping[str, object]):
    """The loop variable of a family's member, looked up when it is asked for."""

    def __init__(self, name: str, value: Callable[[], object]) -> None:
        self._name = name
        self._value = value

    def __getitem__(self, name: str) -> object:
        if name != self._name:
            raise KeyError(name)
        return self._value()

    def __iter__(self) -> Iterator[str]:
        return iter((self._name,))

    def __len__(self) -> int:
        return 1


def default_env(name: str) -> str:
    """An environment without variables."""
    raise KeyError(name)


def run_scope(run: Run, timezone: str, env: Callable[[str], str]) -> Scope:
    """What is seen where there is a run but no task: in the defaults of params."""
    return Scope(run=run_values(run, timezone), env=env, zone=zone(timezone))


def _line(error: str | None) -> str | None:
    return None if error is None else gist(error)
