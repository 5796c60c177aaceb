"""One attempt in this process: what a worker does with it, and what an executor would report.

The arguments are rebuilt, outputs encoded, errors told and secrets hidden by the workers' own code. What a task finds
around it is its own for the time of the call: its environment, its folder, `sys.path`, the standard outputs, `logging`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from ppacer.context import Cancellation
from ppacer.core import codec
from ppacer.core.instants import microseconds
from ppacer.core.model import ErrorKind
from ppacer.deferral import Deferred, defer
from ppacer.protocol import Assignment, LogEntry, Outcome, Report, TaskNotice
from ppacer.services.worker_arguments import ArgumentError
from ppacer.services.worker_call import Call, Ending, prepare
from ppacer.services.worker_error import describe
from ppacer.services.worker_frames import Message
from ppacer.services.worker_judge import Judge, StopReason
from ppacer.services.worker_log import ERROR, LOG_LIMIT, AttemptOutput
from ppacer.services.worker_mask import Mask
from ppacer.services.worker_outlet import AttemptOutlet
from ppacer.services.worker_process import Finished, Gone
from ppacer.services.worker_records import capture_logging
from ppacer.services.worker_secrets import NoSecretError, Secrets
from ppacer.services.worker_streams import Outputs
from ppacer.services.worker_surroundings import Surroundings
from ppacer.tasks import builtin
from ppacer.testing.errors import PipelineError
from ppacer.testing.stubs import Cancelled, Fails, Lost, Real, TimesOut

UNKNOWN: Final = "<unknown>"
"""What stands in the arguments of a stubbed task for an `env(…)` or `secret(…)` that the test does not give."""

SLEEP: Final = "ppacer.tasks.builtin:sleep"
"""The callable in whose place `sleep` stands."""

Loader: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Place:
    """Where tasks run: the program's callables and search path, the folder of its file, the environment and secrets."""

    callables: Mapping[str, Loader]
    search_path: Sequence[str]
    home: str
    environment: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Done:
    """An attempt that has been made: its report, with the fake clock's times, what it has written and wants told."""

    report: Report
    log: tuple[LogEntry, ...]
    notices: tuple[TaskNotice, ...]


def perform(assignment: Assignment, stub: object, place: Place, now: int, duration: timedelta) -> Done:
    """Makes an attempt that takes `duration` from the instant `now` on, unless that is more than it may take.

    Raises `PipelineError`, and what ends the test and not the task: `KeyboardInterrupt`, `pytest.fail(…)`,
    `pytest.skip(…)`.
    """
    attempt = _Attempt(assignment, place, now)
    report, took = attempt.report(stub), microseconds(duration)
    if assignment.time_left is not None:
        left = round(assignment.time_left * 1_000_000)
        if took > left or report.outcome is Outcome.TIMED_OUT:
            report, took = attempt.timed_out(), left
    report = replace(report, started_at=now, finished_at=now + took)
    return Done(report, attempt.log(report), tuple(attempt.notices))


def arguments(assignment: Assignment, place: Place) -> tuple[tuple[object, ...], dict[str, object]]:
    """The arguments that a task is called with, as the scheduler works them out, before they are rebuilt."""
    surroundings = Surroundings(place.environment, GivenSecrets(place.secrets), lambda _: None)

    def value(of: object) -> object:
        try:
            return surroundings.value(of)
        except (ArgumentError, NoSecretError):
            return UNKNOWN

    args, kwargs = codec.decode(assignment.args), codec.decode(assignment.kwargs)
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)
    return tuple(map(value, args)), {name: value(each) for name, each in kwargs.items()}


def sleep(duration: timedelta | float) -> None:
    """The built-in task `sleep`, which really waits where that is short; here only the fake clock goes on."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if 0 < seconds < _SHORT:
        defer(timedelta(seconds=seconds))
    builtin.sleep(duration)


class GivenSecrets(Secrets):
    """Those that a test gives, and no others: it shall not happen on real ones."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def find(self, name: str) -> str:
        if name not in self._given:
            raise NoSecretError(f'there is no secret "{name}": the test gives none of that name (`secrets`)')
        return self._given[name]


class _StubSurroundings(Surroundings):
    """What is around a callable that stands in for a task: it needs no secrets, variables or folders."""

    def value(self, value: object) -> object:
        try:
            return super().value(value)
        except (ArgumentError, NoSecretError):
            return UNKNOWN

    def folder(self, assignment: Assignment, home: str) -> Path | None:
        try:
            return super().folder(assignment, home)
        except ArgumentError:
            return None


class _Attempt:
    """The host of one call, and what comes of it."""

    def __init__(self, assignment: Assignment, place: Place, now: int) -> None:
        self.assignment = assignment
        self.callables = place.callables
        self.home = place.home
        self.cancellation = Cancellation()
        self.surroundings = Surroundings(place.environment, GivenSecrets(place.secrets), self._disclose)
        self.outlet = AttemptOutlet(self)
        self.mask = Mask()
        self.notices: list[TaskNotice] = []
        self._place = place
        self._now = now
        self._clock = now
        self._judge = Judge(assignment)
        self._output = AttemptOutput(lambda: None, lambda: self._clock, part=assignment.part)
        self._spill = _Spill(self._output.write)
        self._raised: BaseException | None = None
        self._handled: BaseException | None = None

    def report(self, stub: object) -> Report:
        """Does what the stub says. The times of the report are the real clock's."""
        match stub:
            case TimesOut():
                if self.assignment.timeout is None:
                    raise PipelineError(f"times_out(): there is no time-out: {self.assignment.where}")
                return self.timed_out()
            case Lost():
                return self._judge.lost("its executor has vanished: the test says so")
            case Cancelled():
                return self._judge.report(Gone(None), StopReason.CANCELLED)
            case Fails(error=str(text)):
                ending = Ending.failed(ErrorKind.EXCEPTION, text)
            case Fails(error=error):
                assert isinstance(error, BaseException)
                ending = Ending.failed(ErrorKind.EXCEPTION, describe(error))
            case Real():
                ending = self._call()
            case _ if callable(stub):
                self.callables = {self.assignment.callable: lambda: stub}
                secrets = GivenSecrets(self._place.secrets)
                self.surroundings = _StubSurroundings(self._place.environment, secrets, self._disclose)
                ending = self._call()
            case _:
                ending = Ending(Outcome.SUCCESS, output=codec.encode(stub))
        return self._judge.report(Finished(ending.message(self.assignment, self.mask)), None)

    def timed_out(self) -> Report:
        return self._judge.report(Gone(None), StopReason.TIMED_OUT)

    def log(self, report: Report) -> tuple[LogEntry, ...]:
        """All that was written, and how it ended, as an executor delivers it."""
        self._clock = report.finished_at
        if report.error is not None:
            self._output.system(ERROR, report.error)
        else:
            self._output.flush()
        return self._output.take(2 * LOG_LIMIT)

    # --- what a call needs of its worker -----------------------------------------------------------------------------

    def enter(self, variables: Mapping[str, str | None], folder: Path | None) -> None:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if folder is not None:
            os.chdir(folder)

    def interruptible(self) -> None:
        """Nothing stops a call here."""

    def arm(self, on_stop: Callable[[], object]) -> None:
        """Nothing stops a call here."""

    def disarm(self) -> None:
        """The call is over. It is told so while what the task has raised, if anything, is being handled."""
        raised = sys.exc_info()[1]
        if raised is not self._handled:
            self._raised = raised

    def tell(self, message: Message) -> None:
        """Takes a record of `logging`, or what the task wants people to be told."""
        match message:
            case {"log": str(text), "level": int(level), "logger": str(logger), "attributes": str(attributes)}:
                self._spill.drain()
                self._output.record(level, logger, text, attributes, self._now)
            case {"notice": str(text), "subject": str(subject), "to": str() | None as notifier}:
                of, seq = self.assignment, len(self.notices) + 1
                self.notices.append(TaskNotice(of.attempt, of.token, seq, text, subject, notifier))

    # --- details -----------------------------------------------------------------------------------------------------

    def _call(self) -> Ending:
        self._handled = sys.exc_info()[1]
        with self._entered():
            call = prepare(self)
            ending = call.run() if isinstance(call, Call) else call
        raised = self._raised
        if raised is not None and _ends_the_test(raised):
            raise raised
        if isinstance(raised, Deferred) and ending.deferral is not None:
            # A time from now on is meant from now on the fake clock.
            deferral = replace(ending.deferral, until=raised.deferral(self._now).until)
            ending = replace(ending, deferral=deferral)
        return ending

    @contextlib.contextmanager
    def _entered(self) -> Iterator[None]:
        place = self._place
        outputs = Outputs(self._wrote)
        with contextlib.ExitStack() as stack:
            stack.enter_context(own_process(place.environment, place.search_path, place.home))
            stack.enter_context(self._spill)
            stack.enter_context(contextlib.redirect_stdout(outputs.stream("stdout")))
            stack.enter_context(contextlib.redirect_stderr(outputs.stream("stderr")))
            stack.enter_context(_own_logging(self))
            if self.assignment.callable.startswith(_BUILT_IN):
                stack.enter_context(_fake_time(self._now))
            stack.callback(outputs.end)
            yield

    def _wrote(self, stream: str, data: bytes) -> None:
        self._spill.drain()
        self._output.write(stream, data)

    def _disclose(self, secret: str) -> None:
        self.mask = self._output.mask = Mask(self.mask.secrets | {secret})


class _Spill:
    """What goes to the descriptors 1 and 2 past Python's own outputs: that of subprocesses, for one."""

    def __init__(self, write: Callable[[str, bytes], None]) -> None:
        self._write = write
        self._files: dict[str, BinaryIO] = {}
        self._read: dict[str, int] = {}
        self._kept: list[int] = []

    def __enter__(self) -> None:
        for name, descriptor in _DESCRIPTORS.items():
            file = self._files[name] = tempfile.TemporaryFile()
            self._read[name] = 0
            self._kept.append(os.dup(descriptor))
            os.dup2(file.fileno(), descriptor)

    def __exit__(self, *_: object) -> None:
        for kept, descriptor in zip(self._kept, _DESCRIPTORS.values(), strict=True):
            os.dup2(kept, descriptor)
            os.close(kept)
        self.drain()
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._kept.clear()

    def drain(self) -> None:
        """Passes on what has come since."""
        for name, file in self._files.items():
            while data := os.pread(file.fileno(), _CHUNK, self._read[name]):
                self._read[name] += len(data)
                self._write(name, data)


@contextlib.contextmanager
def own_process(environment: Mapping[str, str], search_path: Sequence[str], home: str) -> Iterator[None]:
    """Environment, folder and `sys.path` as a worker's, put back afterwards."""
    variables, path, folder = dict(os.environ), sys.path[:], Path.cwd()
    try:
        _set_environment(environment)
        sys.path[:0] = search_path
        os.chdir(home)
        yield
    finally:
        _set_environment(variables)
        sys.path[:] = path
        os.chdir(folder)


def _set_environment(variables: Mapping[str, str]) -> None:
    if os.environ != variables:
        os.environ.clear()
        os.environ.update(variables)


@contextlib.contextmanager
def _own_logging(attempt: _Attempt) -> Iterator[None]:
    """Records go into the attempt's log, beside where else they go, from the level on that workers have."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.setLevel(logging.INFO)
    capture_logging(lambda: attempt)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@contextlib.contextmanager
def _fake_time(now: int) -> Iterator[None]:
    """The built-in tasks that wait ask for the time; theirs is the fake clock's. Nobody else's is."""
    kept = time.time_ns
    time.time_ns = lambda: now * 1000
    try:
        yield
    finally:
        time.time_ns = kept


def _ends_the_test(raised: BaseException) -> bool:
    pytest = sys.modules.get("pytest")
    outcomes = () if pytest is None else (pytest.fail.Exception, pytest.skip.Exception)
    return isinstance(raised, (KeyboardInterrupt, *outcomes))


_BUILT_IN: Final = "ppacer.tasks."
_DESCRIPTORS: Final = {"stdout": 1, "stderr": 2}
_CHUNK: Final = 65536
_SHORT: Final = 1.0
"""Seconds: a wait that is as long defers by itself."""
