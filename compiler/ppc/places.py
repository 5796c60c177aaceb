"""Where expressions stand, and what can be read there."""

from __future__ import annotations

from enum import Enum, StrEnum


class Reads(Enum):
    """What an expression may read besides constants."""

    RUN = 0
    TASK = 1
    PARAMS = 2
    OUTPUTS = 3
    ENV = 4
    SECRET = 5
    EVENT = 6


class Place(StrEnum):
    """Where an expression stands; the value is what people call it."""

    CONSTANT = "a constant"
    ARGUMENT = "an argument of a task"
    CONDITION = "a condition"
    LIST = "the list of a family"
    GIVEN = "an argument of a template"
    ENV = "a variable of the environment"
    CWD = "the folder of a task"
    ALERT = "the message of an alert"
    NOTIFIER = "an argument of a notifier"
    PING = "the address of a ping"
    PARAM_DEFAULT = "the default of a param"
    PARAMETER_DEFAULT = "the default of a template's parameter"

    @property
    def reads(self) -> frozenset[Reads]:
        return _READS[self]


_ANYTHING = frozenset(Reads) - {Reads.EVENT}
_NO_SECRET = _ANYTHING - {Reads.SECRET}
_READS = {
    Place.CONSTANT: frozenset[Reads](),
    Place.ARGUMENT: _ANYTHING,
    Place.CONDITION: _NO_SECRET,
    Place.LIST: _NO_SECRET - {Reads.TASK},
    Place.GIVEN: _ANYTHING - {Reads.TASK},
    Place.ENV: _ANYTHING,
    Place.CWD: _NO_SECRET,
    Place.ALERT: _NO_SECRET | {Reads.EVENT},
    Place.NOTIFIER: frozenset({Reads.ENV, Reads.SECRET}),
    Place.PING: frozenset({Reads.ENV, Reads.SECRET}),
    Place.PARAM_DEFAULT: frozenset({Reads.RUN, Reads.ENV}),
    Place.PARAMETER_DEFAULT: frozenset({Reads.RUN, Reads.ENV, Reads.SECRET}),
}
