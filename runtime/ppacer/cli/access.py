"""Ways to a program's data: through the program that serves it, or, where none does, the database itself.

Only the holder of the database's lock opens it, even to read. The holder leaves a run file by which it is found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock, Timeout

from ppacer.cli.command import CommandError
from ppacer.client import Client, ClientError
from ppacer.config import Config
from ppacer.runfile import RunFile, read_run_file
from ppacer.store import Store, StoreError, open_store
from ppacer.store.logs import LogStore, open_logs

_STARTING_SECONDS = 5.0
"""How long a program that holds the lock may take until it answers."""

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Opened:
    """The database and the logs, open, and nobody else's for now."""

    store: Store
    logs: LogStore


def find_server(config: Config) -> Client | None:
    """The program that serves the database, or the one that `scheduler` names; none where nobody does.

    Raises `CommandError` where somebody holds the database and does not answer.
    """
    if config.scheduler is not None:
        return _named(config.scheduler, config.token)
    deadline = time.monotonic() + _STARTING_SECONDS
    while True:
        client = _answering(read_run_file(config.run_file))
        if client is not None or not _locked(config):
            return client
        if time.monotonic() > deadline:
            raise CommandError(f"{_holder(config)} holds {config.database}, but does not answer")
        time.sleep(_POLL_SECONDS)


@contextmanager
def exclusive(config: Config) -> Iterator[Opened]:
    """The database, for as long as nobody else holds it. Raises `CommandError`."""
    with held(config), opened(config) as both:
        yield both


@contextmanager
def held(config: Config) -> Iterator[None]:
    """Holds the database's lock. Raises `CommandError` where somebody else does."""
    folder = config.lock_file.parent
    if not folder.is_dir():  # which the lock would make
        raise CommandError(f"there is no folder {folder} to keep the database in")
    lock = FileLock(config.lock_file, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        if not config.lock_file.exists():  # the lock tries again where files cannot be made at all
            raise CommandError(f"cannot keep a database in {folder}: no file can be made there") from error
        raise CommandError(f"{_holder(config)} holds {config.database} already") from error
    except OSError as error:
        raise CommandError(f"cannot keep a database in {folder}: {(error.strerror or str(error)).lower()}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def opened(config: Config) -> Iterator[Opened]:
    """Opens the database, whose lock the caller holds. Raises `CommandError` where it cannot be used."""
    try:
        store = open_store(config.database)
        try:
            logs = open_logs(config.logs)
        except StoreError:
            store.close()
            raise
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        yield Opened(store, logs)
    finally:
        logs.close()
        store.close()


def _locked(config: Config) -> bool:
    if not config.lock_file.exists():
        return False
    lock = FileLock(config.lock_file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return False  # whoever opens the database next says what is wrong
    lock.release()
    return False


def _named(url: str, token: str | None) -> Client:
    client = Client(url, token)
    try:
        client.health()
    except ClientError as error:
        raise CommandError(str(error)) from error
    return client


def _answering(found: RunFile | None) -> Client | None:
    """A client of the program that wrote the run file, if it is still there."""
    if found is None:
        return None
    client = Client(found.url, found.token)
    try:
        if client.health().instance == found.instance:
            return client
    except ClientError:
        pass
    client.close()
    return None


def _holder(config: Config) -> str:
    found = read_run_file(config.run_file)
    return f"the program at {found.url} (process {found.pid})" if found is not None else "another program"
