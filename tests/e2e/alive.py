"""Which processes of a test's programs are alive, whoever their parents are by now: all inherit the environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.e2e.world import World


def alive(world: World) -> Iterator[tuple[int, int]]:
    """The id and the parent's id of every process that descends from the world's programs."""
    mark = f"STEPS_FILE={world.environment['STEPS_FILE']}".encode()
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and mark in (folder / "environ").read_bytes().split(b"\0"):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    yield int(folder.name), int(parent)
        except OSError:
            continue  # it has ended


def commands(world: World) -> list[str]:
    """What those processes are, for a message."""
    return [_command(pid) for pid, _ in alive(world)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
