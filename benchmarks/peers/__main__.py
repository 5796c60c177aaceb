"""`benchmarks/peers/run [PEER…]`: installs the peers where they are not yet, measures them in one run, prints a table.

A peer that cannot be installed is listed with the command that failed and the first line that it wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.peers import PEERS, ROOT, Peer

_INSTALL_SECONDS, _MEASURE_SECONDS = 1_800, 2_400
DRIVERS = Path(__file__).parent / "drivers"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a driver found. `hop_ms` for each task of a chain, `rate` in tasks a second of those that wait for nothing;
    `ready_seconds` until what serves answers; `megabytes` and `percent` of one core of all its processes at rest;
    `late_seconds` from the time that a task was due to its first line, none of what starts nothing by time."""

    version: str
    hop_ms: float
    rate: float
    ready_seconds: float
    megabytes: float
    percent: float
    late_seconds: float | None = None


def main(argv: Sequence[str] | None = None) -> int:
    names = ", ".join(peer.name for peer in PEERS)
    parser = argparse.ArgumentParser(prog="benchmarks/peers/run", description="The same dags on ppacer and its peers.")
    parser.add_argument("names", nargs="*", metavar="PEER", help=f"one of {names}; none for all")
    parser.add_argument("--list", action="store_true", help="only say who they are and how they are set")
    parser.add_argument("--size", type=int, default=100, metavar="N", help="the tasks of each dag [100]")
    given = parser.parse_args(argv)
    known = {peer.name: peer for peer in PEERS}
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(known)}")
    peers = [peer for peer in PEERS if not given.names or peer.name in given.names]
    if given.list:
        for peer in peers:
            print(f"{peer.name}: {' '.join(peer.requirements or peer.command) or 'of this folder'}; {peer.settings}")
        return 0
    print(_heading(given.size))
    found: list[tuple[Peer, Measured]] = []
    missing: list[str] = []
    for peer in peers:
        problem = install(peer)
        if problem is None:
            measured = _measure(peer, given.size)
            if isinstance(measured, Measured):
                found.append((peer, measured))
                continue
            problem = measured
        missing.append(f"{peer.name}: {problem}")
    print(beside(found))
    for line in missing:
        print(f"\nnot measured: {line}")
    return 0


def _heading(size: int) -> str:
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{time.strftime('%d %B %Y')}, {size} tasks, Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {load} (1, 5 and 15 minutes)\n"
    )


def beside(found: list[tuple[Peer, Measured]]) -> str:
    """The figures side by side, as Markdown; ratios are to the first."""
    lines = ["| peer | ms per task, chain | ratio | tasks/s, wide | ratio | start s | idle MB | idle CPU % | late s |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for peer, each in found:
        _, first = found[0]
        late = "–" if each.late_seconds is None else f"{each.late_seconds:.2f}"
        hop, rate = each.hop_ms / first.hop_ms, each.rate / first.rate
        lines.append(
            f"| {peer.name} {each.version} | {each.hop_ms:.1f} | {hop:.2f} | {each.rate:.1f} | {rate:.2f} "
            f"| {each.ready_seconds:.2f} | {each.megabytes:.0f} | {each.percent:.1f} | {late} |"
        )
    return "\n".join(lines)


def install(peer: Peer) -> str | None:
    """Installs the peer if it is not there yet; answers what went wrong, if anything."""
    if not peer.requirements and not peer.command:
        return None
    done = peer.place / "installed"
    wanted = "\n".join(peer.requirements or peer.command)
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return None
    peer.place.parent.mkdir(exist_ok=True)
    environment = dict(os.environ)
    if peer.requirements:
        venv.create(peer.place, clear=True, with_pip=True)
    else:
        peer.place.mkdir(exist_ok=True)
        environment["GOBIN"] = str(peer.place / "bin")
    try:
        ran = subprocess.run(
            peer.installing(), env=environment, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except OSError as error:
        return f"`{' '.join(peer.installing())}`: {error}"
    if ran.returncode:
        shown = " ".join(peer.command or ("pip", "install", *peer.requirements))
        return f"`{shown}` ended with {ran.returncode}: {(ran.stderr or ran.stdout).strip().splitlines()[0]}"
    done.write_text(wanted, encoding="utf-8")
    return None


def _measure(peer: Peer, size: int) -> Measured | str:
    if not peer.driver:
        return "it is installed, and there is no driver for it yet"
    python = peer.python if peer.requirements else Path(sys.executable)
    with tempfile.TemporaryDirectory(prefix=f"peer-{peer.name}-") as folder:
        command = [str(python), str(DRIVERS / f"{peer.driver}.py"), folder, str(size)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{python.parent}:{os.environ['PATH']}"}
        try:
            ran = subprocess.run(
                command,
                env=environment,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=_MEASURE_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"its driver did not end in {_MEASURE_SECONDS} s"
    if ran.returncode:
        return f"its driver ended with {ran.returncode}: {ran.stderr.strip().splitlines()[-1]}"
    return Measured(**json.loads(ran.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
