"""One call of a task's callable: load it, put its arguments together, run it, encode what it returns."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ppacer.context import Cancellation, TaskCancelled, TaskContext, make_context
from ppacer.core import codec
from ppacer.core.model import ErrorKind
from ppacer.protocol import Assignment, Outcome
from ppacer.services.worker_arguments import ArgumentError, context_parameter, rebuild_arguments
from ppacer.services.worker_error import describe
from ppacer.services.worker_requests import request

MAX_OUTPUT = 1024 * 1024
"""The longest output, as JSON, in bytes: it is kept in the database and sent with every argument that uses it."""


class StopSignal(Protocol):
    """How a call hears that it has to stop: see `worker`."""

    cancellation: Cancellation

    def arm(self, on_stop: Callable[[], object]) -> None: ...

    def disarm(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended. `fit` tells whether the process may run another one."""

    outcome: Outcome
    output: str | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None
    fit: bool = True

    @staticmethod
    def failed(kind: ErrorKind, error: str, where: str, *, fit: bool = True) -> Ending:
        return Ending(Outcome.FAILED, error_kind=kind, error=f"{error}\n{where}", fit=fit)

    @staticmethod
    def cancelled(where: str) -> Ending:
        text = f"the task was told to stop\n{where}"
        return Ending(Outcome.CANCELLED, error_kind=ErrorKind.CANCELLED, error=text, fit=False)


def call(assignment: Assignment, callables: Mapping[str, Callable[[], object]], stop: StopSignal) -> Ending:
    """Runs an attempt. Everything that the task may raise becomes an `Ending`; `TaskCancelled` may come out late."""
    where = assignment.where
    try:
        stop.arm(_interrupt)
        load = request(assignment.callable, callables) or callables.get(assignment.callable)
        if load is None:
            return Ending.failed(ErrorKind.IMPORT, f"this program has no callable {assignment.callable}", where)
        target = load()
    except TaskCancelled:
        return Ending.cancelled(where)
    except BaseException as fault:
        stop.disarm()
        return Ending.failed(ErrorKind.IMPORT, describe(fault), where, fit=False)
    if not callable(target):
        return Ending.failed(ErrorKind.IMPORT, f"{assignment.callable} is not callable", where)
    try:
        context = make_context(
            assignment.run, assignment.task, assignment.position, assignment.number, stop.cancellation
        )
        args, kwargs = rebuild_arguments(target, assignment.args, assignment.kwargs, context)
    except ArgumentError as fault:
        return Ending.failed(ErrorKind.ARGUMENTS, str(fault), where)
    except Exception as fault:
        return Ending.failed(ErrorKind.ARGUMENTS, describe(fault), where)
    return _run(lambda: _invoke(target, args, kwargs, context), stop, where)


def _run(invoke: Callable[[], object], stop: StopSignal, where: str) -> Ending:
    try:
        value = invoke()
        if inspect.isawaitable(value):
            value = _await(value, stop)
        stop.disarm()
    except (TaskCancelled, asyncio.CancelledError) as fault:
        stop.disarm()
        if stop.cancellation:
            return Ending.cancelled(where)
        return Ending.failed(ErrorKind.EXCEPTION, describe(fault), where)
    except SystemExit as fault:
        stop.disarm()
        text = f"the task called sys.exit({'' if fault.code is None else repr(fault.code)})"
        return Ending.failed(ErrorKind.EXITED, text, where, fit=False)
    except BaseException as fault:
        stop.disarm()
        return Ending.failed(ErrorKind.EXCEPTION, describe(fault), where)
    return _encode(value, where)


def _invoke(
    target: Callable[..., object], args: list[object], kwargs: dict[str, object], context: TaskContext
) -> object:
    made = target(*args, **kwargs)
    if not inspect.isclass(target):
        return made
    if not callable(made):
        raise TypeError(f"objects of class {target.__qualname__} cannot be called: the class has no __call__ method")
    name = context_parameter(made)
    if name is not None:
        return made(**{name: context})
    return made(context) if _needs_one_argument(made) else made()


def _needs_one_argument(made: Callable[..., object]) -> bool:
    try:
        parameters = inspect.signature(made).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in positional and one.default is one.empty for one in parameters) == 1


def _await(value: Awaitable[object], stop: StopSignal) -> object:
    async def main() -> object:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        stop.arm(lambda: loop.call_soon_threadsafe(task.cancel))
        return await value

    with asyncio.Runner() as runner:
        return runner.run(main())


def _interrupt() -> None:
    raise TaskCancelled("the task was told to stop")


def _encode(value: object, where: str) -> Ending:
    try:
        output = codec.encode(value)
    except codec.CodecError as fault:
        return Ending.failed(ErrorKind.OUTPUT, f"the task's output cannot be stored: {fault}", where)
    except Exception as fault:
        return Ending.failed(ErrorKind.OUTPUT, f"the task's output cannot be stored: {describe(fault)}", where)
    if len(output) > MAX_OUTPUT:
        text = f"the task's output is {len(output)} bytes of JSON, more than the {MAX_OUTPUT} that can be stored"
        return Ending.failed(ErrorKind.OUTPUT, f"{text}: write it to a file and return the path", where)
    return Ending(Outcome.SUCCESS, output=output)
