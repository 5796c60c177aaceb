"""Who leads: of all programs that share a database at most one has its lead, and only that one opens its stores.

For a SQLite file it is a lock on a file beside it, which the operating system gives back when its holder ends. For a
server it is a lock of a session (`pg_try_advisory_lock`, `GET_LOCK`) on a connection of its own, which the server gives
back when the session ends, and it ends sessions that have been silent for `TERM_SECONDS`: a leader whose host is gone,
or that stands still, keeps nobody out for longer than that.

The lead keeps schedulers apart in good time; it is not what keeps a database whole. A leader may lose it without
noticing at once; what it writes then is refused by the leader epoch, which every transaction looks at
(`ppacer.store.store.Store.advance_leader`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from ppacer.database_url import Kind, UnknownKindError, kind_of, path_in
from ppacer.store.drivers import load_driver
from ppacer.store.errors import CannotOpen
from ppacer.store.leader import Leader

TERM_SECONDS = 10.0
"""How long a server keeps the lead for a leader that does not ask whether it still has it: ask thrice in that time.

A third of the usual lease, so that executors find the next leader before the leases are over that the last one granted.
"""


class Lead(Protocol):
    """The lead of one database. All methods block, for seconds where a server does not answer; one thread at a time.

    They raise a `StoreError` where the database cannot be asked: `Unavailable` if that may pass by itself.
    """

    def take(self) -> bool:
        """Takes the lead if nobody has it, without waiting; whether it is held now. Taking what is held is fine."""
        ...

    def held(self) -> bool:
        """Whether it is held still. False once it is lost, or if the server does not answer: then it is given up."""
        ...

    def holder(self) -> str | None:
        """Who has the lead, for people, as far as can be told."""
        ...

    def leader(self) -> Leader | None:
        """The scheduler that took the lead last, as the database has it; none for a file, which only who leads opens:
        there the run file beside it tells (`ppacer.runfile`)."""
        ...

    def release(self) -> None:
        """Gives it back. Releasing what is not held is fine."""
        ...


def lead_of(database: str) -> Lead:
    """The lead of a database, which is a path or an URL; nothing is asked yet. Raises `CannotOpen`."""
    try:
        kind = kind_of(database)
    except UnknownKindError as error:
        raise CannotOpen(str(error)) from error
    match kind:
        case Kind.SQLITE:
            return FileLead(lock_file_of(database))
        case Kind.POSTGRESQL:
            load_driver(kind)
            from ppacer.store.postgresql import postgresql_lead  # noqa: PLC0415 - what SQLite need not load

            return postgresql_lead(database)
        case Kind.MYSQL:
            load_driver(kind)
            from ppacer.store.mysql import mysql_lead  # noqa: PLC0415 - likewise

            return mysql_lead(database)


def lock_file_of(database: str) -> Path:
    """The lock file of a SQLite database."""
    return Path(f"{path_in(database)}.lock")


class FileLead:
    """A lock on a file, which is made, but not its folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path, timeout=0, thread_local=False)

    def take(self) -> bool:
        folder = self._path.parent
        if not folder.is_dir():  # which the lock would make
            raise CannotOpen(f"there is no folder {folder} to keep the database in")
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire()
        except Timeout as error:
            if not self._path.exists():  # the lock tries again where files cannot be made at all
                raise CannotOpen(f"cannot keep a database in {folder}: no file can be made there") from error
            return False
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CannotOpen(f"cannot keep a database in {folder}: {reason}") from error
        return True

    def held(self) -> bool:
        return self._lock.is_locked

    def holder(self) -> str | None:
        return None

    def leader(self) -> Leader | None:
        return None

    def release(self) -> None:
        self._lock.release()
