"""Archives of folders: packed with their checksums, read back, and thinned out as they grow old."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class Pack:
    path: Path
    files: dict[str, str]
    """The SHA-256 of each file, by its name in the archive."""


def pack(source: Path, folder: str, target: Path, day: date) -> Pack:
    """Writes `target/folder-day.tar.gz`. Databases of SQLite are copied by SQLite, so that they are whole while
    somebody writes to them. A pack of the same day is replaced, in one step.
    """
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"{folder}-{day}.tar.gz"
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / folder
        shutil.copytree(source / folder, copy, ignore=shutil.ignore_patterns("*.sqlite", "*.sqlite-*"))
        for database in (source / folder).rglob("*.sqlite"):
            _copy_database(database, copy / database.relative_to(source / folder))
        files = {str(file.relative_to(copy.parent)): _sha256(file) for file in _files(copy)}
        try:
            with tarfile.open(beside, "w:gz") as archive:
                archive.add(copy, folder)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    print(f"{path}: {len(files)} files, {path.stat().st_size:,} bytes")
    return Pack(path, files)


def compare(packed: Pack) -> int:
    """Unpacks the archive elsewhere, compares each file with its checksum, and has SQLite look through its databases;
    returns the number of files. A backup that nobody has read back is a hope.
    """
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(packed.path) as archive:
            archive.extractall(name, filter="data")
        found = {str(file.relative_to(name)): _sha256(file) for file in _files(Path(name))}
        if found != packed.files:
            names = sorted({name for name, _ in found.items() ^ packed.files.items()})
            raise ValueError(f"{packed.path} does not hold what was packed: {', '.join(names)}")
        for database in Path(name).rglob("*.sqlite"):
            with closing(sqlite3.connect(database)) as connection:
                (said,) = connection.execute("PRAGMA integrity_check").fetchone()
            if said != "ok":
                raise ValueError(f"{database.name} in {packed.path} is damaged: {said}")
    return len(found)


def thin_out(target: Path, folder: str, days: int, weeks: int, months: int) -> list[str]:
    """Keeps the packs of the newest days, the last one of each of the newest weeks, likewise of months; removes the
    others, and returns their names.
    """
    packs = {_day(path, folder): path for path in target.glob(f"{folder}-????-??-??.tar.gz")}
    newest_first = sorted(packs, reverse=True)
    keep = set(newest_first[:days])
    for period, count in (("%G-%V", weeks), ("%Y-%m", months)):
        last_of: dict[str, date] = {}
        for day in newest_first:
            last_of.setdefault(day.strftime(period), day)
        keep.update(list(last_of.values())[:count])
    removed = [packs[day] for day in newest_first if day not in keep]
    for path in removed:
        path.unlink()
    print(f"packs of {folder}: {len(keep)} kept, {len(removed)} removed")
    return [path.name for path in removed]


def _copy_database(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _day(path: Path, folder: str) -> date:
    return date.fromisoformat(path.name.removeprefix(f"{folder}-").removesuffix(".tar.gz"))
