"""The types that settings take, each with its words for people and its test of a value known at build time."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import TypeAlias

from ppacer.records import dataclass


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that a type does not take: of another type, or out of its range. `wanted` is what it takes."""

    wanted: str
    out_of_range: bool = False


@dataclass(frozen=True, slots=True)
class WholeNumber:
    least: int = 0

    def take(self, value: object) -> object | Misfit:
        wanted = f"a whole number from {self.least} on"
        if not isinstance(value, int) or isinstance(value, bool):
            return Misfit(wanted)
        return value if value >= self.least else Misfit(wanted, out_of_range=True)


@dataclass(frozen=True, slots=True)
class AnyNumber:
    """A whole number, negative ones too."""

    def take(self, value: object) -> object | Misfit:
        return value if isinstance(value, int) and not isinstance(value, bool) else Misfit("a whole number")


@dataclass(frozen=True, slots=True)
class Duration:
    """`zero` and `none` say whether these are taken."""

    zero: bool = False
    none: bool = False

    def take(self, value: object) -> object | Misfit:
        if value is None and self.none:
            return None
        example = "a duration such as `90s` or `1h30m`"
        if not isinstance(value, timedelta):
            return Misfit(f"{example}, or `none`" if self.none else example)
        if value < timedelta(0) or (not value and not self.zero):
            return Misfit("a duration of at least `0s`" if self.zero else "a duration longer than `0s`", True)
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
        return Misfit('a list of texts such as `["a", "b"]`')


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, or a date with a time of day, both on the dag's wall clock."""

    def take(self, value: object) -> object | Misfit:
        return value if isinstance(value, date) else Misfit("a date such as `2026-01-01` or `2026-01-01T02:30`")


@dataclass(frozen=True, slots=True)
class Word:
    """One of an enumeration's words, written without quotes."""

    words: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Words:
    """A list of an enumeration's words."""

    words: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Special:
    """What has a reader of its own, or none yet."""

    wanted: str


ConstantType: TypeAlias = WholeNumber | AnyNumber | Duration | Text | Texts | Moment
SettingType: TypeAlias = ConstantType | Word | Words | Special
