"""Copies of SQLite databases that are in use: each is whole, or is not there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from ppacer.store.errors import CannotOpen


def copy_file(source: sqlite3.Connection, target: Path) -> None:
    """Makes `target`, or replaces it, once the copy of all that is committed in `source` is complete and on the disk.

    Others may write meanwhile. Raises `sqlite3.Error`, and `CannotOpen` where there can be no such file.
    """
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(partial)) as copy:
                copy.execute("PRAGMA journal_mode=OFF")  # a copy that is cut off is of no use
                copy.execute("PRAGMA synchronous=OFF")
                source.backup(copy)
            _sync(partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        _sync(target.parent)
    except OSError as error:
        raise CannotOpen(f"{target} cannot be written: {error.strerror}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
