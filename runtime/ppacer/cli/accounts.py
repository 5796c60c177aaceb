"""`user`, `token`, `audit`: who may do what, and who did what."""

from __future__ import annotations

import getpass
import re
import sys
from datetime import UTC, datetime

from ppacer.cli.access import NothingYetError, Program, program_of, user_name
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Cell, Style, printable
from ppacer.cli.times import instant_of, local
from ppacer.core.accounts import LEAST_PASSWORD
from ppacer.core.durations import duration_of
from ppacer.localtime import local_time

_DEFAULT = 30


def user(invocation: Invocation) -> int:
    action = invocation.text("action")
    name, role = invocation.optional("user"), invocation.optional("role")
    if (name is None) != (action == "list"):
        raise CommandError("user list takes no name" if name is not None else f"say who: user {action} NAME", 2)
    if action in ("add", "role") and role is None:
        raise CommandError(f"say which role: user {action} {name} --role viewer, operator or admin", 2)
    if name is None:
        _list_users(invocation)
        return 0
    password = _new_password(name) if action in ("add", "password") else ""
    with program_of(invocation, makes=action == "add") as program:
        invocation.console.line(_change_user(program, action, name, role or "", password))
    return 0


def _change_user(program: Program, action: str, name: str, role: str, password: str) -> str:
    """What has been done."""
    match action:
        case "add":
            program.add_user(name, role, password)
            return f"{name} can log in, as {role}"
        case "role":
            program.set_role(name, role)
            return f"{name} is {role} now"
        case "password":
            program.set_password(name, password)
            return f"{name} has another password, and must log in anew"
        case _:
            left = program.remove_user(name).users
            return f"{name} is removed" + ("" if left else ": there are no users any more, loopback is open to all")


def _list_users(invocation: Invocation) -> None:
    with program_of(invocation) as program:
        found = program.users().users
    if not found:
        invocation.console.line("there are no users", Style.DIM)
        return
    rows: list[list[str | Cell]] = [
        [Cell(each.name, Style.BOLD), each.role, Cell(local(each.created_at), Style.DIM)] for each in found
    ]
    invocation.console.table(rows, ("user", "role", "since"))


def _new_password(name: str) -> str:
    """Asked for twice at a terminal, else the first line of the standard input: on the command line everybody on the
    machine could read it."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass(f"password for {name} ({LEAST_PASSWORD} characters at least): ")
    if getpass.getpass("once more: ") != password:
        raise CommandError("these were two passwords", 2)
    return password


def token(invocation: Invocation) -> int:
    action, name = invocation.optional("action"), invocation.optional("which") or invocation.optional("token_name")
    if action not in (None, "list", "add", "revoke"):
        raise CommandError(f"token {action}: expected list, add, revoke, or nothing for a new token", 2)
    if action == "list":
        _list_tokens(invocation)
    elif action == "revoke":
        if name is None:
            raise CommandError("say which token: token revoke NAME", 2)
        with program_of(invocation) as program:
            program.revoke_token(name)
        invocation.console.line(f"{name} does not hold any more")
    else:
        if action == "add" and (name is None or invocation.optional("scope") is None):
            raise CommandError("say what for: token add NAME --scope executor, viewer, operator or admin", 2)
        _add_token(invocation, name, invocation.optional("scope") or "admin")
    return 0


def _add_token(invocation: Invocation, name: str | None, scope: str) -> None:
    """The secret goes to the standard output alone, so that `TOKEN=$(… token)` has it and nothing else."""
    expires_at = _expiry(invocation.optional("expires"))
    with program_of(invocation, makes=True) as program:
        chosen = name or _free_name(program)
        made = program.add_token(chosen, scope, expires_at=expires_at)
    until = "" if made.token.expires_at is None else f", until {local(made.token.expires_at)}"
    page = "" if scope == "executor" else ", the login page instead of a password"
    sys.stderr.write(
        f"token {chosen} with the scope {scope}{until}; it is shown only now. Commands and executors take it from "
        f"PPACER_TOKEN{page}:\n"
    )
    sys.stderr.flush()
    invocation.console.line(made.secret)


def _free_name(program: Program) -> str:
    taken = {each.name for each in program.tokens().tokens}
    base = re.sub("[^A-Za-z0-9._@-]", "", user_name()).lstrip("._@-")[:50] or "token"
    return next(name for number in range(1, len(taken) + 2) if (name := f"{base}-{number}") not in taken)


def _expiry(text: str | None) -> str | None:
    """From a duration such as `30d`, or a time."""
    if text is None:
        return None
    try:
        try:
            moment = datetime.now(UTC) + duration_of(text)
        except ValueError:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.astimezone()
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise CommandError(
            f"--expires {text}: expected a duration such as 30d, or a time such as 2026-12-31", 2
        ) from error


def _list_tokens(invocation: Invocation) -> None:
    with program_of(invocation) as program:
        found = program.tokens().tokens
    if not found:
        invocation.console.line("there are no tokens", Style.DIM)
        return
    rows: list[list[str | Cell]] = [
        [
            Cell(each.name, Style.BOLD),
            each.scope,
            f"{'expired' if each.expired else 'until'} {local(each.expires_at)}" if each.expires_at else "for ever",
            Cell(f"by {printable(each.created_by)}, {local(each.created_at)}", Style.DIM),
        ]
        for each in found
    ]
    invocation.console.table(rows, ("token", "scope", "holds", "made"))


def audit(invocation: Invocation) -> int:
    given = invocation.optional("since")
    since = None if given is None else _moment(given)
    try:
        with program_of(invocation) as program:
            found = list(
                program.each_audit_entry(
                    actor=invocation.optional("actor"),
                    action=invocation.optional("did"),
                    since=since,
                    limit=invocation.number("count", _DEFAULT),
                )
            )
    except NothingYetError:
        found = []
    rows: list[list[str | Cell]] = [
        [
            Cell(local_time(instant_of(entry.at), seconds=True), Style.DIM),
            Cell(printable(entry.actor or "somebody unknown"), Style.BOLD),
            f"{entry.action} {printable(entry.subject)}".rstrip(),
            _outcome(entry.outcome),
            Cell(printable(", ".join(filter(None, (entry.how, entry.address, entry.detail)))), Style.DIM),
        ]
        for entry in found[::-1]
    ]
    if rows:
        invocation.console.table(rows)
    else:
        invocation.console.line("nothing was done yet", Style.DIM)
    return 0


def _outcome(status: int) -> Cell:
    return Cell("done" if status < 400 else f"refused ({status})", Style.PLAIN if status < 400 else Style.RED)


def _moment(text: str) -> str:
    """A time of the command line: in this machine's zone unless it has an offset; or a duration before now."""
    try:
        return (datetime.now(UTC) - duration_of(text)).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise CommandError(
            f"--since {text}: expected a duration such as 2h, or a time such as 2026-01-31", 2
        ) from error
