"""What takes its own time to start is started first: the process that workers come from loads beside the program.

So whoever asks for a task at once finds a worker as soon as the program is ready, and not a third of a second later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ppacer.cli.command import Invocation
from ppacer.services.zygote_process import ZygoteProcess, worker_command


def start(invocation: Invocation) -> int:
    _ = invocation.config  # which may be at fault
    with early_zygote(invocation) as zygote:
        from ppacer.cli import serve  # noqa: PLC0415 - what the zygote does not have to wait for

        return serve.start(invocation, zygote)


@contextmanager
def early_zygote(invocation: Invocation) -> Iterator[ZygoteProcess | None]:
    """A zygote for the program's executor, ended on leaving if that has not done so.

    None where it cannot be started: the executor tries again, and says why.
    """
    try:
        zygote = ZygoteProcess(worker_command(sys.executable, invocation.file))
    except OSError:
        yield None
        return
    try:
        yield zygote
    finally:
        zygote.end()
