"""Whether a value of one type can be passed where another is asked for, as the runtime passes it.

The runtime rebuilds what it passes to the parameter's annotation: a list to a tuple or set, an object to a dataclass,
a text to a date, path or decimal, a number to a duration or decimal, a value or a name to a member of an enumeration. A
type that has several forms fits if one of them does, with one exception: `none` must be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from ppacer.core.durations import duration_of
from ppacer.records import dataclass, replace
from ppc.similar import Similar
from ppc.typing_model import (
    NONE,
    AnyType,
    DictType,
    EnumType,
    Kind,
    ListType,
    LiteralType,
    NoneType,
    PlainType,
    RecordType,
    TupleType,
    Type,
    UnionType,
    members,
    plain,
    union,
    without_none,
    words,
)


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a value does not fit, in words that follow "this": "is int", "lacks the field `id`".

    `path` leads to the part of the value that is at fault: indices and names of fields; `wanted` is what that part
    should be. `none` says that all that is wrong is that the value may be none.
    """

    what: str
    wanted: Type | None = None
    path: tuple[int | str, ...] = ()
    none: bool = False
    help: str = ""


class Fits:
    """Answers are kept by type: the same few types meet over and over. `also` tells as what else values are passed."""

    def __init__(self, also: Mapping[Kind, frozenset[Kind]]) -> None:
        self._also = also
        self._answers: dict[tuple[int, int], tuple[Type, Type, Misfit | None]] = {}
        self._asking: set[tuple[int, int]] = set()

    def misfit(self, found: Type, wanted: Type) -> Misfit | None:
        """Why a value of type `found` cannot be passed as `wanted`; none where it may fit."""
        if isinstance(found, AnyType) or isinstance(wanted, AnyType) or found is wanted:
            return None
        if isinstance(found, PlainType | LiteralType):
            return self._compare(found, wanted)
        key = (id(found), id(wanted))
        known = self._answers.get(key)
        if known is not None:
            return known[2]
        if key in self._asking:
            return None  # a record that holds itself: what is asked again is being found out
        self._asking.add(key)
        answer = self._compare(found, wanted)
        self._asking.discard(key)
        # The types are kept with the answer, so that their ids stay theirs.
        self._answers[key] = (found, wanted, answer)
        return answer

    def _compare(self, found: Type, wanted: Type) -> Misfit | None:
        if isinstance(found, UnionType):
            return self._some_of(found, wanted)
        if isinstance(wanted, UnionType):
            return self._any_of(found, wanted)
        match found, wanted:
            case NoneType(), NoneType():
                return None
            case NoneType(), _:
                return Misfit("is none", wanted, none=True)
            case (PlainType() | LiteralType(), PlainType()):
                return self._plain(found, wanted)
            case (PlainType() | LiteralType(), LiteralType()):
                return _exactly(found, wanted)
            case (PlainType() | LiteralType(), EnumType()):
                return _member(found, wanted)
            case EnumType(), _:
                return self.misfit(enum_values(found), wanted)
            case (PlainType() | LiteralType(), ListType(item, name)) if name in _TEXT_IS and plain(found) == _STR:
                return None if _holds_texts(item) else _other(found, wanted)
            case ListType(item), ListType(inner):
                return _inside(self.misfit(item, inner), 0)
            case ListType(item), TupleType(items):
                return next(filter(None, (self._into(item, inner, i) for i, inner in enumerate(items))), None)
            case TupleType(items), ListType(inner):
                return next(filter(None, (self._into(item, inner, i) for i, item in enumerate(items))), None)
            case TupleType(items), TupleType(inner_items):
                if len(items) != len(inner_items):
                    return Misfit(f"has {_elements(len(items))}, {len(inner_items)} are wanted")
                pairs = zip(items, inner_items, range(len(items)), strict=True)
                return next(filter(None, (self._into(*pair) for pair in pairs)), None)
            case RecordType(), RecordType():
                return self._record(found, wanted)
            case RecordType(), DictType(_, inner):
                fields = found.fields.items()
                return next(filter(None, (self._into(field.type, inner, name) for name, field in fields)), None)
            case DictType(key, value), DictType(inner_key, inner):
                return _inside(self.misfit(key, inner_key) or self.misfit(value, inner), "")
            case DictType(), RecordType():
                return None
            case (DictType() | RecordType(), ListType(item, name)) if name in _KEYS_ARE:
                return None if _holds_texts(item) else _other(found, wanted)
        return _other(found, wanted)

    def _into(self, found: Type, wanted: Type, step: int | str) -> Misfit | None:
        return _inside(self.misfit(found, wanted), step)

    def _some_of(self, found: UnionType, wanted: Type) -> Misfit | None:
        """Of several forms one that fits is enough, but `none` must fit whatever the others do."""
        if NONE in found.members and self.misfit(NONE, wanted) is not None:
            rest = self.misfit(without_none(found), wanted)
            return rest or Misfit("may be none", wanted, none=True)
        first: Misfit | None = None
        for member in found.members:
            if member == NONE:
                continue
            misfit = self.misfit(member, wanted)
            if misfit is None:
                return None
            first = first or misfit
        return Misfit(f"is {words(found)}", wanted)

    def _any_of(self, found: Type, wanted: UnionType) -> Misfit | None:
        misfits: list[Misfit] = []
        for member in wanted.members:
            misfit = self.misfit(found, member)
            if misfit is None:
                return None
            misfits.append(misfit)
        # Of `Order | None` what the order lacks says more than that it is no `Order | None`.
        deeper = [misfit for misfit in misfits if misfit.path or misfit.help]
        if len(deeper) == 1:
            return deeper[0]
        literals = [member for member in wanted.members if isinstance(member, LiteralType)]
        if isinstance(found, LiteralType) and len(literals) == len(wanted.members) - (NONE in wanted.members):
            similar = Similar(str(member.value) for member in literals).to(str(found.value))
            way_out = "" if similar is None or found.kind is not Kind.STR else f'did you mean `"{similar}"`?'
            return Misfit(f"is {words(found)}", wanted, help=way_out)
        return _other(found, wanted)

    def _plain(self, found: PlainType | LiteralType, wanted: PlainType) -> Misfit | None:
        if found.kind is wanted.kind:
            return None
        if wanted.kind not in self._also.get(found.kind, ()):
            return _other(found, wanted)
        if isinstance(found, LiteralType) and isinstance(found.value, str) and wanted.kind in _PARSED:
            parse, example = _PARSED[wanted.kind]
            try:
                parse(found.value)
            except (ValueError, InvalidOperation):
                return Misfit(f"is no {wanted.kind}", wanted, help=f"write it like `{example}`")
        return None

    def _record(self, found: RecordType, wanted: RecordType) -> Misfit | None:
        has, wants = found.fields, wanted.fields
        for name, field in wants.items():
            if name in has:
                misfit = self._into(has[name].type, field.type, name)
                if misfit is not None:
                    return misfit
            elif field.required and field.given and not found.open:
                return Misfit(f"lacks the field `{name}` of {words(wanted)}")
        if (wanted.strict or found.written) and not wanted.open:
            for name in has:
                if name not in wants or not wants[name].given:
                    given = [own for own, field in wants.items() if field.given]
                    similar = Similar(given).to(name)
                    way_out = "" if similar is None else f"a field with a similar name exists: `{similar}`"
                    return Misfit(f"is no field of {words(wanted)}", path=(name,), help=way_out)
        return None


def enum_values(enum: EnumType) -> Type:
    """What the members of an enumeration are once they have been passed on: their values."""
    from_members = [value for _, value in enum.members]
    known = [value for value in from_members if value is not None]
    return union(known) if known and len(known) == len(from_members) else _ANY


_STR = PlainType(Kind.STR)
_ANY = AnyType()
_TEXT_IS = frozenset({"Sequence", "Iterable", "Collection"})
_KEYS_ARE = frozenset({"Iterable", "Collection"})


def _holds_texts(item: Type) -> bool:
    """A text is a sequence of texts, and a dict an iterable of its keys: nothing is rebuilt in these."""
    return any(isinstance(member, AnyType) or member == _STR for member in members(item))


AS_ARGUMENT: Mapping[Kind, frozenset[Kind]] = {
    Kind.BOOL: frozenset({Kind.INT, Kind.FLOAT}),
    Kind.INT: frozenset({Kind.FLOAT, Kind.DECIMAL, Kind.DURATION}),
    Kind.FLOAT: frozenset({Kind.DECIMAL, Kind.DURATION}),
    Kind.STR: frozenset({Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.PATH, Kind.DECIMAL}),
    Kind.PATH: frozenset({Kind.STR}),
    Kind.DATETIME: frozenset({Kind.DATE}),
}
"""What else an argument of a kind may be passed as: Python takes it for one, or the runtime makes one of it."""

AS_IT_IS: Mapping[Kind, frozenset[Kind]] = {Kind.INT: frozenset({Kind.FLOAT})}
"""The same where nothing is made of it."""

AS_PARAM: Mapping[Kind, frozenset[Kind]] = {
    Kind.INT: frozenset({Kind.FLOAT, Kind.DURATION}),
    Kind.FLOAT: frozenset({Kind.DURATION}),
    Kind.STR: frozenset({Kind.DATE, Kind.DATETIME, Kind.DURATION}),
}
"""The same for a param of a run that is asked for: what JSON lacks may be given as text."""

_PARSED: dict[Kind, tuple[Callable[[str], object], str]] = {
    Kind.DATE: (date.fromisoformat, "2026-01-01"),
    Kind.DATETIME: (datetime.fromisoformat, "2026-01-01T02:30"),
    Kind.TIME: (time.fromisoformat, '"02:30"'),
    Kind.DECIMAL: (Decimal, '"9.99"'),
    Kind.DURATION: (duration_of, "1h30m"),
}


def _exactly(found: PlainType | LiteralType, wanted: LiteralType) -> Misfit | None:
    if found.kind is not wanted.kind:
        return _other(found, wanted)
    if isinstance(found, LiteralType) and found.value != wanted.value:
        return Misfit(f"is {words(found)}", wanted)
    return None


def _member(found: PlainType | LiteralType, wanted: EnumType) -> Misfit | None:
    """The runtime takes the value of a member, and its name."""
    if any(value is None for _, value in wanted.members):
        return None
    if isinstance(found, PlainType):
        by_name = found.kind is Kind.STR
        fits = by_name or any(value is not None and value.kind is found.kind for _, value in wanted.members)
        return None if fits else _other(found, wanted)
    known = [words(value) for _, value in wanted.members if value is not None]
    if any(found == value or found.value == name for name, value in wanted.members):
        return None
    texts = [str(value.value) for _, value in wanted.members if value is not None and value.kind is Kind.STR]
    similar = Similar(texts).to(str(found.value)) if found.kind is Kind.STR else None
    one_of = f"{wanted.name} has {', '.join(known[:_MOST_SHOWN])}{', …' if len(known) > _MOST_SHOWN else ''}"
    return Misfit(
        f"is no member of {wanted.name}",
        help=one_of if similar is None else f'did you mean `"{similar}"`?',
    )


_MOST_SHOWN = 8


def _other(found: Type, wanted: Type) -> Misfit:
    alone = [member for member in members(wanted) if member != NONE]
    text_wanted = alone == [_STR] and isinstance(found, PlainType | LiteralType)
    way_out = 'an f-string makes a text of it: `f"{…}"`' if text_wanted else ""
    return Misfit(f"is {words(plain(found))}", wanted, help=way_out)


def _inside(misfit: Misfit | None, step: int | str) -> Misfit | None:
    return None if misfit is None else replace(misfit, path=(step, *misfit.path))


def _elements(count: int) -> str:
    return f"{count} element{'' if count == 1 else 's'}"
