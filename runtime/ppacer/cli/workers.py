"""Workers of the program's own, for what is called on its behalf: notifiers, schedules written in Python."""

from __future__ import annotations

import sys

from ppacer.cli.command import Invocation
from ppacer.services.worker_pool import WorkerPool
from ppacer.services.zygote_process import worker_command


def worker_pool(invocation: Invocation) -> WorkerPool:
    command = worker_command(sys.executable, invocation.file)
    return WorkerPool(command, home=invocation.file.parent, secrets=invocation.config.secrets)
