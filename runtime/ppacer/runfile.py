"""The run file: how other commands find the program that serves a database, and its token.

It stands beside the database with mode 0600 for as long as the program serves. A program that was killed leaves it
behind; so a reader must ask the address whether somebody still answers there.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunFile:
    """Where a running program answers. `url` has no slash at its end; `instance` is a UUID made at the start.

    `token` lets whoever can read the file in; `certificate` (PEM) is the one that must answer where that is https."""

    url: str
    pid: int
    instance: str
    token: str | None = None
    certificate: str | None = None


def write_run_file(path: Path, content: RunFile) -> None:
    """Writes the file whole and readable to its owner only. Raises `OSError`."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(content), file)
    beside.replace(path)


def read_run_file(path: Path) -> RunFile | None:
    """The file's content, or none where there is no such file or it is not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    match found:
        case {"url": str(url), "pid": int(pid), "instance": str(instance), "token": str() | None as token}:
            certificate = found.get("certificate")
            return RunFile(url, pid, instance, token, certificate if isinstance(certificate, str) else None)
        case _:
            return None


def remove_run_file(path: Path, instance: str) -> None:
    """Removes the file if it is still the one that `instance` wrote."""
    found = read_run_file(path)
    if found is not None and found.instance == instance:
        path.unlink(missing_ok=True)
