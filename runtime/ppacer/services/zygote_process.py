"""The process that an executor's workers come from, started: ahead of the rest of the program, if that is wanted."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from ppacer import own_program
from ppacer.services import worker_tree

_END_SECONDS = 10.0


class ZygoteProcess:
    """A zygote that runs. Whoever closes the `channel` to it ends it, with all that descends from it.

    `cookie` is in the environment of all these. Raises `OSError` where no process can be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.cookie = uuid.uuid4().hex
        self.channel, far = socket.socketpair()
        with far:
            try:
                self.popen = subprocess.Popen(
                    [*command, str(far.fileno())],
                    pass_fds=(far.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=_environment(self.cookie),
                    start_new_session=True,
                )
            except OSError:
                self.channel.close()
                raise

    def end(self) -> None:
        """Ends it, if nobody has done so, and waits for that. For one that was never asked for a worker."""
        self.channel.close()
        try:
            self.popen.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def worker_command(python: str, file: Path) -> list[str]:
    """The command that runs a program's zygote."""
    return [*own_program.command(python, file), "_worker"]


def _environment(cookie: str) -> dict[str, str]:
    """The program's own settings stay here: tokens and the database's address are not the tasks' business."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PPACER_")}
    return own | {worker_tree.COOKIE: cookie}
