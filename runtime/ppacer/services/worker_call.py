"""One call of a task's callable: load it, put its arguments together, run it, encode what it returns."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from ppacer.context import SPAN, Cancellation, Outlet, TaskCancelled, TaskContext, make_context
from ppacer.core import codec
from ppacer.core.model import ErrorKind
from ppacer.core.trace_ids import TRACEPARENT
from ppacer.deferral import Deferred
from ppacer.protocol import Assignment, Deferral, Outcome
from ppacer.services.worker_arguments import ArgumentError, context_parameter, rebuild_arguments
from ppacer.services.worker_error import describe, shorten
from ppacer.services.worker_frames import Message
from ppacer.services.worker_mask import Mask
from ppacer.services.worker_memory import size_text
from ppacer.services.worker_requests import request
from ppacer.services.worker_secrets import LookupFailedError, NoSecretError
from ppacer.services.worker_surroundings import Surroundings

MAX_OUTPUT = 1024 * 1024
"""The longest output, as JSON, in bytes: it is kept in the database and sent with every argument that uses it. A state
that a deferred task leaves behind may be as long."""


class Host(Protocol):
    """What a call needs of the worker that it runs in."""

    assignment: Assignment
    callables: Mapping[str, Callable[[], object]]
    home: str
    surroundings: Surroundings
    cancellation: Cancellation

    @property
    def outlet(self) -> Outlet: ...

    def enter(self, variables: Mapping[str, str | None], folder: Path | None) -> None:
        """Gives the process the task's variables and folder; one that other tasks share has no variables of a task."""
        ...

    def interruptible(self) -> None:
        """From now on a stop raises `TaskCancelled` here, where that can be done; at once if it has come already."""
        ...

    def arm(self, on_stop: Callable[[], object]) -> None:
        """From now on a stop calls `on_stop`; at once if it has come already."""
        ...

    def disarm(self) -> None:
        """The task's own code is done: a stop does nothing any more, and no limit holds."""
        ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended. `fit` tells whether the process may run another one."""

    outcome: Outcome
    output: str | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None
    deferral: Deferral | None = None
    fit: bool = True

    @staticmethod
    def failed(kind: ErrorKind, error: str, *, fit: bool = True) -> Ending:
        return Ending(Outcome.FAILED, error_kind=kind, error=error, fit=fit)

    @staticmethod
    def cancelled() -> Ending:
        text = "the task was told to stop"
        return Ending(Outcome.CANCELLED, error_kind=ErrorKind.CANCELLED, error=text, fit=False)

    def message(self, assignment: Assignment, mask: Mask) -> Message:
        """What the executor is told, secrets hidden."""
        error, deferral = self.error, None
        if error is not None:
            error = f"{shorten(mask.text(error))}\n{assignment.where}"
        if self.deferral is not None:
            deferral = asdict(self.deferral)
            for values in (deferral, deferral["run"] or {}):
                values |= {name: mask.json(values[name]) for name in ("state", "output", "params") if values.get(name)}
        return {
            "outcome": self.outcome,
            "output": None if self.output is None else mask.json(self.output),
            "error_kind": self.error_kind,
            "error": error,
            "deferral": deferral,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """A callable that has been loaded, and its arguments."""

    host: Host
    target: Callable[..., object]
    args: list[object]
    kwargs: dict[str, object]
    context: TaskContext

    @property
    def is_async(self) -> bool:
        """Whether it is known to be a coroutine."""
        return any(map(inspect.iscoroutinefunction, (self.target, self._made_call())))

    def run(self) -> Ending:
        """Runs it in this thread. What the task may raise becomes an `Ending`; `TaskCancelled` may come out late."""
        try:
            value = self._invoke()
            if inspect.isawaitable(value):
                value = _await(value, self.host)
            self.host.disarm()
        except BaseException as fault:
            self.host.disarm()
            return _judge(fault, self.host)
        return _encode(value)

    async def run_here(self) -> Ending:
        """Runs it in the asyncio task that awaits this."""
        import asyncio  # noqa: PLC0415 - a third of what a worker takes to start, and most tasks are plain functions

        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        try:
            self.host.arm(lambda: loop.call_soon_threadsafe(task.cancel))
            value = self._invoke()
            if inspect.isawaitable(value):
                value = await value
            self.host.disarm()
        except BaseException as fault:
            self.host.disarm()
            return _judge(fault, self.host)
        return _encode(value)

    def _made_call(self) -> object:
        owner = self.target if inspect.isclass(self.target) else type(self.target)
        return getattr(owner, "__call__", None)  # noqa: B004 (the function is wanted, not whether there is one)

    def _invoke(self) -> object:
        made = self.target(*self.args, **self.kwargs)
        if not inspect.isclass(self.target):
            return made
        if not callable(made):
            name = self.target.__qualname__
            raise TypeError(f"objects of class {name} cannot be called: the class has no __call__ method")
        parameter = context_parameter(made)
        if parameter is not None:
            return made(**{parameter: self.context})
        return made(self.context) if _needs_one_argument(made) else made()


def prepare(host: Host) -> Call | Ending:
    """The call of the host's attempt, ready to be run; or how the attempt ended before that."""
    assignment = host.assignment
    try:
        host.interruptible()
        variables, folder = host.surroundings.variables(assignment), host.surroundings.folder(assignment, host.home)
        host.enter(variables, folder)
        span = variables.get(TRACEPARENT)
        SPAN.set(span)
    except TaskCancelled:
        return Ending.cancelled()
    except Exception as fault:
        return _misfit(fault)
    try:
        load = request(assignment.callable, host.callables) or host.callables.get(assignment.callable)
        if load is None:
            return Ending.failed(ErrorKind.IMPORT, f"this program has no callable {assignment.callable}")
        target = load()
    except TaskCancelled:
        return Ending.cancelled()
    except BaseException as fault:
        host.disarm()
        return _out_of_memory(fault, host) or Ending.failed(ErrorKind.IMPORT, describe(fault), fit=False)
    if not callable(target):
        return Ending.failed(ErrorKind.IMPORT, f"{assignment.callable} is not callable")
    try:
        context = make_context(assignment, host.cancellation, host.outlet, span)
        args, kwargs = rebuild_arguments(target, assignment.args, assignment.kwargs, context, host.surroundings.value)
    except TaskCancelled:
        return Ending.cancelled()
    except Exception as fault:
        host.disarm()
        return _out_of_memory(fault, host) or _misfit(fault)
    return Call(host, target, args, kwargs, context)


def _misfit(fault: Exception) -> Ending:
    match fault:
        case LookupFailedError():
            return Ending.failed(ErrorKind.EXCEPTION, str(fault))
        case ArgumentError() | NoSecretError():
            return Ending.failed(ErrorKind.ARGUMENTS, str(fault))
        case _:
            return Ending.failed(ErrorKind.ARGUMENTS, describe(fault))


def _judge(fault: BaseException, host: Host) -> Ending:
    """The ending of a call that raised."""
    match fault:
        case TaskCancelled() | Deferred() if host.cancellation:
            return Ending.cancelled()
        case _ if host.cancellation and _is_asyncios(fault):
            return Ending.cancelled()
        case Deferred():
            return _deferred(fault)
        case SystemExit():
            text = f"the task called sys.exit({'' if fault.code is None else repr(fault.code)})"
            return Ending.failed(ErrorKind.EXITED, text, fit=False)
        case _:
            return _out_of_memory(fault, host) or Ending.failed(ErrorKind.EXCEPTION, describe(fault))


def _is_asyncios(fault: BaseException) -> bool:
    """Whether it is asyncio's way of telling a task to stop."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(fault, asyncio.CancelledError)


def _out_of_memory(fault: BaseException, host: Host) -> Ending | None:
    if not isinstance(fault, MemoryError):
        return None
    limit = host.assignment.memory
    cause = "memory ran out" if limit is None else f"the task took more than its memory of {size_text(limit)}"
    return Ending.failed(ErrorKind.MEMORY, f"{cause}:\n{describe(fault)}", fit=False)


def _deferred(wait: Deferred) -> Ending:
    deferral = wait.deferral(time.time_ns() // 1000)
    params = "" if deferral.run is None else deferral.run.params
    for what, text in (("state", deferral.state), ("output", deferral.output), ("run's params", params)):
        if text is not None and len(text) > MAX_OUTPUT:
            return Ending.failed(ErrorKind.OUTPUT, f"the task's {what} {_too_long(text)}")
    return Ending(Outcome.DEFERRED, deferral=deferral)


def _needs_one_argument(made: Callable[..., object]) -> bool:
    try:
        parameters = inspect.signature(made).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in positional and one.default is one.empty for one in parameters) == 1


def _await(value: Awaitable[object], host: Host) -> object:
    import asyncio  # noqa: PLC0415 - see `Call.run_here`

    async def main() -> object:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        host.arm(lambda: loop.call_soon_threadsafe(task.cancel))
        return await value

    with asyncio.Runner() as runner:
        return runner.run(main())


def _encode(value: object) -> Ending:
    try:
        output = codec.encode(value)
    except codec.CodecError as fault:
        return Ending.failed(ErrorKind.OUTPUT, f"the task's output cannot be stored: {fault}")
    except Exception as fault:
        return Ending.failed(ErrorKind.OUTPUT, f"the task's output cannot be stored: {describe(fault)}")
    if len(output) > MAX_OUTPUT:
        return Ending.failed(ErrorKind.OUTPUT, f"the task's output {_too_long(output)}")
    return Ending(Outcome.SUCCESS, output=output)


def _too_long(text: str) -> str:
    return (
        f"is {len(text)} bytes of JSON, more than the {MAX_OUTPUT} that can be stored: "
        f"write it to a file and return the path"
    )
