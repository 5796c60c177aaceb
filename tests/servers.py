"""Servers of databases for the tests: private ones, on free ports of 127.0.0.1, in temporary folders.

Each kind is started once for all tests, by whichever process of pytest needs it first, as an unprivileged user (root
is refused by PostgreSQL), with the settings that it is shipped with, in memory where there is plenty: what it waits for
a disk is most of the time that it takes to make tables. The processes of pytest share it through a folder; whoever
leaves last ends it. Each test gets a database of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from sqlalchemy import NullPool, create_engine, inspect

from ppacer.store.schema import META, log_schema, schema

START_SECONDS = 120.0
STOP_SECONDS = 30.0
MEMORY = Path("/dev/shm")
ROOM = 8 * 1024**3
"""So many bytes must be free in `MEMORY`, of which all servers together take a tenth or two."""

PASSWORD = "open sesame/@:%"
"""What has to be written in another way in a URL."""
IN_URL = "open%20sesame%2F%40%3A%25"


class Server(ABC):
    """One server, in a folder of its own. It may be stopped, killed and started again, on the same port."""

    kind: str
    user = "ppacer"
    stopping = signal.SIGTERM

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    @abstractmethod
    def make(self) -> None:
        """Makes the files of a server that has never run."""

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @abstractmethod
    def secure(self) -> None:
        """Gives the user its password, once the server answers for the first time."""

    @abstractmethod
    def url(self, database: str) -> str: ...

    @abstractmethod
    def admin_url(self, database: str = "") -> str:
        """For what the server's own administrator may do."""

    @property
    def pid(self) -> int | None:
        try:
            return int((self.folder / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def start(self) -> None:
        """Returns when it answers."""
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_nobody(),
            )
        (self.folder / "pid").write_text(str(process.pid))
        _started[process.pid] = process
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except Exception:
            return False
        return True

    def stop(self, signal_number: int | None = None) -> None:
        """Ends its sessions and itself; returns when it has ended."""
        signal_number = self.stopping if signal_number is None else signal_number
        pid = self.pid
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        deadline = time.monotonic() + STOP_SECONDS
        while alive(pid):
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        if process := _started.pop(pid, None):
            process.wait()
        (self.folder / "pid").unlink(missing_ok=True)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def execute(self, statement: str, database: str = "") -> list[tuple[object, ...]]:
        """As the server's administrator, without a transaction."""
        engine = create_engine(self.admin_url(database), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result.all()] if result.returns_rows else []

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database, which is gone afterwards."""
        name = f"t{uuid.uuid4().hex[:16]}"
        self.make_database(name)
        try:
            yield self.url(name)
        finally:
            if self.answers():
                self.drop_database(name)

    @abstractmethod
    def make_database(self, name: str) -> None: ...

    @abstractmethod
    def drop_database(self, name: str) -> None: ...

    @abstractmethod
    def end_sessions(self, database: str) -> int:
        """Ends all sessions of the database's users, as an administrator can; how many it were."""

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]


class Postgresql(Server):
    kind = "postgresql"
    stopping = signal.SIGINT  # with SIGTERM it would wait for its sessions to end by themselves

    def make(self) -> None:
        data = self.folder / "data"
        run_as_nobody([program("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"\nlisten_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n")
        (data / "pg_hba.conf").write_text(
            "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )

    def command(self) -> Sequence[str]:
        return [program("postgres"), "-D", str(self.folder / "data")]

    def secure(self) -> None:
        self.execute(f"CREATE ROLE {self.user} LOGIN PASSWORD '{PASSWORD.replace('%', '%%')}'")

    def url(self, database: str) -> str:
        return f"postgresql://{self.user}:{IN_URL}@127.0.0.1:{self.port}/{database}"

    def admin_url(self, database: str = "") -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database or 'postgres'}?connect_timeout=30"

    def make_database(self, name: str) -> None:
        # Sorted as people sort, and not by the characters' numbers: what must be otherwise shows.
        order = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
        self.execute(f"CREATE DATABASE {name} OWNER {self.user} TEMPLATE template0 {order}")

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def end_sessions(self, database: str) -> int:
        name = database.rpartition("/")[2]
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        return len(self.execute(query))


class Mariadb(Server):
    kind = "mariadb"

    def make(self) -> None:
        data = self.folder / "data"
        run_as_nobody(
            [
                program("mariadb-install-db"),
                *("--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"),
                *("--skip-test-db", "--skip-name-resolve"),
            ]
        )

    def command(self) -> Sequence[str]:
        return [
            program("mariadbd"),
            *("--no-defaults", f"--datadir={self.folder / 'data'}", f"--pid-file={self.folder / 'mariadbd.pid'}"),
            *("--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.folder / 's'}"),
            "--skip-name-resolve",
        ]

    def secure(self) -> None:
        self.execute(f"CREATE USER {self.user}@'127.0.0.1' IDENTIFIED BY '{PASSWORD.replace('%', '%%')}'")

    def url(self, database: str) -> str:
        return f"mysql://{self.user}:{IN_URL}@127.0.0.1:{self.port}/{database}"

    def admin_url(self, database: str = "") -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{database or 'mysql'}?connect_timeout=30"

    def make_database(self, name: str) -> None:
        self.execute(f"CREATE DATABASE {name}")
        self.execute(f"GRANT ALL ON {name}.* TO {self.user}@'127.0.0.1'")

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name}")
        self.execute(f"REVOKE ALL ON {name}.* FROM {self.user}@'127.0.0.1'")

    def end_sessions(self, database: str) -> int:
        name = database.rpartition("/")[2]
        found = self.execute(f"SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{name}'")
        for (session,) in found:
            with contextlib.suppress(Exception):  # it may have ended by itself
                self.execute(f"KILL {session}")
        ids = ", ".join(str(session) for (session,) in found) or "0"
        while self.execute(f"SELECT ID FROM information_schema.PROCESSLIST WHERE ID IN ({ids})"):
            time.sleep(0.01)
        return len(found)


_started: dict[int, subprocess.Popen[bytes]] = {}
"""The servers that this process has started, kept so that nobody takes them for forgotten."""

KINDS: dict[str, type[Server]] = {kind.kind: kind for kind in (Postgresql, Mariadb)}


@contextmanager
def own_server(kind: str) -> Iterator[Server]:
    """A server for one test, which may do with it what it likes."""
    folder = new_folder()
    server = KINDS[kind](folder, free_port())
    try:
        server.make()
        server.start()
        server.secure()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def shared_server(kind: str, meeting_point: Path) -> Iterator[Server]:
    """The one server of a kind that all processes of pytest share, who meet in that folder."""
    place = meeting_point / f"{kind}.json"
    lock = FileLock(meeting_point / f"{kind}.lock")
    with lock:
        shared = json.loads(place.read_text()) if place.exists() else None
        if shared is None:
            folder = new_folder()
            server = KINDS[kind](folder, free_port())
            try:
                server.make()
                server.start()
                server.secure()
            except BaseException:
                server.stop()
                shutil.rmtree(folder, ignore_errors=True)
                raise
            shared = {"folder": str(folder), "port": server.port, "users": 0}
        else:
            server = KINDS[kind](Path(shared["folder"]), shared["port"])
        place.write_text(json.dumps(shared | {"users": shared["users"] + 1}))
    try:
        yield server
    finally:
        with lock:
            shared = json.loads(place.read_text())
            shared["users"] -= 1
            if shared["users"]:
                place.write_text(json.dumps(shared))
            else:
                place.unlink()
                server.stop()
                shutil.rmtree(shared["folder"], ignore_errors=True)


def empty(url: str) -> None:
    """Deletes all rows of our tables but those that say that they are there; nobody ever took the lead."""
    driver = "postgresql+psycopg" if url.startswith("postgresql") else "mysql+pymysql"
    engine = create_engine(f"{driver}:{url.partition(':')[2]}", poolclass=NullPool)
    with engine.begin() as connection:
        there = inspect(connection).get_table_names()
        for table in (*reversed(schema.sorted_tables), *log_schema.sorted_tables):
            if table.name in there and table.name != META:
                connection.exec_driver_sql(f"DELETE FROM {table.name}")
        if META in there:
            connection.exec_driver_sql(f"UPDATE {META} SET leader_epoch = 0")


def program(name: str) -> str:
    """Where a program of a server is: Debian keeps PostgreSQL's out of the way, one folder a version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in (*folders, *map(Path, os.environ.get("PATH", "").split(":")), Path("/usr/sbin")):
        if (folder / name).is_file():
            return str(folder / name)
    raise FileNotFoundError(f"{name} is not installed: sh .ci/servers.sh")


def as_nobody() -> dict[str, int]:
    """For a subprocess: an unprivileged user instead of root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def run_as_nobody(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        cwd="/",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **as_nobody(),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def new_folder() -> Path:
    """Short, since paths of sockets have to be, and the user's who runs servers."""
    plenty = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="ppacer-", dir=MEMORY if plenty else None))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    return folder


_PORTS = range(12_000, 32_000)
"""Below those that systems give to whoever asks for any port: nobody else comes by one before its program has begun."""

_next_port = itertools.cycle(_PORTS)
for _ in range(random.SystemRandom().randrange(len(_PORTS))):  # other processes begin elsewhere
    next(_next_port)


def free_port() -> int:
    """A port of 127.0.0.1 that this process has not given out before, for as long as there are others."""
    for port in itertools.islice(_next_port, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
