"""Labels of parcels, one at a time on one printer."""

from __future__ import annotations

import csv
import fcntl
import time
from dataclasses import dataclass
from pathlib import Path

SECONDS = 0.2
"""How long the printer takes for a label."""


@dataclass(frozen=True)
class Parcel:
    number: int
    to: str
    kilos: float


@dataclass(frozen=True)
class Parcels:
    express: list[Parcel]
    normal: list[Parcel]


def list_parcels(table: Path) -> Parcels:
    found: dict[str, list[Parcel]] = {"yes": [], "no": []}
    with table.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            found[row["express"]].append(Parcel(int(row["parcel"]), row["to"], float(row["kilos"])))
    return Parcels(found["yes"], found["no"])


def print_label(parcel: Parcel, folder: Path) -> int:
    """The number of the parcel whose label has been printed. Two labels at once would jam the printer."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "printed.txt").open("a", encoding="utf-8") as paper:
        fcntl.flock(paper, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where another label is being printed
        time.sleep(SECONDS)
        paper.write(f"{parcel.number}  {parcel.kilos:g} kg  {parcel.to}\n")
    return parcel.number


def sign_off(express: list[int], normal: list[int], folder: Path) -> Path:
    path = folder / "collected.txt"
    path.write_text("".join(f"{number}\n" for number in sorted([*express, *normal])), encoding="utf-8")
    print(f"{len(express)} express parcels and {len(normal)} others are ready")
    return path
