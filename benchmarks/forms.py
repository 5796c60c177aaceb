"""The forms that a program can be built in, side by side: how large each is, how soon it answers, what it holds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

from benchmarks import machine, programs
from benchmarks.reference import Reference
from benchmarks.table import Row

FORMS = {"py": "pipeline.py, with its packages installed", "pyz": "one file", "bin": "an executable"}
STARTS = 7
FIRST_STARTS = 3
SETTLE_SECONDS = 10
"""Until the worker processes that are kept ready are there."""

BARE = str(Path(sys.base_prefix, "bin", "python3"))
"""A Python without the packages of this environment, which a program in one file does not need."""


def forms(folder: Path, _: Reference) -> Iterator[Row]:
    files = {form: programs.build(folder / "forms" / form, programs.yearly(1), form) for form in FORMS}
    sizes = {form: file.stat().st_size / 1e6 for form, file in files.items()}
    first: dict[str, list[float]] = {form: [] for form in files}
    later: dict[str, list[float]] = {form: [] for form in files}
    held: dict[str, float] = {}
    for number in range(FIRST_STARTS):
        for form, file in files.items():
            first[form].append(_start(file, folder / "forms" / f"cache{number}"))
    for _number in range(STARTS):  # turn by turn: what else the machine does meets them all
        for form, file in files.items():
            later[form].append(_start(file, folder / "forms" / "cache0"))
    for form, file in files.items():
        with _running(file, folder / "forms" / "cache0") as program:
            time.sleep(SETTLE_SECONDS)
            held[form] = machine.proportional_bytes(machine.tree(program.process.pid)) / 1e6
    for form, what in FORMS.items():
        start = median(later["py"])
        plain = form == "py"
        yield Row(f"{what}: size", sizes[form], "MB", None, None)
        yield Row(f"{what}: first start to ready", median(first[form]), "s", None, None if plain else start)
        mark = 1.3 * start if form == "pyz" else None
        yield Row(f"{what}: later start to ready", median(later[form]), "s", mark, None if plain else start)
        yield Row(f"{what}: memory (PSS)", held[form], "MB", None, None if plain else held["py"])


def _start(file: Path, cache: Path) -> float:
    """Seconds to the first answer of a program that has no database yet."""
    for left in file.parent.glob("pipeline*db*"):
        left.unlink()
    with _running(file, cache) as program:
        return program.ready_seconds


def _running(file: Path, cache: Path) -> AbstractContextManager[programs.Program]:
    return programs.running(file, python=sys.executable if file.suffix == ".py" else BARE, cache=cache)
