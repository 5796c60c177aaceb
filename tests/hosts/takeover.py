"""Measures how long nobody leads when the leader goes: `python -m tests.hosts.takeover [--times N] [KIND …]`.

Two schedulers on one server's database; each is asked for its health every 20 ms.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.rivals import Rivals
from tests.e2e.world import World, wait_until
from tests.servers import KINDS, Server, own_server

_HEAD = f"{'server':<12}{'what happens to the leader':<28}{'times':>6}{'median, s':>11}{'longest, s':>12}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.takeover")
    parser.add_argument("kinds", metavar="KIND", nargs="*", default=list(KINDS))
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    print(_HEAD, flush=True)
    for kind in options.kinds:
        with own_server(kind) as server:
            for what, act in _ACTS.items():
                took = _measure(server, act, options.times)
                longest = f"{max(took):>12.2f}"
                print(f"{kind:<12}{what:<28}{len(took):>6}{statistics.median(took):>11.2f}{longest}", flush=True)
    return 0


def _measure(server: Server, act: Callable[[Rivals, Server, str], None], times: int) -> list[float]:
    took: list[float] = []
    with tempfile.TemporaryDirectory() as folder, server.database() as url:
        rivals = Rivals(World(Path(folder)), url)
        try:
            for name in ("a", "b"):
                rivals.start(name)
            for _ in range(times):
                rivals.until_led("a", "b")
                (leader,) = rivals.leaders()
                other = "b" if leader == "a" else "a"
                wait_until(lambda other=other: rivals.stands_by(other), "the other one to stand by")  # type: ignore[misc]
                pid = rivals.processes[leader].popen.pid
                begun = time.monotonic()
                act(rivals, server, leader)
                rivals.until_led(*((other,) if act is not _end_session else ("a", "b")))
                took.append(time.monotonic() - begun)
                if act is _stand_still:
                    os.kill(pid, signal.SIGCONT)
                elif act is not _end_session:
                    rivals.processes[leader].popen.wait(30)
                    rivals.start(leader)
                wait_until(lambda leader=leader: rivals.health(leader) != {}, "it to be there again")  # type: ignore[misc]
        finally:
            rivals.world.end()
    return took


def _kill(rivals: Rivals, _: Server, leader: str) -> None:
    rivals.processes[leader].kill()


def _stop(rivals: Rivals, _: Server, leader: str) -> None:
    rivals.processes[leader].popen.terminate()


def _stand_still(rivals: Rivals, _: Server, leader: str) -> None:
    os.kill(rivals.processes[leader].popen.pid, signal.SIGSTOP)


def _end_session(rivals: Rivals, server: Server, leader: str) -> None:
    server.end_sessions(rivals.database)
    wait_until(lambda: not rivals.leads(leader), "it to notice")


_ACTS: dict[str, Callable[[Rivals, Server, str], None]] = {
    "kill -9": _kill,
    "SIGTERM": _stop,
    "SIGSTOP": _stand_still,
    "its sessions are ended": _end_session,
}


if __name__ == "__main__":
    sys.exit(main())
