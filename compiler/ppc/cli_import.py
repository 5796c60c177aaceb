"""`ppc import`: pipelines of other systems as `.ppd`, with all that could not be translated listed."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from ppacer.core.instants import UnknownZoneError, zone
from ppc.cli_error import CommandError, UsageError
from ppc.crontab import Translation, translate
from ppc.format import format_source
from ppc.package import OutputError, write_text
from ppc.source import Source

STANDARD_INPUT = "-"
_SYSTEM_ZONE: Final = Path("/etc/localtime")
_ZONE_FOLDER: Final = "/zoneinfo/"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", choices=["crontab"], help="what the file is written for")
    parser.add_argument(
        "file", metavar="FILE", help=f"the file; `{STANDARD_INPUT}` for the input: crontab -l | ppc import crontab -"
    )
    parser.add_argument("-o", dest="output", metavar="PLACE", help="the file to write [the standard output]")
    parser.add_argument("--force", action="store_true", help="overwrite PLACE")
    parser.add_argument(
        "--users", action="store_true", help="entries name their users, as those of /etc/crontab and /etc/cron.d do"
    )
    parser.add_argument(
        "--timezone", metavar="ZONE", help="the zone of the times, such as Europe/Warsaw [that of this system]"
    )


def run(arguments: Namespace) -> int:
    place = None if arguments.output is None else Path(arguments.output)
    if place is not None and place.suffix != ".ppd":
        raise UsageError(f"{place} is to be a source: its name ends in .ppd")
    if place is not None and place.exists() and not arguments.force:
        raise CommandError(f"{place} is there already; --force overwrites it")
    named = _zone(arguments.timezone)
    made = translate(_read(arguments.file), named, users=arguments.users)
    text = format_source(Source("<crontab>", made.text)).text
    if place is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        try:
            write_text(place, text)
        except OutputError as error:
            raise CommandError(str(error)) from error
    _tell(arguments.file, made)
    return CommandError.code if any(remark.lost for remark in made.remarks) else 0


def _tell(file: str, made: Translation) -> None:
    shown = "<stdin>" if file == STANDARD_INPUT else file
    for remark in made.remarks:
        print(f"{shown}:{remark.line}: {'not translated: ' if remark.lost else ''}{remark.message}", file=sys.stderr)
    lost = sum(remark.lost for remark in made.remarks)
    jobs = "1 dag" if made.jobs == 1 else f"{made.jobs} dags"
    print(f"{jobs}{f', {lost} of {made.jobs + lost} entries not translated' if lost else ''}", file=sys.stderr)


def _read(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return raw.decode()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8, at byte {error.start}") from error


def _zone(named: str | None) -> str:
    """The IANA name of the zone. Raises `UsageError` where none is known."""
    name = named or os.environ.get("TZ", "").removeprefix(":") or _of_system()
    if name is None:
        raise UsageError("what zone the times are in cannot be told from this system: --timezone Europe/Warsaw")
    try:
        zone(name)
    except UnknownZoneError as error:
        raise UsageError(f"{error}: --timezone takes an IANA name such as Europe/Warsaw") from error
    return name


def _of_system() -> str | None:
    _, found, name = os.path.realpath(_SYSTEM_ZONE).rpartition(_ZONE_FOLDER)
    return name if found else None
