"""What tasks noted in the side-effect file, put together: which attempt of what ran from when until when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Note = Mapping[str, Any]


@dataclass
class Execution:
    """One attempt as its worker noted it. Times in seconds of the machine's monotonic clock; `last_at` is that of its
    last sign of life, `ended_at` is none where it did not come to its end. `key` is the task's idempotency key."""

    run: str
    task: str
    key: str
    number: int
    pid: int
    begun_at: float
    last_at: float
    ended_at: float | None = None
    told: bool = False

    @property
    def held(self) -> bool:
        """Whether a gate holds the task back."""
        return self.task.startswith(("each", "stubborn", "there"))


def notes(file: Path) -> list[Note]:
    """The whole lines of the file."""
    if not file.exists():
        return []
    return [
        json.loads(line) for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
    ]


def executions(noted: Iterable[Note]) -> list[Execution]:
    """In the order of their beginnings."""
    found: dict[tuple[str, str, int, int], Execution] = {}
    for note in noted:
        key = (note["run"], note["task"], note["number"], note["pid"])
        if note["word"] == "start":
            assert key not in found, f"begun twice by one process: {key}"
            found[key] = Execution(*key[:2], note["key"], *key[2:], begun_at=note["at"], last_at=note["at"])
        execution = found[key]
        execution.last_at = note["at"]
        if note["word"] == "end":
            execution.ended_at = note["at"]
        if note["word"] == "told to stop":
            execution.told = True
    return list(found.values())
