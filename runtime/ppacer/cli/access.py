"""Ways to a program's data: through the program that serves it, or, where none does, the database itself.

Only the holder of the database's lead opens it, even to read. The holder leaves a run file by which it is found.
"""

from __future__ import annotations

import os
import pwd
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ppacer.cli.command import CommandError, Invocation
from ppacer.client import Client, ClientError, RefusedError
from ppacer.config import Config
from ppacer.database_url import is_server, shown
from ppacer.localtime import local_time
from ppacer.runfile import RunFile, read_run_file
from ppacer.store import NothingThere, OtherVersion, StoreError, open_store
from ppacer.store.lead import Lead, lead_of, lock_file_of
from ppacer.tls import TlsError, asking

if TYPE_CHECKING:
    from ppacer.cli.alone import Alone
    from ppacer.store import Store
    from ppacer.store.logs import LogStore

_PASSING_SECONDS = 30.0
"""How long the lock may be held by others that do not answer: by a program that starts, by commands one after the
other."""

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Opened:
    """The database and the logs, open, and nobody else's for now."""

    store: Store
    logs: LogStore


Program: TypeAlias = "Client | Alone"
"""What a command asks: the program that serves, or the database itself."""


@contextmanager
def program_of(invocation: Invocation, *, makes: bool = False) -> Iterator[Program]:
    """The program that serves, or the database itself, which is made if there is none and the command `makes` one.

    Raises `CommandError`, also for what is refused within.
    """
    try:
        with ExitStack() as stack:
            found = _opened_or_served(invocation, stack, makes=makes)
            if isinstance(found, Opened):
                from ppacer.cli.alone import Alone  # noqa: PLC0415 - half a second that a program that serves has spent

                alone = Alone(invocation.program, found.store, found.logs, user_name())
                yield stack.enter_context(alone)
            else:
                yield found
    except RefusedError as error:
        wrongly = error.problem.status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
        raise CommandError(str(error), 2 if wrongly else 1) from error
    except ClientError as error:
        raise CommandError(str(error)) from error


def _opened_or_served(invocation: Invocation, stack: ExitStack, *, makes: bool) -> Opened | Client:
    config = invocation.config
    while True:
        client = find_server(config)
        if client is not None:
            return stack.enter_context(client)
        if not makes and not is_server(config.database) and not Path(config.database).exists():
            raise NothingYetError(f"there is no run yet: {config.database} does not exist")
        try:
            return stack.enter_context(exclusive(invocation, makes=makes))
        except ServedError:
            continue  # it has just been started


def user_name() -> str:
    """Who gives commands, for the history of runs and dags: the name of the process's user, as far as it has one."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = ""
    return "".join(character for character in name if "!" <= character <= "~")[:100] or f"user {os.getuid()}"


def find_server(config: Config) -> Client | None:
    """The program that serves the database, or the first that works of those that `scheduler` names; none where nobody
    serves it.

    Raises `CommandError` where somebody holds the database and does not answer.
    """
    if config.scheduler:
        return _named(config)
    deadline = time.monotonic() + _PASSING_SECONDS
    while True:
        client = _serving(config)
        if client is not None or not _locked(config):
            return client
        if time.monotonic() > deadline:
            hint = "; name where it serves with --scheduler URL" if is_server(config.database) else ""
            raise CommandError(f"{_holder(config)} holds {shown(config.database)}, but does not answer{hint}")
        time.sleep(_POLL_SECONDS)


class ServedError(CommandError):
    """A program that answers holds the database."""


class NothingYetError(CommandError):
    """There is no database, or nothing of ours is in it."""


@contextmanager
def exclusive(invocation: Invocation, *, makes: bool) -> Iterator[Opened]:
    """The database, for as long as nobody else holds it; `makes` says whether it is made if there is none.

    Raises `CommandError`.
    """
    with held(invocation.config), opened(invocation, makes=makes) as both:
        yield both


@contextmanager
def held(config: Config) -> Iterator[Lead]:
    """Holds the database's lead, once those have passed who hold it for a moment. Raises `ServedError` where a program
    serves it, `CommandError` where it cannot be had."""
    deadline = time.monotonic() + _PASSING_SECONDS
    try:
        lead = lead_of(config.database)
        while not lead.take():
            if _serves(config):
                raise ServedError(f"{_holder(config, lead)} holds {shown(config.database)} already")
            if time.monotonic() > deadline:
                raise CommandError(f"{_holder(config, lead)} holds {shown(config.database)} already")
            time.sleep(_POLL_SECONDS)
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        yield lead
    finally:
        lead.release()


@contextmanager
def opened(
    invocation: Invocation, *, makes: bool = True, upgrading: Callable[[str], object] | None = None
) -> Iterator[Opened]:
    """Opens the database, whose lead the caller holds. One of an earlier version is upgraded if somebody is to be told
    that, by `upgrading`. Raises `CommandError` where it cannot be used."""
    from ppacer.store.logs import open_logs  # noqa: PLC0415 - what a client of a program that serves need not load

    config = invocation.config
    try:
        store = open_store(config.database, makes=makes, durability=config.durability, upgrading=upgrading)
        try:
            logs = open_logs(config.logs, durability=config.durability, upgrading=upgrading)
        except StoreError:
            store.close()
            raise
    except NothingThere as error:
        raise NothingYetError(str(error)) from error
    except OtherVersion as error:
        help_ = f": `{invocation.program_command} db upgrade` makes it one" if error.upgradable else ""
        raise CommandError(f"{error}{help_}") from error
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        yield Opened(store, logs)
    finally:
        logs.close()
        store.close()


def _serves(config: Config) -> bool:
    client = _serving(config)
    if client is not None:
        client.close()
    return client is not None


def _serving(config: Config) -> Client | None:
    """A client of the program that serves the database, if it answers: the one that has said so on this machine, or
    that the database tells of."""
    client = _answering(read_run_file(config.run_file))
    if client is not None or not is_server(config.database):
        return client
    try:
        with _asking(config) as lead:
            leader = lead.leader()
    except StoreError:
        return None
    if leader is None or leader.url is None:
        return None
    client = Client(leader.url, config.token, actor=user_name(), tls=asking_tls(config))
    try:
        client.ready()
    except ClientError:
        client.close()
        return None
    return client


def _locked(config: Config) -> bool:
    if not is_server(config.database) and not lock_file_of(config.database).exists():
        return False
    try:
        with _asking(config) as lead:
            return not lead.take()
    except StoreError:
        return False  # whoever opens the database next says what is wrong


@contextmanager
def _asking(config: Config) -> Iterator[Lead]:
    """The lead, to be asked and not kept. Raises `StoreError`."""
    lead = lead_of(config.database)
    try:
        yield lead
    finally:
        lead.release()


def _named(config: Config) -> Client:
    problems: list[str] = []
    for url in config.scheduler:
        client = Client(url, config.token, actor=user_name(), tls=asking_tls(config))
        try:
            client.ready()
        except ClientError as error:
            client.close()
            problems.append(str(error))
        else:
            return client
    raise CommandError("; ".join(problems))


def _answering(found: RunFile | None) -> Client | None:
    """A client of the program that wrote the run file, if it is still there."""
    if found is None:
        return None
    try:
        tls = None if found.certificate is None else asking(None, found.certificate)
        client = Client(found.url, found.token, actor=user_name(), tls=tls)
    except (TlsError, ValueError):
        return None
    try:
        if client.ready().instance == found.instance:
            return client
    except ClientError:
        pass
    client.close()
    return None


def asking_tls(config: Config) -> ssl.SSLContext | None:
    """What certificates of schedulers are judged by. Raises `CommandError`."""
    try:
        return asking(config.tls_ca)
    except TlsError as error:
        raise CommandError(str(error)) from error


def _since(run_file: Path) -> str:
    """Since when the program serves that wrote the run file: it does so when it begins."""
    try:
        return f", since {local_time(run_file.stat().st_mtime_ns // 1000)}"
    except OSError:
        return ""  # it has just ended


def _holder(config: Config, lead: Lead | None = None) -> str:
    """Who has the lead, for people: the program that has said so on this machine, or what the database can tell."""
    found = read_run_file(config.run_file)
    if found is not None:
        return f"the program at {found.url} (process {found.pid}{_since(config.run_file)})"
    try:
        told = (lead or lead_of(config.database)).holder()
    except StoreError:
        told = None
    return "another program" if told is None else f"another program ({told})"
