"""Carries out commands of a peer's users in its environment: `python -m benchmarks.peers.defects.inside MODULE…`.

The modules are imported once, and each command is a process forked from that, which spares the seconds that importing a
peer takes. Commands come as lines of JSON on the input, and answers go as such to the output. `python FILE …` and
`import MODULE` are what they say; all others are console scripts of the peer, called as it installs them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import runpy
import signal
import sys
import tempfile
import time
from contextlib import suppress

_POLL_SECONDS = 0.05


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the modules print is no answer
    for module in sys.argv[1:]:
        importlib.import_module(module)
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as output:
            pid = os.fork()
            if not pid:
                _become(output.fileno())
                sys.exit(_call(asked["command"]))
            status = _wait(pid, asked["seconds"])
            output.seek(0)
            said = output.read().decode(errors="replace")
        print(json.dumps({"status": status, "said": said}), file=answers, flush=True)


def _become(output: int) -> None:
    """Makes the forked process one of its own, which writes there."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _call(command: list[str]) -> object:
    while "=" in command[0]:  # a variable before the command, as in a shell
        name, _, value = command.pop(0).partition("=")
        os.environ[name] = value
    program, *arguments = command
    if program == "import":
        importlib.import_module(arguments[0])
        return 0
    if program == "python":
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
        return 0
    sys.argv = command
    [script] = importlib.metadata.entry_points(group="console_scripts", name=program)
    return script.load()()


def _wait(pid: int, seconds: float) -> int | None:
    """The exit status, or none where the process did not end in that time; ends all that it has started."""
    until = time.monotonic() + seconds
    status: int | None = None
    while status is None and time.monotonic() < until:
        ended, waited = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(waited)
        else:
            time.sleep(_POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if status is None:
        os.waitpid(pid, 0)
    return status


if __name__ == "__main__":
    main()
