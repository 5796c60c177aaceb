"""Which lines of the shipped code the simulated worlds run: counted with `sys.settrace`, over a few seeds."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import ppacer

_ROOT = Path(ppacer.__file__).parent
NOT_SIMULATED = (
    *("caller.py", "notifier.py", "ping.py", "zygote.py", "zygote_process.py", "errors.py"),
    *("worker.py", "worker_arguments.py", "worker_call.py", "worker_deliver.py", "worker_error.py"),
    *("worker_memory.py", "worker_outlet.py", "worker_preload.py", "worker_records.py", "worker_secrets.py"),
    *("worker_shared.py", "worker_streams.py", "worker_surroundings.py", "worker_tree.py", "worker_zygote.py"),
)
"""What runs within the processes that are simulated, and the little that needs a real network or a terminal."""


class Lines:
    """The lines that were run, by file."""

    def __init__(self) -> None:
        self.run: dict[str, set[int]] = {}

    def count(self, work: Callable[[], object]) -> None:
        """Runs the work, and remembers the lines of services and core that it came by."""
        sys.settrace(self._called)
        try:
            work()
        finally:
            sys.settrace(None)

    def _called(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        name = frame.f_code.co_filename
        if not name.startswith((f"{_ROOT}/services/", f"{_ROOT}/core/")):
            return None
        lines = self.run.setdefault(name, set())
        lines.add(frame.f_lineno)

        def went(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            lines.add(frame.f_lineno)
            return went

        return went

    def report(self) -> Iterator[tuple[str, int, int]]:
        """Each module, how many of its lines were run, and how many there are: those within functions."""
        for path in sorted((*_ROOT.glob("services/*.py"), *_ROOT.glob("core/*.py"))):
            if path.name in NOT_SIMULATED or path.name == "__init__.py":
                continue
            lines = set(_lines_of(compile(path.read_text(), str(path), "exec"), function=False))
            if lines:
                yield f"{path.parent.name}/{path.name}", len(lines & self.run.get(str(path), set())), len(lines)


def _lines_of(code: CodeType, *, function: bool) -> Iterator[int]:
    """The lines of the functions within a module or class, or of a function and those within it."""
    if function:
        yield from (line for _, line in dis.findlinestarts(code) if line is not None and line != code.co_firstlineno)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines_of(constant, function="__qualname__" not in constant.co_names)  # which classes set
