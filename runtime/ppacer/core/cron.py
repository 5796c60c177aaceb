"""Cron expressions: what they may say.

`parse_cron` is stricter than cron programs are: what they read in different ways, or accept though it means nothing, is
a fault here. Five fields, or six with seconds first, or `@hourly @daily @midnight @weekly @monthly @yearly @annually`:

| field | values | besides numbers |
|---|---|---|
| second, minute | 0-59 | `*`, `a-b`, `*/n`, `a-b/n`, lists of these with `,` |
| hour | 0-23 | the same |
| day of month | 1-31 | the same, and `L` for the last day |
| month | 1-12 | the same, and `JAN` to `DEC` |
| day of week | 0-7, 0 and 7 are Sunday | the same, and `SUN` to `SAT`, `MON#2` (second Monday), `L5` (last Friday) |

Where both day of month and day of week are restricted (anything but `*` or `*/1`), a day that fits either one fits, as
POSIX has it. Ranges do not wrap, except that one may end in Sunday (`FRI-SUN`). The times that they mean: see
`ppacer.core.cron_rule`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ppacer.records import dataclass
from ppacer.spec import DaylightSaving


@dataclass(frozen=True, slots=True)
class CronFault:
    """What is wrong with an expression. `field` is its name for people (`minute`, …, or `expression`).

    `start` and `end` are the half-open offsets of the field in the text. `never` marks an expression that is well
    formed but fits no time at all.
    """

    field: str
    message: str
    start: int
    end: int
    help: str = ""
    never: bool = False


@dataclass(frozen=True, slots=True)
class CronFields:
    """A sound expression: sorted seconds, minutes and hours; `days`, `months` and `weekdays` in croniter's words.

    `dst` is how its times are treated when the clocks change, unless the dag says otherwise; see
    `ppacer.core.schedule`.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: str
    months: str
    weekdays: str
    dst: DaylightSaving

    @property
    def every_day(self) -> bool:
        return self.days == self.months == self.weekdays == "*"

    @property
    def times(self) -> int:
        """How many times a day that fits has."""
        return len(self.hours) * len(self.minutes) * len(self.seconds)


def parse_cron(text: str) -> CronFields | CronFault:
    """The fields of an expression, or what is wrong with the first wrong one."""
    if text.strip(" \t").startswith("@"):
        return _macro(text)
    places = [(match.group(), match.start(), match.end()) for match in re.finditer(r"[^ \t]+", text)]
    if len(places) not in (5, 6):
        count = f"{len(places)} field{'s' if len(places) != 1 else ''}"
        message = f"a cron expression has 5 fields, or 6 with seconds first; this one has {count}"
        return CronFault("expression", message, 0, len(text))
    parsed: list[_Parsed] = []
    for field, (word, start, end) in zip(_FIELDS[-len(places) :], places, strict=True):
        try:
            parsed.append(_parse_field(field, word))
        except _RefusedError as refused:
            return CronFault(field.name, refused.message, start, end, refused.help)
    if len(parsed) == 5:
        parsed.insert(0, _Parsed(frozenset({0})))
    second, minute, hour, day, month, weekday = parsed
    never = _never(day, month)
    if never and not weekday.restricted:
        _, start, end = places[-3]
        return CronFault("day of month", never, start, end, never=True)
    every_day = day.restricted and weekday.restricted and (len(day.values) == 31 or len(weekday.values) == 7)
    return CronFields(
        seconds=tuple(sorted(second.values)),
        minutes=tuple(sorted(minute.values)),
        hours=tuple(sorted(hour.values)),
        days="*" if every_day or never else day.words(),
        months=month.words() if len(month.values) < 12 else "*",
        weekdays="*" if every_day else weekday.words(),
        dst=_default_dst(second, minute, hour),
    )


# --- parsing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: Mapping[str, int]

    def value(self, word: str) -> int:
        value = self.names.get(word.upper())
        if value is None:
            if not re.fullmatch(r"[0-9]{1,4}", word):
                named = f" or {next(iter(self.names))} to {list(self.names)[-1]}" if self.names else ""
                raise _RefusedError(f'"{word}" is no {self.name}: those are {self.low} to {self.high}{named}')
            value = int(word)
        if not self.low <= value <= self.high:
            raise _RefusedError(f"{value} is out of range: the {self.name} is {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class _Parsed:
    """`special` holds `L`, `MON#2` and their like in croniter's words; `stepped`: all of it is written as steps."""

    values: frozenset[int]
    special: tuple[str, ...] = ()
    restricted: bool = True
    stepped: bool = False

    def words(self) -> str:
        return ",".join([*(str(value) for value in sorted(self.values)), *self.special]) if self.restricted else "*"


class _RefusedError(Exception):
    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


_MONTH_DAYS = {
    "January": 31,
    "February": 29,
    "March": 31,
    "April": 30,
    "May": 31,
    "June": 30,
    "July": 31,
    "August": 31,
    "September": 30,
    "October": 31,
    "November": 30,
    "December": 31,
}
_MONTHS = {name[:3].upper(): number for number, name in enumerate(_MONTH_DAYS, 1)}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}

_FIELDS = (
    _Field("second", 0, 59, {}),
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def _macro(text: str) -> CronFields | CronFault:
    known = _MACROS.get(text.strip(" \t").lower())
    if known is not None:
        return parse_cron(known)
    message = f"{text.strip()} is none of {', '.join(_MACROS)}"
    hint = 'an interval is written every(5m), not cron("@every 5m")' if text.strip().startswith("@every") else ""
    return CronFault("expression", message, 0, len(text), hint)


def _parse_field(field: _Field, text: str) -> _Parsed:
    if text == "?":
        raise _RefusedError('"?" is not known here', "write *")
    values: set[int] = set()
    special: list[str] = []
    stepped = True
    for element in text.split(","):
        if found := _special(field, element):
            special.append(found)
            stepped = False
            continue
        chosen, by_step = _element(field, element)
        values.update(chosen)
        stepped = stepped and by_step
    if field.name == "day of week":
        values = {value % 7 for value in values}
        if len({word[0] == "l" for word in special}) + bool(values) > 1:
            raise _RefusedError(
                f'"{text}" mixes days of every week, numbered ones (MON#2) and last ones (L5)',
                "give the dag a list of schedules",
            )
    every = stepped and len(values) == field.high - field.low + (field.high != 7)
    return _Parsed(frozenset(values), tuple(special), restricted=not every, stepped=stepped)


def _special(field: _Field, text: str) -> str | None:
    """`L`, `MON#2`, `L5` in croniter's words; none for an ordinary element."""
    if field.name == "day of month" and text.upper() == "L":
        return "l"
    if field.name == "day of week":
        if match := re.fullmatch(r"(\w+)#(\w*)", text, re.ASCII):
            day, number = match.groups()
            if number not in ("1", "2", "3", "4", "5"):
                raise _RefusedError(f'"{text}": a month has the first to the fifth of a day of week', "#1 to #5")
            return f"{field.value(day) % 7}#{number}"
        if match := re.fullmatch(r"[Ll](\w+)", text, re.ASCII):
            return f"l{field.value(match[1]) % 7}"
        if match := re.fullmatch(r"(\w+)[Ll]", text, re.ASCII):
            raise _RefusedError(f'"{text}" is not known here', f"the last one of a month is L{match[1]}")
        if text.upper() == "L":
            raise _RefusedError('"L" alone is no day of week', "the last Friday of a month is L5")
    if re.fullmatch(r"[0-9]*L?W", text, re.ASCII | re.IGNORECASE) and field.name == "day of month":
        raise _RefusedError(f'"{text}": the weekday nearest to a day is not known here', "use a Python schedule")
    return None


def _element(field: _Field, text: str) -> tuple[range, bool]:
    """The values of `*`, `a`, `a-b`, each with `/n` or not, and whether it is written as a repetition."""
    body, slash, step_text = text.partition("/")
    first, dash, last = body.partition("-")
    if not body or (dash and not (first and last)) or (slash and not step_text):
        raise _RefusedError(f'"{text}" is no {field.name}' if text else f"an element of the {field.name} is empty")
    if body == "*":
        low, high = field.low, 6 if field.high == 7 else field.high
    elif dash:
        low, high = field.value(first), field.value(last)
        if field.high == 7 and high == 0 and low > 0:
            high = 7
        if low > high:
            around = f"{low}-{6 if field.high == 7 else field.high},{field.low}-{high}"
            raise _RefusedError(f'the range "{body}" ends before it begins', f"write {around}")
    else:
        low = high = field.value(body)
        if slash:
            to = 6 if field.high == 7 else field.high
            raise _RefusedError(f'"{text}": a step needs a range', f"write {low}-{to}/{step_text}")
    if not slash:
        return range(low, high + 1), body == "*"
    if not re.fullmatch(r"[0-9]{1,4}", step_text) or int(step_text) == 0:
        raise _RefusedError(f'"{step_text}" is no step: it is a number from 1 on')
    step = int(step_text)
    if step > high - low:
        raise _RefusedError(f"the step {step} is larger than its range, so only {low} would fit", f"write {low}")
    return range(low, high + 1, step), True


def _never(day: _Parsed, month: _Parsed) -> str:
    """Why no day fits, or nothing."""
    chosen = [(name, length) for number, (name, length) in enumerate(_MONTH_DAYS.items(), 1) if number in month.values]
    if day.special or any(length >= min(day.values) for _, length in chosen):
        return ""
    return f"this never fires: there is no {min(day.values)} in {', '.join(name for name, _ in chosen)}"


def _default_dst(second: _Parsed, minute: _Parsed, hour: _Parsed) -> DaylightSaving:
    """See the table in `ppacer.core.schedule`."""
    if len(second.values) * len(minute.values) > 1 or len(hour.values) == 24:
        return DaylightSaving.TWICE
    return DaylightSaving.SKIP if hour.stepped else DaylightSaving.ONCE
