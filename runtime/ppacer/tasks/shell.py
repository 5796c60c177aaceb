"""The built-in tasks `shell` and `script`: a process whose outputs go to the task's log as they come."""

from __future__ import annotations

import codecs
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, overload

from ppacer.context import SPAN, TaskCancelled
from ppacer.core.operators import text
from ppacer.core.trace_ids import TRACEPARENT
from ppacer.own_program import script_command

Argument: TypeAlias = str | int | float | Decimal | date | timedelta | Path
"""What can be passed to a script: it has one form as a text."""

_SH = "/bin/sh"
_CHUNK = 65536
_POLL_SECONDS = None if hasattr(os, "pidfd_open") else 0.05
_MAX_ROUNDS_AFTER_END = 8
"""Enough to empty both pipes once the process has ended, while one that it left behind may go on writing."""

_TAIL_LINES = 20
_MAX_LINE = 65536
_MAX_JSON = 4 * 1024 * 1024


class ProcessError(Exception):
    """A command or script that failed, or whose output is not what was asked for; a script that is not there.

    The message of a failure ends with the tail of stderr.
    """


@overload
def shell(command: str, *, output: Literal["line", "json"] = "line", pipefail: bool = False) -> object: ...


@overload
def shell(command: str, *, output: Literal["none"], pipefail: bool = False) -> None: ...


def shell(command: str, *, output: Literal["line", "json", "none"] = "line", pipefail: bool = False) -> object:
    """Runs a command with `/bin/sh -c`, its stdout and stderr going to the task's log as they come.

    The task's output is the last line of stdout that is not blank (`line`, none if there is no such line), all of
    stdout read as JSON (`json`), or none. An exit code other than 0 fails the task. Processes that the command leaves
    behind are ended with the task.

    The status of a pipe is that of its last command; with `pipefail` that of the last one that failed. Where `/bin/sh`
    lacks that option (as Debian's dash did until 2025), `bash` runs the command.
    """
    options = [*pipefail_shell(), "-o", "pipefail"] if pipefail else [_SH]
    return _run([*options, "-c", command], "the command", output)


@cache
def pipefail_shell() -> tuple[str, ...]:
    """A shell that knows the option. Raises `ProcessError` where there is none."""
    asked = subprocess.run([_SH, "-o", "pipefail", "-c", ":"], capture_output=True, check=False)
    if asked.returncode == 0:
        return (_SH,)
    bash = shutil.which("bash")
    if bash is None:
        raise ProcessError("`pipefail` needs a /bin/sh that knows it, or bash; here is neither: install bash")
    return (bash, "--posix")


@overload
def script(path: Path, *args: Argument, output: Literal["line", "json"] = "line") -> object: ...


@overload
def script(path: Path, *args: Argument, output: Literal["none"]) -> None: ...


def script(path: Path, *args: Argument, output: Literal["line", "json", "none"] = "line") -> object:
    """Runs a Python file in a process of its own, with the Python that runs the program, and with the modules that a
    program in one file carries; the rest is as with `shell`.

    A relative path is looked for in the task's folder, then in the program's. The arguments are passed as texts, as an
    f-string shows them.
    """
    file = _found(path)
    command = [*script_command(file), *map(text, args)]
    return _run(command, f"the script {path}", output)


def _found(path: Path) -> Path:
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = [Path.cwd()]
    if program is not None and Path(program).absolute().parent not in folders:
        folders.append(Path(program).absolute().parent)
    for folder in folders:
        file = folder / path
        if file.is_file():
            return file
        if file.is_dir():
            raise ProcessError(f"{path} is a folder, not a Python file")
    where = " nor in ".join(map(str, folders))
    if path.is_absolute():
        raise ProcessError(f"there is no script {path}")
    raise ProcessError(f"there is no script {path}{', neither' if len(folders) > 1 else ''} in {where}")


def _run(command: Sequence[str], what: str, output: Literal["line", "json", "none"]) -> object:
    if output not in ("line", "json", "none"):
        raise ValueError(f'output is one of "line", "json" and "none", not {output!r}')
    stdout, stderr = _Lines(), _Lines()
    document = bytearray()
    sys.stdout.flush()
    sys.stderr.flush()
    span = SPAN.get()  # a process that several tasks share has none of theirs in its environment
    environment = None if span is None else os.environ | {TRACEPARENT: span}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, bufsize=0, env=environment
    ) as process:
        try:
            for target, chunk in _stream(process):
                (stdout if target == 1 else stderr).feed(chunk)
                if output == "json" and target == 1 and len(document) <= _MAX_JSON:
                    document += chunk
        except TaskCancelled:
            # The process got the same SIGTERM, and may say something while it tidies up: without a reader that would
            # kill it.
            for _ in _stream(process):
                pass
            raise
        code = process.returncode
    if code != 0:
        raise ProcessError(_failure(what, code, stderr.tail()))
    if output == "json":
        return _json(bytes(document))
    return stdout.last() if output == "line" else None


class _Lines:
    """The last lines of a stream of bytes, however long the stream and its lines are."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)

    def feed(self, chunk: bytes) -> None:
        *lines, rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        self._lines.extend(line[-_MAX_LINE:].removesuffix("\r") for line in lines if line.strip())
        self._rest = rest[-_MAX_LINE:]

    def tail(self) -> list[str]:
        return [*self._lines, self._rest] if self._rest.strip() else list(self._lines)

    def last(self) -> str | None:
        lines = self.tail()
        return lines[-1] if lines else None


def _stream(process: subprocess.Popen[bytes]) -> Iterator[tuple[int, bytes]]:
    """What the process writes, passed on to this process's own outputs; ends with the process.

    A process that it left in the background may keep the pipes open for ever, so their end is not waited for.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    with selectors.DefaultSelector() as selector, _ended(process, selector):
        for target, pipe in ((1, process.stdout), (2, process.stderr)):
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, target)
        rounds_after_end = 0
        while rounds_after_end < _MAX_ROUNDS_AFTER_END:
            ended = process.poll() is not None
            rounds_after_end += ended
            came = False
            for key, _ in selector.select(0 if ended else _POLL_SECONDS):
                if key.data is None:
                    continue
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                came = True
                _write(key.data, chunk)
                yield key.data, chunk
            if ended and not came:
                return


@contextmanager
def _ended(process: subprocess.Popen[bytes], selector: selectors.BaseSelector) -> Iterator[None]:
    """Has the selector wake at the end of the process, where the platform can tell; elsewhere it wakes now and then."""
    if not hasattr(os, "pidfd_open"):
        yield
        return
    handle = os.pidfd_open(process.pid)
    try:
        selector.register(handle, selectors.EVENT_READ, None)
        yield
    finally:
        os.close(handle)


def _write(target: int, chunk: bytes) -> None:
    """To this task's own output, which the descriptor is not where several tasks share a process."""
    output = (sys.stdout if target == 1 else sys.stderr).buffer
    output.write(chunk)
    output.flush()


def _failure(what: str, code: int, tail: list[str]) -> str:
    if code < 0:
        try:
            cause = f"{what} was killed by {signal.Signals(-code).name}"
        except ValueError:
            cause = f"{what} was killed by signal {-code}"
    else:
        cause = f"{what} ended with exit code {code}"
    return cause if not tail else f"{cause}; the end of its stderr:\n" + "\n".join(f"  {line}" for line in tail)


def _json(document: bytes) -> object:
    if len(document) > _MAX_JSON:
        raise ProcessError(f"stdout is larger than {_MAX_JSON // 2**20} MiB: too large to be an output")
    try:
        value: object = json.loads(document)
    except ValueError as fault:
        raise ProcessError(f"stdout is not JSON: {fault}") from None
    return value
