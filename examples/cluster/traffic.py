"""Counts what a web server was asked for, from its log in the common format."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

LINE = re.compile(r'\S+ \S+ \S+ \[[^]]+\] "\S+ (?P<path>\S+) [^"]*" (?P<status>\d{3}) (?:\d+|-)')


@dataclass(frozen=True)
class Counted:
    paths: dict[str, int]
    errors: int


@dataclass(frozen=True)
class Total:
    requests: int
    errors: int
    busiest: str


def count(folder: Path, day: date) -> Counted:
    paths: Counter[str] = Counter()
    errors = 0
    file = folder / f"access-{day}.log"
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            match = LINE.match(line)
            if match is None:
                raise ValueError(f"{file}, line {number}: this is no line of a web server's log: {line.rstrip()!r}")
            paths[match["path"]] += 1
            errors += match["status"].startswith("5")
    print(f"{file}: {paths.total()} requests")
    return Counted(dict(paths), errors)


def put_together(parts: list[Counted]) -> Total:
    paths: Counter[str] = Counter()
    for part in parts:
        paths.update(part.paths)
    busiest = max(paths, key=lambda path: (paths[path], path), default="nothing")
    return Total(paths.total(), sum(part.errors for part in parts), busiest)
