"""What can go wrong with a store, told so that a person knows what to do.

`NotADatabase`, `NothingThere` and `OtherVersion` come only from opening, `CannotOpen` from that and from connecting to
a server anew. `Unwritable`, `DiskFull`, `Locked`, `Displaced` and `Unavailable` are the environment's: nothing of the
transaction was kept, as far as is known, what was committed before stays, and the same call may succeed once the cause
is gone. `Conflict` and `LeaderLost` say that the database is not as the caller thinks.
"""

from __future__ import annotations

from ppacer.core.model import Write


class StoreError(Exception):
    """The base of all faults of a store; its text is a whole message for people."""


class CannotOpen(StoreError):
    """There is no such folder, or a folder stands where the file should, or it may not be opened; the URL is wrong, the
    server does not let us in, or is one that cannot be used."""


class NotADatabase(StoreError):
    """It is something else: no SQLite database, or one that another program made."""


class NothingThere(StoreError):
    """There is no database yet, or it has none of our tables, and it was not to be made."""


class OtherVersion(StoreError):
    """The database's schema is of another version than this program's, and perhaps `upgradable` to that."""

    def __init__(self, message: str, *, found: int, supported: int, upgradable: bool) -> None:
        super().__init__(message)
        self.found = found
        self.supported = supported
        self.upgradable = upgradable


class Unwritable(StoreError):
    """The database can be read but not written."""


class DiskFull(StoreError):
    """No space is left for the write."""


class Locked(StoreError):
    """Another process or session held the database, or a row of it, for longer than the busy time-out."""


class Displaced(StoreError):
    """The database's files have been moved, removed or replaced while they were open."""


class Damaged(StoreError):
    """The database's pages contradict each other."""


class Unavailable(StoreError):
    """Any other fault of the database, of the way to its server, or of the disk under it."""


class Conflict(StoreError):
    """A guarded write did not find what it expected, or an inserted row exists already; the whole transaction was
    refused. `write` is the first one that could not be done, if that is still to be seen."""

    def __init__(self, message: str, write: Write | None = None) -> None:
        super().__init__(message)
        self.write = write


class LeaderLost(StoreError):
    """Another scheduler has taken the lead of this database since, or this store never took it."""
