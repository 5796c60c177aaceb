"""The types that settings take, each with its words for people and its test of a value known at build time."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeAlias

from ppacer.records import dataclass


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that a type does not take: of another type, or out of its range. `wanted` is what it takes; `instead` is
    what its author most likely meant, as it would be written."""

    wanted: str
    out_of_range: bool = False
    instead: str = ""


@dataclass(frozen=True, slots=True)
class WholeNumber:
    least: int = 0
    most: int = 10_000

    def take(self, value: object) -> object | Misfit:
        wanted = f"a whole number from {self.least} to {self.most}"
        if not isinstance(value, int) or isinstance(value, bool):
            instead = value if isinstance(value, str) and re.fullmatch(r"\d{1,5}", value) else ""
            return Misfit(wanted, instead=instead)
        return value if self.least <= value <= self.most else Misfit(wanted, out_of_range=True)


@dataclass(frozen=True, slots=True)
class Duration:
    """`zero` and `none` say whether these are taken."""

    zero: bool = False
    none: bool = False

    def take(self, value: object) -> object | Misfit:
        if value is None and self.none:
            return None
        wanted = f"a duration such as `90s` or `1h30m`{', or `none`' if self.none else ''}"
        if not isinstance(value, timedelta):
            seconds = isinstance(value, int) and not isinstance(value, bool) and value > 0
            written = isinstance(value, str) and re.fullmatch(r"(\d+(ms|[dhms]))+", value)
            return Misfit(wanted, instead=f"{value}s" if seconds else str(value) if written else "")
        if value < timedelta(0) or (not value and not self.zero):
            return Misfit("a duration of at least `0s`" if self.zero else "a duration longer than `0s`", True)
        if value > LONGEST:
            return Misfit(f"a duration of at most `{LONGEST.days}d`", True)
        return value


@dataclass(frozen=True, slots=True)
class Text:
    def take(self, value: object) -> object | Misfit:
        return value if isinstance(value, str) else Misfit('a text such as `"x"`')


@dataclass(frozen=True, slots=True)
class Texts:
    def take(self, value: object) -> object | Misfit:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        instead = f'["{value}"]' if isinstance(value, str) and '"' not in value else ""
        return Misfit('a list of texts such as `["a", "b"]`', instead=instead)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, or a date with a time of day, both on the dag's wall clock."""

    def take(self, value: object) -> object | Misfit:
        if isinstance(value, date):
            return value
        written = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?", value)
        return Misfit("a date such as `2026-01-01` or `2026-01-01T02:30`", instead=str(value) if written else "")


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes, written as a text: `"512MB"`, `"1.5GiB"`; or `none`."""

    def take(self, value: object) -> object | Misfit:
        if value is None:
            return None
        wanted = 'a size such as `"512MB"` or `"2GiB"`, or `none`'
        found = _SIZE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return Misfit(wanted)
        size = round(float(found["number"]) * _UNITS[found["unit"].lower()])
        if not LEAST_MEMORY <= size <= MOST_MEMORY:
            return Misfit('a size from `"1MB"` to `"64TB"`', out_of_range=True)
        return size


@dataclass(frozen=True, slots=True)
class Word:
    """One of an enumeration's words, written without quotes."""

    words: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Words:
    """A list of an enumeration's words."""

    words: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Named:
    """The name of a `pool`, `notifier` or `label`, or with `several` a list of such names; without quotes."""

    what: str
    several: bool = False


@dataclass(frozen=True, slots=True)
class AtRunTime:
    """An expression that is worked out when its task starts; of texts or, with `paths`, of paths too."""

    wanted: str
    paths: bool = False


@dataclass(frozen=True, slots=True)
class Special:
    """What has a reader of its own."""

    wanted: str


ConstantType: TypeAlias = WholeNumber | Duration | Text | Texts | Moment | Size
SettingType: TypeAlias = ConstantType | Word | Words | Named | AtRunTime | Special

LONGEST = timedelta(days=3650)
LEAST_MEMORY, MOST_MEMORY = 10**6, 64 * 10**12

SIZES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
"""Units of a number of bytes. A size is written with any but the first, in letters of any case."""
_UNITS = {unit.lower(): size for unit, size in SIZES.items()}
_SIZE = re.compile(r"(?P<number>\d{1,9}(\.\d{1,3})?) ?(?P<unit>[kmgt]i?b)", re.IGNORECASE)
