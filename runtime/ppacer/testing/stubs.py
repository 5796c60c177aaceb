"""What stands in for a task, or for a dag that is run by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from ppacer import spec
from ppacer.cli.command import similar
from ppacer.core import codec
from ppacer.core.durations import duration_of
from ppacer.testing.errors import PipelineError
from ppacer.testing.names import Name, Shown


@dataclass(frozen=True, slots=True)
class Fails:
    """`error` is what is raised, or the text of the error."""

    error: BaseException | str


@dataclass(frozen=True, slots=True)
class TimesOut: ...


@dataclass(frozen=True, slots=True)
class Lost: ...


@dataclass(frozen=True, slots=True)
class Cancelled: ...


@dataclass(frozen=True, slots=True)
class Real: ...


@dataclass(frozen=True, slots=True)
class InTurn:
    stubs: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Takes:
    duration: timedelta
    stub: object


DagStub: TypeAlias = Mapping[str, object] | Fails | None
"""The stubs of the dag's tasks; or how its runs end without being run: with an error or, for none, well."""


def fails(error: BaseException | str = "it fails because the test says so") -> Fails:
    """The attempt fails: with this exception, or with this text as its error."""
    return Fails(error)


def times_out() -> TimesOut:
    """The attempt takes all of its time-out, and is ended then."""
    return TimesOut()


def lost() -> Lost:
    """The executor of the attempt vanishes, and the attempt with it."""
    return Lost()


def cancelled() -> Cancelled:
    """Somebody cancels the task while it runs."""
    return Cancelled()


def real() -> Real:
    """The task's own callable runs, where a less exact name has a stub."""
    return Real()


def in_turn(*stubs: object) -> InTurn:
    """One stub for each attempt in turn; the last one is for all attempts that follow as well."""
    if not stubs:
        raise PipelineError("in_turn() needs a stub for the first attempt")
    return InTurn(stubs)


def takes(duration: timedelta | str, stub: object = None) -> Takes:
    """The attempt runs for so long on the fake clock (`"1h30m"`), and ends as the stub says; by itself it takes no time
    at all. If that is longer than its time-out, it times out."""
    return Takes(as_duration(duration, "takes"), stub)


def as_duration(given: timedelta | str, what: str) -> timedelta:
    """Raises `PipelineError` for what is no duration, or a negative one."""
    try:
        found = duration_of(given) if isinstance(given, str) else given
    except ValueError as fault:
        raise PipelineError(f"{what}: {fault}") from None
    if found < timedelta(0):
        raise PipelineError(f"{what}: {found} is negative")
    return found


class Stubs:
    """The stubs of one dag's tasks. `rest` is for tasks that no name stands for.

    Raises `PipelineError` for a name that stands for no task of the dag, and for an output that has no form in JSON.
    """

    def __init__(self, dag: spec.Dag, given: Mapping[str, object], rest: object) -> None:
        self._dag = dag
        self._rest = rest
        self._given = [(_named(dag, text), stub) for text, stub in given.items()]
        for name, stub in self._given:
            _check(name.text, stub)

    def find(self, task: Shown) -> object:
        """The stub of a task, by the name that says most about it; of two that say the same, by the later one."""
        found = [(name.exactness, at) for at, (name, _) in enumerate(self._given) if name.fits(task)]
        return self._given[max(found)[1]][1] if found else self._rest

    def check_members(self, expanded: Mapping[str, Sequence[Shown]]) -> None:
        """Raises `PipelineError` for a name that stands for a member of families, all of which have been expanded and
        turned out to have none such. `expanded` are the members of those that have been."""
        for name, _ in self._given:
            if name.is_open:
                continue
            meant = [task for task in self._dag.tasks if name.fits(_open(task))]
            if any(task.fan_out is None or task.id not in expanded or name.fits(Shown(task.id)) for task in meant):
                continue
            members = [member for task in meant for member in expanded[task.id]]
            if not any(map(name.fits, members)):
                has = f"its members are `{members[0].name}` to `{members[-1].name}`" if members else "it is empty"
                raise PipelineError(f"the stub of `{name.text}` stands for no member of the family: {has}")


def attempt_of(stub: object, number: int) -> tuple[object, timedelta]:
    """What a stub is in the attempt of that number, from 1: no `InTurn` or `Takes` any more, and how long it takes."""
    duration = timedelta(0)
    while isinstance(stub, InTurn | Takes):
        if isinstance(stub, InTurn):
            stub = stub.stubs[min(number, len(stub.stubs)) - 1]
        else:
            duration += stub.duration
            stub = stub.stub
    return stub, duration


def check_dag_stub(dags: Iterable[str], dag_id: str, stub: object) -> None:
    """Raises `PipelineError` for a stub that is none for a dag of the program, whose `dags` these are."""
    known = [*dags]
    if dag_id not in known:
        raise PipelineError(f"dags: there is no dag `{dag_id}`{similar(dag_id, known)}")
    if not isinstance(stub, Mapping | Fails | None):
        raise PipelineError(
            f"dags: the stub of dag {dag_id} is a mapping from its tasks to theirs, fails(…), or None for a run that "
            f"succeeds, and not {stub!r}"
        )


_PLAIN: Final = (Fails, TimesOut, Lost, Cancelled, Real)


def _named(dag: spec.Dag, text: str) -> Name:
    name = Name.parse(text)
    if name is None or not any(name.fits(_open(task)) for task in dag.tasks):
        ids = [task.id for task in dag.tasks]
        families = [task_id.partition("[")[0] for task_id in ids if task_id.endswith("]")]
        known = dict.fromkeys([*families, *ids, *(f"{group.id}.*" for group in dag.groups)])
        raise PipelineError(f"dag {dag.id} has no task `{text}`{similar(text, [*known])}")
    return name


def _open(task: spec.Task) -> Shown:
    return Shown(task.id, open=task.fan_out is not None)


def _check(name: str, stub: object) -> None:
    match stub:
        case InTurn(stubs=stubs):
            for each in stubs:
                _check(name, each)
        case Takes(stub=inner):
            _check(name, inner)
        case BaseException() | type() if not isinstance(stub, type) or issubclass(stub, BaseException):
            raise PipelineError(f"the stub of `{name}` is an exception: fails(…) has the task fail with it")
        case _ if isinstance(stub, _PLAIN) or callable(stub):
            return
        case _ if _holds_stub(stub):
            raise PipelineError(f"the stub of `{name}` is a value with stubs in it: in_turn(…) takes one per attempt")
        case _:
            try:
                codec.encode(stub)
            except codec.CodecError as fault:
                raise PipelineError(f"the stub of `{name}` is no output of a task: {fault}") from None


def _holds_stub(value: object) -> bool:
    match value:
        case list() | tuple():
            return any(map(_holds_stub, value))
        case dict():
            return any(map(_holds_stub, value.values()))
        case _:
            return isinstance(value, (*_PLAIN, InTurn, Takes))
