"""What a literal's text means: numbers, durations, dates, times and the escapes of strings.

Each function answers with the value or with a `BadLiteral` that says what is wrong and how to write it.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from typing import Final

from ppacer.records import dataclass

INTEGER_LIMIT: Final = 2**63
"""Integers are 64-bit: what JSON readers and databases keep exactly."""


@dataclass(frozen=True, slots=True)
class BadLiteral:
    message: str
    help: str = ""
    start: int = 0
    """Where in the literal the fault lies; the whole literal where `end` is 0."""
    end: int = 0
    right: str = ""
    """What is plainly meant by what is at fault."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar days kept apart from elapsed time."""

    days: int
    elapsed: timedelta


@dataclass(frozen=True, slots=True)
class Respelled:
    """A date that is plain enough to be understood, but not written as dates are: `right` is how."""

    value: date
    right: str


_INTEGER: Final = re.compile(r"0|[1-9][0-9]*")
_FLOAT: Final = re.compile(r"(?:0|[1-9][0-9]*)\.[0-9]+")
_DURATION: Final = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")
_DURATION_PARTS: Final = re.compile(r"(?:[0-9.]+[A-Za-z]+)+")
_UNIT: Final = re.compile(r"([0-9.]+)([A-Za-z]+)")
_SIZE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?[KMGTkmgt]i?[Bb]")
_DAY_LIMIT: Final = 366_000
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DATETIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_DURATION_HELP: Final = "durations are whole numbers of `d h m s ms`, largest first: `30m`, `1h30m`, `2d`, `500ms`"
_OTHER_UNITS: Final = {
    "day": "d", "days": "d", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "min": "m", "mins": "m", "minute": "m",
    "minutes": "m", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "H": "h", "M": "m", "S": "s", "D": "d",
}  # fmt: skip


def number(text: str) -> int | float | Duration | BadLiteral:
    """`1`, `1.5`, `30m`: whatever begins with a digit and is no date."""
    if _INTEGER.fullmatch(text):
        # A text this long is too large whatever its digits; Python refuses to convert the longest.
        value = int(text) if len(text) < 30 else INTEGER_LIMIT
        return value if value < INTEGER_LIMIT else BadLiteral("this number is too large", "integers have 64 bits")
    if _FLOAT.fullmatch(text):
        real = float(text)
        return real if math.isfinite(real) else BadLiteral("this number is too large")
    if match := _DURATION.fullmatch(text):
        return _duration(match)
    return _bad_number(text)


def _duration(match: re.Match[str]) -> Duration | BadLiteral:
    if any(part is not None and len(part) > 15 for part in match.groups()):
        return BadLiteral("this duration is too long")
    days, hours, minutes, seconds, milliseconds = (int(part or 0) for part in match.groups())
    try:
        elapsed = timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
    except OverflowError:
        return BadLiteral("this duration is too long")
    if days > _DAY_LIMIT or elapsed.days > _DAY_LIMIT:
        return BadLiteral("this duration is too long")
    return Duration(days, elapsed)


def _bad_number(text: str) -> BadLiteral:
    if re.fullmatch(r"[0-9][0-9_]*", text):
        plain = text.replace("_", "").lstrip("0") or "0"
        return BadLiteral("a number has neither leading zeros nor `_`", f"write `{plain}`", right=plain)
    if re.fullmatch(r"0[xXoObB]\w+", text):
        return BadLiteral("numbers are decimal", "write it with the digits 0 to 9")
    if re.fullmatch(r"[0-9.]+[eE][0-9]*", text):
        return BadLiteral("numbers have no exponent", "write it out: `1500000`, `0.0001`")
    if _DURATION_PARTS.fullmatch(text):
        units = {unit for _, unit in _UNIT.findall(text)}
        if units <= {"d", "h", "m", "s", "ms", "w", *_OTHER_UNITS}:
            right = _meant_duration(text)
            way_out = f"write `{right}`" if right else _DURATION_HELP
            return BadLiteral(f"`{text}` is not a duration", way_out, right=right)
    if _SIZE.fullmatch(text):
        return BadLiteral(f"the size `{text}` is a text", f'write it in quotes: `"{text}"`', right=f'"{text}"')
    if re.fullmatch(r"[0-9.]+", text):
        return BadLiteral(f"`{text}` is not a number", "a number is written `1` or `1.5`")
    return BadLiteral(
        f"`{text}` is neither a number nor a name",
        f"a name begins with a letter or `_`; {_DURATION_HELP}",
    )


def _meant_duration(text: str) -> str:
    if match := re.fullmatch(r"([0-9]{1,6})([A-Za-z]+)", text):
        amount, unit = int(match[1]), match[2]
        if unit == "w":
            return f"{amount * 7}d"
        if unit in _OTHER_UNITS:
            return f"{amount}{_OTHER_UNITS[unit]}"
    if match := re.fullmatch(r"([0-9]{1,4})\.5([hm])", text):
        smaller = {"h": "m", "m": "s"}[match[2]]
        whole = f"{int(match[1])}{match[2]}" if int(match[1]) else ""
        return f"{whole}30{smaller}"
    return ""


def date_or_time(text: str) -> date | datetime | Respelled | BadLiteral:
    """`2026-01-01` and `2026-01-01T02:30`: anything that begins like a date."""
    day = _DATE.match(text)
    if day is None:
        return BadLiteral(f"`{text}` is not a date", "a date is written `2026-01-31`")
    value = _date(int(day[1]), int(day[2]), int(day[3]))
    if isinstance(value, BadLiteral):
        return value
    rest = text[day.end() :]
    if not rest:
        right = value.isoformat()
        return value if right == text else Respelled(value, right)
    time = _DATETIME.fullmatch(text)
    if time is None:
        return _bad_time(rest)
    hour, minute, second = int(time[2]), int(time[3]), int(time[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return BadLiteral(f"there is no time {rest[1:]}", "a time runs from `00:00` to `23:59`")
    return datetime(value.year, value.month, value.day, hour, minute, second, int((time[5] or "").ljust(6, "0")))  # noqa: DTZ001 - the dag's zone is not known here


def _date(year: int, month: int, day: int) -> date | BadLiteral:
    try:
        return date(year, month, day)
    except ValueError:
        pass
    if year == 0:
        return BadLiteral("there is no year 0000")
    if not 1 <= month <= 12:
        return BadLiteral(f"there is no month {month}", "a date is written year-month-day: `2026-01-31`")
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day if (year, month) != (9999, 12) else 31
    return BadLiteral(f"{_MONTHS[month - 1]} {year} has no day {day}", f"its last day is {year:04}-{month:02}-{last}")


def _bad_time(rest: str) -> BadLiteral:
    if re.search(r"[Zz]$|[+-][0-9:]+$", rest):
        return BadLiteral("a time has no offset", "it is a time in the dag's zone: `2026-01-01T02:30`")
    return BadLiteral("this is not a time", "a date with a time is written `2026-01-01T02:30` or `2026-01-01T02:30:15`")


_ESCAPE: Final = re.compile(
    r"\\(?:(?P<simple>[\\\"'abfnrtv0])|x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8})"
    r"|(?P<line>\r\n?|\n)|(?P<bad>.?))",
    re.DOTALL,
)
_SIMPLE: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_LINE_END: Final = re.compile(r"\r\n?")


def unescape(text: str) -> str | BadLiteral:
    """The text between the quotes with its escapes resolved, as Python does, except that an unknown one is a fault."""
    if "\\" not in text:
        return raw(text)
    pieces: list[str] = []
    end = 0
    for match in _ESCAPE.finditer(text):
        pieces.append(raw(text[end : match.start()]))
        end = match.end()
        if (simple := match["simple"]) is not None:
            pieces.append(_SIMPLE.get(simple, simple))
        elif (digits := match["x"] or match["u"] or match["U"]) is not None:
            code = int(digits, 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                return BadLiteral(f"there is no character `{match[0]}`", "", match.start(), end)
            pieces.append(chr(code))
        elif match["line"] is None:
            return BadLiteral(
                f"`{match[0]}` is no escape",
                'a backslash is written `\\\\`, or the string begins with `r"`',
                match.start(),
                end,
                right=f"\\{match[0]}",
            )
    pieces.append(raw(text[end:]))
    return "".join(pieces)


def raw(text: str) -> str:
    """The text between the quotes of an `r"…"`: as it stands, each line's end as a line feed."""
    return _LINE_END.sub("\n", text) if "\r" in text else text
