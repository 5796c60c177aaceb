"""Crontabs as `.ppd`: what a crontab says, and what it cannot be made to say here.

The format is that of Vixie's cron and cronie, crontab(5): settings (`NAME = value`), which hold for the entries below
them, and entries: five fields or a `@word`, in `/etc/crontab` and its kin a user, and a command. An unescaped `%` ends
the command; what follows is its standard input, in which further ones are ends of lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from ppacer.core.cron import CronFault, parse_cron
from ppacer.core.instants import UnknownZoneError, zone
from ppacer.core.notation import string_text
from ppacer.records import dataclass, field
from ppc.translation import Remark, Translation, dict_text, numbered
from ppd.words import RESERVED, SCOPES

_SETTING: Final = re.compile(
    r"""\s*(?:"(?P<d>[^"]+)"|'(?P<s>[^']+)'|(?P<n>[^\s="']+))\s*=\s*(?P<value>.*?)\s*""", re.DOTALL
)
_ENTRY: Final = re.compile(r"\s*(?P<when>@\S+|(?:\S+\s+){4}\S+)(?:\s+(?P<rest>\S.*))?", re.DOTALL)
_WITH_USER: Final = re.compile(r"(?P<user>[A-Za-z_][\w.-]*\$?)\s+(?P<rest>\S.*)", re.DOTALL)
_SUPERUSER: Final = re.compile(r"root\s+\S")
_SHELLS: Final = frozenset({"/bin/sh", "/usr/bin/sh", "sh"})
_ZONE, _SHELL, _MAIL, _HOME, _DELAY = "CRON_TZ", "SHELL", "MAILTO", "HOME", "RANDOM_DELAY"
_OF_CRON: Final = frozenset(
    {_ZONE, _SHELL, _MAIL, _DELAY, "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING", "START_HOURS_RANGE"}
)
"""Settings that are for cron itself, not for the commands' environment."""

_BEFORE_NAME: Final = frozenset(
    {"bash", "chronic", "command", "dash", "env", "exec", "ionice", "nice", "node", "nohup", "perl", "php", "ruby"}
    | {"sh", "sudo", "test", "time", "timeout", "zsh", "cd", "flock"}
)
"""Commands that say nothing of what a job is about: the word after them does."""


def translate(text: str, timezone: str, *, users: bool = False) -> Translation:
    """A crontab's entries as dags. Those that do not say otherwise by `CRON_TZ` have their times in `timezone`. With
    `users` each entry names the user that it runs as, as those of `/etc/crontab` do."""
    reader = _Reader(users, {_ZONE: timezone})
    parts = [part for number, line in enumerate(_lines(text), 1) for part in reader.line(number, line)]
    jobs = len(reader.names)
    if not jobs and not any(remark.lost for remark in reader.remarks):
        reader.remarks.append(Remark(1, "there is no entry in it", lost=True))
    shared = [_HEAD, _DEFAULTS] if jobs else [_HEAD]
    return Translation("\n\n".join([*shared, *parts]) + "\n", jobs, tuple(reader.remarks))


_HEAD: Final = """\
# Made from a crontab. As with cron, what was due while nothing ran is not made up for. Otherwise than with cron, a job
# whose last run still goes on waits for it (see `overlap`), and what jobs write is kept as their log, not mailed."""
_DEFAULTS: Final = """\
defaults {
  timeout = none         # cron knows none
  cwd     = env("HOME")  # where cron starts its jobs
}"""


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


@dataclass(slots=True)
class _Reader:
    """What the lines so far say."""

    users: bool
    settings: dict[str, str]
    comments: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    remarks: list[Remark] = field(default_factory=list)

    def line(self, number: int, line: str) -> Iterator[str]:
        """What is made of the next line, if anything."""
        stripped = line.strip()
        if not stripped:
            yield from self._left_over()
        elif stripped.startswith("#"):
            self.comments.append(stripped.lstrip("#").strip())
        elif match := _SETTING.fullmatch(line):
            yield from self._left_over()
            self._set(number, match)
        else:
            comments, self.comments = self.comments, []
            made = self._entry(number, line, comments)
            if isinstance(made, str):
                yield made
            else:
                self.remarks.append(made)
                yield "\n".join([*map(_comment, [*comments, stripped]), f"# Not translated: {made.message}."])

    def _left_over(self) -> Iterator[str]:
        """Comments that stand above no entry."""
        if self.comments:
            yield "\n".join(map(_comment, self.comments))
            self.comments = []

    def _set(self, number: int, match: re.Match[str]) -> None:
        name = match["d"] or match["s"] or match["n"]
        value = match["value"]
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        self.settings[name] = value
        if name == _MAIL and value:
            not_mailed = f"what jobs write is not mailed to {value}: it is in their logs"
            self.remarks.append(Remark(number, f"{not_mailed}. Declare a `notifier` to be told of failures"))
        elif name == _DELAY and value != "0":
            self.remarks.append(Remark(number, f"jobs start at their times, not up to {value} minutes later"))

    def _entry(self, number: int, line: str, comments: list[str]) -> str | Remark:
        match = _ENTRY.fullmatch(line)
        found = None if match is None else match["rest"]
        if match is None or found is None:
            return Remark(number, "this is neither an entry of cron nor a setting", lost=True)
        if "\0" in line:
            return Remark(number, "there is a NUL in it, at which cron stops reading", lost=True)
        when = " ".join(match["when"].split())
        if problem := _untranslatable(when) or _unknown(self.settings[_ZONE]):
            return Remark(number, problem, lost=True)
        command = found.strip()
        if self.users:
            with_user = _WITH_USER.fullmatch(command)
            if with_user is None:
                return Remark(number, "an entry of a system's crontab names a user before its command", lost=True)
            command = with_user["rest"]
            as_whom = f"it ran as the user {with_user['user']}; now as whoever runs the program"
            self.remarks.append(Remark(number, as_whom))
        elif _SUPERUSER.match(command):
            told = "this runs a command `root`; where that is the user, as in /etc/crontab, import it with --users"
            self.remarks.append(Remark(number, told))
        command, given = _input_apart(command)
        lines = [f"dag {numbered(_name(command), self.names)} {{"]
        doc = " ".join(comment for comment in comments if comment)
        if doc:
            lines += [f"  {string_text(doc)}", ""]
        lines += [f"  schedule = cron({string_text(when)})", f"  timezone = {string_text(self.settings[_ZONE])}"]
        job = f'shell({string_text(_whole(command, given, self.settings))}, output = "none")'
        return "\n".join([*lines, f"  task job = {job}{_block(self.settings)}", "}"])


def _comment(text: str) -> str:
    return f"# {text}".replace("\r", " ").rstrip()


def _untranslatable(when: str) -> str | None:
    """Why an entry's times cannot be said here."""
    if when.lower() == "@reboot":
        return "@reboot has no time; have the system's services start what is to run when it starts"
    fields = parse_cron(when)
    if isinstance(fields, CronFault):
        return fields.message
    if when.startswith("@"):
        return None
    _, _, day, _, weekday = when.split()
    starred = [each for each in (day, weekday) if each.startswith("*") and each != "*"]
    if starred and "*" not in (day, weekday):
        return (
            f"where one of them begins with `*`, as {starred[0]} does, cron wants both day of month and weekday to fit"
        )
    return None


def _unknown(named: str) -> str | None:
    """What is wrong with a zone's name."""
    try:
        zone(named)
    except UnknownZoneError as error:
        return str(error)
    return None


def _input_apart(command: str) -> tuple[str, list[str] | None]:
    """The command, and the lines of its standard input if there is one."""
    first, *rest = [part.replace("\\%", "%") for part in re.split(r"(?<!\\)%", command)]
    if rest and not rest[-1]:
        rest.pop()  # the last line's end
    return first.rstrip(), rest or None


def _whole(command: str, given: list[str] | None, settings: Mapping[str, str]) -> str:
    """What `sh` is to do so that the entry's own shell does the command, with its input."""
    shell = settings.get(_SHELL, "/bin/sh")
    if shell not in _SHELLS:
        command = f"{shlex.quote(shell)} -c {shlex.quote(command)}"
    if given is None:
        return command
    lines = " ".join(shlex.quote(line) for line in given)
    if shell in _SHELLS:
        command = f"( {command}\n)" if "#" in command else f"( {command} )"  # a comment would go on to the bracket
    return f"printf '%s\\n' {lines} | {command}"


def _block(settings: Mapping[str, str]) -> str:
    """The block of a task that has these variables, and starts where a `HOME` among them says."""
    variables = {name: string_text(value) for name, value in settings.items() if name not in _OF_CRON}
    place = [f"cwd = {variables[_HOME]}"] if _HOME in variables else []
    inside = [*place, f"env = {dict_text(variables)}"] if variables else []
    return f" {{ {', '.join(inside)} }}" if inside else ""


def _name(command: str) -> str:
    """The command's own: `/opt/bin/backup.sh --all` is `backup`, `cd /srv && python3 -m shop.load` is `shop_load`."""
    last_of_all = re.split(r"&&|\|\||;", command.rstrip("; "))[-1]
    try:
        words = shlex.split(last_of_all)
    except ValueError:
        words = last_of_all.split()
    for word in words:
        last = word.rsplit("/", 1)[-1]
        if "=" in word or word.startswith("-") or last in _BEFORE_NAME or re.fullmatch(r"python[\d.]*", last):
            continue
        stem = re.sub(r"\.(sh|bash|py|pl|rb|php|js)$", "", last)
        name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")[:60]
        if name and name[0].isalpha():
            return f"{name}_job" if name in RESERVED | SCOPES else name
    return "job"
