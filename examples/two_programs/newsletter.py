"""Letters to readers."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reader:
    address: str
    name: str
    orders: int


def list_readers(table: Path) -> list[Reader]:
    with table.open(encoding="utf-8", newline="") as stream:
        return [Reader(row["address"], row["name"], int(row["orders"])) for row in csv.DictReader(stream)]


def write_letter(template: Path, reader: Reader, folder: Path) -> Path:
    text = template.read_text(encoding="utf-8").format(name=reader.name, orders=reader.orders)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{reader.address}.txt"
    path.write_text(text, encoding="utf-8")
    print(f"{path} is written")
    return path
