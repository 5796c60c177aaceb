"""The commands of a generated program: what each is for, where it is carried out, what it takes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

from ppacer.config import SETTINGS


@dataclass(frozen=True, slots=True)
class Command:
    """`target` is `module:function`, imported only when the command runs; `settings` are those that concern it."""

    help: str
    target: str
    settings: tuple[str, ...]


RUN_STATUSES = ("queued", "running", "success", "failed", "cancelled")
"""Those of `ppacer.core.model.RunStatus`, which takes too long to load for a look at the command line."""

_STORAGE = ("database", "logs", "durability", "migrate")
_KEEPING = ("keep_days", "keep_runs", "keep_logs_days", "keep_outputs_days")
_TLS = ("tls_cert", "tls_key", "tls_ca")
_SERVING = ("host", "port", "token", *_TLS, "proxies", *_STORAGE, "lease", "drain", "secrets", *_KEEPING, "log_format")
_WORKING = ("name", "capacity", "labels", "secrets")
_CLIENT = ("database", "scheduler", "token", "tls_ca")
_ASKING = (*_CLIENT, "logs")

COMMANDS: Mapping[str, Command] = {
    "start": Command(
        "scheduler, executor and page in one (the default)", "ppacer.cli.early:start", (*_SERVING, *_WORKING)
    ),
    "scheduler": Command("scheduler and page alone; executors join over HTTP", "ppacer.cli.serve:scheduler", _SERVING),
    "executor": Command(
        "runs tasks for a scheduler on this or another machine",
        "ppacer.cli.serve:executor",
        ("scheduler", "token", "tls_ca", *_WORKING, "drain", "log_format"),
    ),
    "run": Command(
        "runs a dag once, here, and shows how it goes",
        "ppacer.cli.run:run",
        (*_ASKING, "migrate", "capacity", "labels", "secrets"),
    ),
    "list": Command("lists the dags, paused and removed ones too", "ppacer.cli.listing:list_dags", _ASKING),
    "show": Command("shows a dag's settings and tasks, or what changed in it", "ppacer.cli.show:show", _ASKING),
    "next": Command("shows when a dag runs next", "ppacer.cli.listing:next_runs", _ASKING),
    "runs": Command("lists the latest runs", "ppacer.cli.runs:runs", _ASKING),
    "logs": Command("prints what tasks wrote", "ppacer.cli.logs:logs", _ASKING),
    "history": Command("tells who did what to a dag or a run, and when", "ppacer.cli.history:history", _ASKING),
    "pools": Command("shows the pools and how full they are", "ppacer.cli.dags:pools", _CLIENT),
    "trigger": Command("asks for a run now", "ppacer.cli.trigger:trigger", _ASKING),
    "cancel": Command("ends a run or one of its tasks", "ppacer.cli.operations:cancel", _ASKING),
    "restart": Command(
        "does again what failed or never ran in a run, and what follows", "ppacer.cli.operations:restart", _ASKING
    ),
    "rerun": Command("does one task of a run again, and what follows", "ppacer.cli.operations:rerun", _ASKING),
    "mark": Command("counts a task as succeeded or failed", "ppacer.cli.operations:mark", _ASKING),
    "pause": Command("makes no more scheduled runs of a dag", "ppacer.cli.dags:pause", _ASKING),
    "resume": Command("makes scheduled runs of a paused dag again", "ppacer.cli.dags:resume", _ASKING),
    "silence": Command("alerts nobody of a dag for a while", "ppacer.cli.dags:silence", _ASKING),
    "backfill": Command(
        "makes runs for due times that have passed, and shows how it goes",
        "ppacer.cli.backfill:backfill",
        (*_ASKING, "migrate", "capacity", "labels", "secrets"),
    ),
    "db": Command(
        "tells of the database, upgrades it, or copies it while the program runs", "ppacer.cli.db:database", _ASKING
    ),
    "user": Command("tells who can log in, and changes that", "ppacer.cli.accounts:user", _ASKING),
    "token": Command(
        "makes a token for scripts, executors or a login; lists and revokes them", "ppacer.cli.accounts:token", _ASKING
    ),
    "audit": Command("tells who did what, from where, and what came of it", "ppacer.cli.accounts:audit", _ASKING),
    "info": Command("tells what the program is made of: versions, hashes, sources", "ppacer.cli.contents:info", ()),
    "verify": Command("looks whether a program in one file is still what was built", "ppacer.cli.contents:verify", ()),
    "config": Command(
        "prints the settings in force and where each came from",
        "ppacer.cli.listing:config",
        tuple(setting.name for setting in SETTINGS),
    ),
}


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """What the command takes beside settings."""
    _add_subject(parser, command)
    if command in ("run", "trigger", "backfill"):
        parser.add_argument(
            "-p", "--param", dest="params", metavar="NAME=VALUE", action="append", help="a parameter of the run"
        )
    if command in ("run", "trigger"):
        parser.add_argument("--at", metavar="TIME", help="the run's logical time, such as 2026-01-31T02:15 [now]")
    if command in ("pause", "silence"):
        parser.add_argument("--reason", metavar="TEXT", help="why, for the dag's history")
    adder = _ADDERS.get(command)
    if adder is not None:
        adder(parser)


def _add_subject(parser: argparse.ArgumentParser, command: str) -> None:
    """The dag, run or task that the command is about."""
    if command in ("run", "show", "next", "trigger", "pause", "resume", "silence"):
        parser.add_argument("dag", metavar="DAG", help="the dag's name")
    if command in ("runs", "backfill"):
        parser.add_argument("dag", metavar="DAG", nargs="?", help="the dag's name")
    if command in ("logs", "cancel", "restart", "rerun", "mark"):
        parser.add_argument("run", metavar="RUN", help="a run's id, a unique part of it, or `latest`")
    if command in ("logs", "cancel"):
        parser.add_argument("task", metavar="TASK", nargs="?", help="one task, such as load or check[3] [all]")
    if command in ("rerun", "mark"):
        parser.add_argument("task", metavar="TASK", help="the task, such as load or check[3]")


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="leave out what the tasks print")


def _show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--versions", action="store_true", help="show what changed in it from build to build")


def _next(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", dest="count", metavar="N", type=_count, help="how many times to show [5]")


def _runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--status", dest="statuses", choices=RUN_STATUSES, action="append", help="only those; repeat it for more"
    )
    parser.add_argument("-n", dest="count", metavar="N", type=_count, help="how many to show [20]")


def _logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--attempt", metavar="N", type=_count, help="an earlier attempt [the last]")
    parser.add_argument("--epoch", metavar="N", type=_count, help="of an earlier epoch of the run [the last]")


def _history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="DAG|RUN", help="a dag's name, or a run as `logs` takes it")
    parser.add_argument("-n", dest="count", metavar="N", type=_count, help="how many events of a dag to show [30]")
    parser.add_argument("--all", action="store_true", help="every step of a run, attempts too")


def _trigger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="TEXT", help="idempotency key: asked twice, it makes one run")


def _rerun(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="store_true", help="leave alone what follows it")


def _mark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("status", choices=("success", "failed"), help="what it is to count as")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the run's history")
    parser.add_argument("--output", metavar="JSON", help="the output of a task marked as succeeded [none]")


def _silence(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--for", metavar="DURATION", help="for so long, such as 2h or 1d12h")
    how.add_argument("--until", metavar="TIME", help="until then, such as 2026-01-31T08:00")
    how.add_argument("--off", action="store_true", help="no longer")


def _db(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("status", "upgrade", "backup"), help="what to do with it")
    parser.add_argument("file", metavar="FILE", nargs="?", help="where the copy goes; that of the logs beside it")


def _user(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "add", "remove", "role", "password"), help="what to do")
    parser.add_argument("user", metavar="NAME", nargs="?", help="the user; a password is asked for, or read from stdin")
    parser.add_argument("--role", choices=("viewer", "operator", "admin"), help="what the user may do")


def _token(parser: argparse.ArgumentParser) -> None:
    # No `choices`: with one that may be left out, argparse looks for the word of the default among them.
    parser.add_argument("action", metavar="list|add|revoke", nargs="?", help="what to do [make a token for an admin]")
    parser.add_argument("which", metavar="NAME", nargs="?", help="what the token is known by")
    parser.add_argument("--name", dest="token_name", metavar="NAME", help="the same [your name and a number]")
    parser.add_argument("--scope", choices=("executor", "viewer", "operator", "admin"), help="what it may do [admin]")
    parser.add_argument("--expires", metavar="WHEN", help="a duration such as 30d, or a time [never]")


def _audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--actor", metavar="NAME", help="what this user did, or token:NAME")
    parser.add_argument("--action", dest="did", metavar="ACTION", help="only this, such as trigger or login")
    parser.add_argument("--since", metavar="TIME", help="not before; or a duration before now")
    parser.add_argument("-n", dest="count", metavar="N", type=_count, help="how many to show [30]")


def _backfill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", metavar="TIME", help="the first due time, such as 2026-01-01")
    parser.add_argument("--until", metavar="TIME", help="the end of the due times, itself not among them")
    parser.add_argument("--parallel", metavar="N", type=_count, help="how many runs at once, at most [1]")
    parser.add_argument("--no-follow", action="store_true", help="do not wait for the runs")
    parser.add_argument("--list", action="store_true", help="list the backfills, those of DAG if it is given")
    parser.add_argument("--cancel", metavar="BACKFILL", help="end the one with that id, or with that part of it")


def _info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, with the hash of every file inside")


_ADDERS = {
    "info": _info,
    "run": _run,
    "show": _show,
    "next": _next,
    "runs": _runs,
    "logs": _logs,
    "history": _history,
    "trigger": _trigger,
    "rerun": _rerun,
    "mark": _mark,
    "silence": _silence,
    "backfill": _backfill,
    "db": _db,
    "user": _user,
    "token": _token,
    "audit": _audit,
}


_MOST = 10_000


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to {_MOST}")
    return int(text)
