"""`ppc import`: pipelines of other systems as `.ppd`, with all that could not be translated listed."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from ppacer.core.instants import UnknownZoneError, zone
from ppc.cli_error import CommandError, UsageError
from ppc.format import format_source
from ppc.package import OutputError, write_text
from ppc.source import Source
from ppc.translation import Translation, UntranslatableError

STANDARD_INPUT = "-"
_CRONTAB, _DAGU, _AIRFLOW = "crontab", "dagu", "airflow"
_SYSTEM_ZONE: Final = Path("/etc/localtime")
_ZONE_FOLDER: Final = "/zoneinfo/"
_LARGEST: Final = 1 << 20
"""Bytes of a file; a source of 1 MiB keeps `ppc fmt` busy for a minute already."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", choices=[_CRONTAB, _DAGU, _AIRFLOW], help="what the file is written for")
    parser.add_argument(
        "file", metavar="FILE", help=f"the file; `{STANDARD_INPUT}` for the input: crontab -l | ppc import crontab -"
    )
    parser.add_argument("-o", dest="output", metavar="PLACE", help="the file to write [the standard output]")
    parser.add_argument("--force", action="store_true", help="overwrite PLACE")
    parser.add_argument(
        "--users", action="store_true", help="entries name their users, as those of /etc/crontab and /etc/cron.d do"
    )
    parser.add_argument(
        "--timezone",
        metavar="ZONE",
        help="the zone of times that name none, such as Europe/Warsaw [that of this system; of Airflow, UTC]",
    )


def run(arguments: Namespace) -> int:
    place = None if arguments.output is None else Path(arguments.output)
    if place is not None and place.suffix != ".ppd":
        raise UsageError(f"{place} is to be a source: its name ends in .ppd")
    if arguments.users and arguments.system != _CRONTAB:
        raise UsageError("--users is for crontabs")
    try:
        made = _made(arguments, place)
    except UntranslatableError as error:
        raise CommandError(f"{_shown(arguments.file)}: {error}") from error
    if not made.jobs:
        _tell(arguments, made, None)
        return CommandError.code
    text = format_source(Source(f"<{arguments.system}>", made.text)).text
    module = None if place is None or not made.module else place.with_name(f"{_module(place)}.py")
    for file in (place, module):
        if file is not None and file.exists() and not arguments.force:
            raise CommandError(f"{file} is there already; --force overwrites it")
    if place is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        try:
            write_text(place, text)
            if module is not None:
                write_text(module, made.module)
        except OutputError as error:
            raise CommandError(str(error)) from error
    _tell(arguments, made, module)
    return CommandError.code if any(remark.lost for remark in made.remarks) else 0


def _made(arguments: Namespace, place: Path | None) -> Translation:
    """What becomes of the file. What reads it is loaded for its system alone. Raises `UntranslatableError`."""
    if arguments.system == _AIRFLOW:
        from ppc.airflow import translate as of_airflow  # noqa: PLC0415

        named = "UTC" if arguments.timezone is None else _zone(arguments.timezone)
        return of_airflow(_read(arguments.file), named, module=_module(place or Path(arguments.file)))
    named = _zone(arguments.timezone)
    text = _read(arguments.file)
    if arguments.system == _CRONTAB:
        from ppc.crontab import translate as of_cron  # noqa: PLC0415

        return of_cron(text, named, users=arguments.users)
    try:
        from ppc.dagu import translate as of_dagu  # noqa: PLC0415 - an extra, which other commands do without
    except ModuleNotFoundError as error:
        if error.name != "yaml":
            raise
        raise CommandError(
            'workflows of Dagu are YAML, whose reader is an extra: pip install "ppacer[import]"'
        ) from error
    return of_dagu(text, named, name=Path(arguments.file).stem)


def _module(place: Path) -> str:
    """The name of the module of functions that goes with a source."""
    name = "".join(letter if letter.isalnum() else "_" for letter in place.stem)
    return f"{name if name.isidentifier() else f'dag_{name}'}_tasks"


def _shown(file: str) -> str:
    return "<stdin>" if file == STANDARD_INPUT else file


def _tell(arguments: Namespace, made: Translation, module: Path | None) -> None:
    for remark in made.remarks:
        said = f"{'not translated: ' if remark.lost else ''}{remark.message}"
        print(f"{_shown(arguments.file)}:{remark.line}: {said}", file=sys.stderr)
    if not made.jobs:
        print("no dag came of it; nothing is written", file=sys.stderr)
        return
    lost = sum(remark.lost for remark in made.remarks)
    jobs = "1 dag" if made.jobs == 1 else f"{made.jobs} dags"
    if arguments.system == _CRONTAB:
        left_out = f", {lost} of {made.jobs + lost} entries not translated"
    else:
        left_out = f", {'1 thing' if lost == 1 else f'{lost} things'} not translated"
    beside = f"; its functions are in {module}" if module is not None else ""
    print(f"{jobs}{left_out if lost else ''}{beside}", file=sys.stderr)


def _read(file: str) -> str:
    try:
        if file == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(file).open("rb") as stream:
                raw = stream.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise CommandError(f"{_shown(file)} is larger than 1 MiB, which no such file is that somebody wrote")
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"cannot read {_shown(file)}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{_shown(file)} is not UTF-8, at byte {error.start}") from error


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
