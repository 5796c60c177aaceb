"""The program's settings: flags over `PPACER_*` environment over a TOML file over defaults.

`load` works out the effective settings and remembers where each one came from. Paths in a flag or in the environment
are relative to the working directory, those in a TOML file to its folder; the defaults stand beside the program.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ppacer.config_values import (
    ConfigError,
    Values,
    read_database,
    read_integer,
    read_labels,
    read_proxies,
    read_seconds,
    read_text,
    read_token,
    read_urls,
    read_word,
)
from ppacer.database_url import digest, is_server, path_in

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 9321
ENVIRONMENT_PREFIX = "PPACER_"


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept, and for how long; 0 is for ever.

    Ended runs with all they have are kept for `days`, and the newest `runs` of each dag; the logs of ended attempts for
    `logs_days` and the outputs of ended runs for `outputs_days`, or as long as the runs.
    """

    days: int
    runs: int
    logs_days: int
    outputs_days: int


FOR_EVER = Retention(days=0, runs=0, logs_days=0, outputs_days=0)
KEPT = Retention(days=90, runs=1000, logs_days=30, outputs_days=0)
"""What is kept unless something else is set."""


class Durability(StrEnum):
    """What outlives a power cut of what was acknowledged: a crash of the program alone loses nothing either way."""

    FULL = "full"
    """All of it: the disk is waited for at every commit."""

    NORMAL = "normal"
    """All but what was committed in the last moments; what is left is whole."""


class Migrate(StrEnum):
    """What a program that is started does with a database of an earlier version."""

    AUTO = "auto"
    """Keeps a copy and upgrades it."""

    ASK = "ask"
    """Refuses it, until somebody has called `db upgrade`."""


class LogFormat(StrEnum):
    """How the program's own log is written."""

    TEXT = "text"
    """For people."""

    JSON = "json"
    """For programs: an object a line."""


@dataclass(frozen=True, slots=True)
class Config:
    """Effective settings. Durations are seconds, those whose name says so days.

    `database` and `logs` are a path, or the URL of a server's database, which may hold a password: for people there is
    `ppacer.database_url.shown`.

    `scheduler` are the addresses that `executor` asks for work, the first one that leads; `name` is what an executor
    calls itself, `capacity` how many tasks it runs at once (none: `ppacer.capacity` says). `secrets` is a folder with
    one file per secret or `module:callable`, which gives the secret of a name; none means that secrets come from the
    environment only.
    """

    host: str
    port: int
    token: str | None
    tls_cert: str | None
    tls_key: str | None
    tls_ca: str | None
    proxies: tuple[str, ...]
    database: str
    logs: str
    lease: float
    drain: float
    scheduler: tuple[str, ...]
    name: str
    capacity: int | None
    labels: tuple[str, ...]
    secrets: str | None
    keep_days: int
    keep_runs: int
    keep_logs_days: int
    keep_outputs_days: int
    durability: Durability
    migrate: Migrate
    log_format: LogFormat
    run_file: Path
    """Where other commands find the program that serves. Unless it is set, it lies beside a SQLite file, and beside the
    program, named for the database, where that is a server's."""

    @property
    def retention(self) -> Retention:
        return Retention(self.keep_days, self.keep_runs, self.keep_logs_days, self.keep_outputs_days)

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each came from, and variables of the environment that look like settings but are none."""

    config: Config
    origins: Mapping[str, str]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `help` is for `--help`, `metavar` for the value's place there. One that takes `several` values may
    be given again and again as a flag, with commas in the environment, as a list in a file."""

    name: str
    metavar: str
    help: str
    is_path: bool = False
    several: bool = False

    @property
    def flag(self) -> str:
        return _FLAGS.get(self.name) or f"--{self.name.replace('_', '-')}"


_FLAGS = {"labels": "--label", "proxies": "--proxy"}
"""Of settings whose flag is repeated for more."""

SETTINGS: tuple[Setting, ...] = (
    Setting("host", "HOST", f"address to serve on; beyond loopback it must be known who asks [{LOOPBACK}]"),
    Setting("port", "PORT", f"port to serve on; 0 takes any free one [{DEFAULT_PORT}]"),
    Setting("token", "TOKEN", "secret that clients and executors must present [none on loopback]"),
    Setting("tls_cert", "FILE", "certificate to serve https with, in PEM; read anew on SIGHUP [none]", is_path=True),
    Setting("tls_key", "FILE", "its private key [in the certificate's file]", is_path=True),
    Setting("tls_ca", "FILE", "authorities to trust in a scheduler, beside the system's [none]", is_path=True),
    Setting(
        "proxies",
        "ADDRESS",
        "proxies in front of this program, as addresses or networks; repeat it for more [none]",
        several=True,
    ),
    Setting(
        "database",
        "DATABASE",
        "where dags, runs and tasks are kept: a SQLite file, postgresql://… or mysql://… [PROGRAM.db]",
        is_path=True,
    ),
    Setting(
        "logs", "DATABASE", "where the tasks' logs are kept [DATABASE.logs.db, or the server's database]", is_path=True
    ),
    Setting(
        "run_file",
        "FILE",
        "where the other commands on this machine find the program that serves [beside the database]",
        is_path=True,
    ),
    Setting("lease", "SECONDS", "how long an executor may be silent before its tasks count as lost [30]"),
    Setting("drain", "SECONDS", "how long running tasks may go on after a stop was asked for [10]"),
    Setting(
        "scheduler",
        "URL",
        "the scheduler to work for, or to ask; repeat it for those that stand by [none]",
        several=True,
    ),
    Setting("name", "NAME", "what this executor is called in logs and on the page [host and process id]"),
    Setting(
        "capacity",
        "N",
        "how many tasks this executor runs at once [4 per core, at least 8; 32 where all share a worker]",
    ),
    Setting(
        "labels", "LABEL", "labels of this executor, for tasks with `runs_on`; repeat it for more [none]", several=True
    ),
    Setting(
        "secrets", "FOLDER", "a folder with a file per secret, or module:callable [environment only]", is_path=True
    ),
    Setting("keep_days", "N", f"how long ended runs are kept; 0 is for ever [{KEPT.days}]"),
    Setting("keep_runs", "N", f"how many ended runs of each dag are kept; 0 is all [{KEPT.runs}]"),
    Setting("keep_logs_days", "N", f"how long tasks' logs are kept; 0 is as long as their runs [{KEPT.logs_days}]"),
    Setting("keep_outputs_days", "N", "how long tasks' outputs are kept; 0 is as long as their runs [0]"),
    Setting("durability", "full|normal", "normal is faster, and a power cut may take the last moments away [full]"),
    Setting("migrate", "auto|ask", "upgrade a database of an earlier version, or refuse it at a start [auto]"),
    Setting("log_format", "text|json", "how the program's own log is written: json is an object a line [text]"),
)


def load(
    program_file: str | Path,
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    config_file: str | None = None,
) -> Loaded:
    """The effective settings of the program at `program_file`; flags that are none were not given.

    Raises `ConfigError` for a value that cannot be used, a setting that does not exist and a file that cannot be read.
    """
    program = Path(program_file).resolve()
    given, origins = _gather(program, flags, environ, config_file)
    stem = program.with_suffix("")
    database = read_database("database", given.get("database", str(stem.with_suffix(".db"))), origins)
    logs = database if is_server(database) else str(Path(database).with_suffix(".logs.db"))
    config = Config(
        host=read_text(given, "host", origins) or LOOPBACK,
        port=read_integer(given, "port", origins, DEFAULT_PORT, least=0, most=65535),
        token=read_token(given, origins),
        tls_cert=read_text(given, "tls_cert", origins),
        tls_key=read_text(given, "tls_key", origins) or read_text(given, "tls_cert", origins),
        tls_ca=read_text(given, "tls_ca", origins),
        proxies=read_proxies(given.get("proxies", ()), origins),
        database=database,
        logs=read_database("logs", given.get("logs", logs), origins),
        lease=read_seconds(given, "lease", origins, 30.0, least=1.0),
        drain=read_seconds(given, "drain", origins, 10.0, least=0.0),
        scheduler=read_urls(given.get("scheduler", ()), origins),
        name=read_text(given, "name", origins) or f"{os.uname().nodename}-{os.getpid()}",
        capacity=read_integer(given, "capacity", origins, 1, least=1, most=100_000) if "capacity" in given else None,
        labels=read_labels(given.get("labels", ()), origins),
        secrets=read_text(given, "secrets", origins),
        keep_days=read_integer(given, "keep_days", origins, KEPT.days, least=0, most=_MOST_DAYS),
        keep_runs=read_integer(given, "keep_runs", origins, KEPT.runs, least=0, most=999_999_999),
        keep_logs_days=read_integer(given, "keep_logs_days", origins, KEPT.logs_days, least=0, most=_MOST_DAYS),
        keep_outputs_days=read_integer(
            given, "keep_outputs_days", origins, KEPT.outputs_days, least=0, most=_MOST_DAYS
        ),
        durability=read_word(given, "durability", origins, Durability.FULL),
        migrate=read_word(given, "migrate", origins, Migrate.AUTO),
        log_format=read_word(given, "log_format", origins, LogFormat.TEXT),
        run_file=Path(read_text(given, "run_file", origins) or _run_file(stem, database)),
    )
    if config.tls_cert is None and config.tls_key is not None:
        raise ConfigError(f"tls_key ({origins['tls_key']}) is of no use without tls_cert, the certificate")
    return Loaded(
        config, {setting.name: origins.get(setting.name, "default") for setting in SETTINGS}, _unknown(environ)
    )


def _run_file(stem: Path, database: str) -> Path:
    """Beside a SQLite file; a server's database is no place, so beside the program there."""
    if is_server(database):
        return stem.with_suffix(f".{digest(database)}.run.json")
    return Path(database).with_suffix(".run.json")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_NAMES = frozenset(setting.name for setting in SETTINGS)
_MOST_DAYS = 36_500
_FLAG = "flag"
_NO_PATH = re.compile(r"://|^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
"""A URL, or `module:callable`."""


def _gather(
    program: Path, flags: Mapping[str, object], environ: Mapping[str, str], config_file: str | None
) -> tuple[Values, dict[str, str]]:
    values: Values = {}
    origins: dict[str, str] = {}

    def take(found: Mapping[str, object], origin: str, base: Path) -> None:
        for setting in SETTINGS:
            value = found.get(setting.name)
            if value is None:
                continue
            if setting.is_path and isinstance(value, str) and value.strip():
                value = path_in(value)
                if not _NO_PATH.search(value):
                    value = str(base / Path(value).expanduser())
            values[setting.name] = value
            origins[setting.name] = setting.flag if origin == _FLAG else origin

    named = config_file or environ.get(f"{ENVIRONMENT_PREFIX}CONFIG")
    toml = Path(named) if named else program.with_suffix(".toml")
    if named or toml.is_file():
        take(_read_toml(toml), str(toml), toml.resolve().parent)
    here = Path.cwd()
    for name in _NAMES:
        text = environ.get(f"{ENVIRONMENT_PREFIX}{name.upper()}")
        if text:
            take({name: text}, f"{ENVIRONMENT_PREFIX}{name.upper()}", here)
    take(flags, _FLAG, here)
    return values, origins


def _read_toml(path: Path) -> Values:
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    for name in found:
        if name not in _NAMES:
            similar = difflib.get_close_matches(name, _NAMES, 1)
            hint = f"; did you mean `{similar[0]}`?" if similar else ""
            raise ConfigError(f"{path}: there is no setting `{name}`{hint}")
    return found


def _unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in _NAMES | {"config"}}
    return tuple(sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX) and name not in known))
