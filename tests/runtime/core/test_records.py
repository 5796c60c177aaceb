"""A record is what the standard library's dataclass would be, in all that this project uses of it."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from typing import ClassVar, get_type_hints

import pytest

from ppacer import records
from ppacer.records import dataclass, field, fields, is_record, replace


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place."""

    line: int
    column: int = 1
    names: tuple[str, ...] = field(default=(), compare=False)
    KINDS: ClassVar[int] = 3

    @property
    def text(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Named(Place):
    name: str = ""


@dataclass(slots=True)
class Counter:
    start: int
    seen: list[int] = field(default_factory=list)
    twice: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.twice = 2 * self.start


@dataclass(slots=True, eq=False)
class Single:
    value: int


@dataclass(frozen=True, slots=True)
class Empty:
    pass


@pytest.mark.parametrize("_", range(20))
def test_it_is_made_from_what_is_given_and_its_defaults(_: int) -> None:
    assert (Place(3).line, Place(3).column, Place(3).text, Place.KINDS) == (3, 1, "3:1", 3)
    assert Named(1, 2, ("x",), "n").name == "n"
    assert Counter(4).twice == 8
    assert Counter(1).seen is not Counter(1).seen
    assert Counter(1, [5]).seen == [5]
    for bad in (Place, lambda: Place(1, 2, (), 4), lambda: Place(1, nosuch=2), lambda: Counter(1, [], 2)):  # type: ignore[call-arg, misc]
        with pytest.raises(TypeError, match="__init__"):
            bad()


def test_it_is_compared_and_hashed_by_its_fields() -> None:
    assert Place(1, 2, ("a",)) == Place(1, 2, ("b",))
    assert hash(Place(1, 2, ("a",))) == hash(Place(1, 2, ("b",)))
    assert Place(1) != Place(2)
    assert Place(1, 1) != Named(1, 1)
    assert sorted([Place(2), Place(1, 5), Place(1, 2)]) == [Place(1, 2), Place(1, 5), Place(2)]
    assert Place(1) <= Place(1) < Place(2) >= Place(2) > Place(1)
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert Single(1) != Single(1)
    with pytest.raises(TypeError):
        hash(Counter(1))
    with pytest.raises(TypeError):
        Place(1) < Named(1)  # noqa: B015


def test_it_shows_its_fields() -> None:
    assert repr(Place(1, 2)) == "Place(line=1, column=2, names=())"
    assert repr(Counter(1)) == "Counter(start=1, seen=[])"
    assert repr(Empty()) == "Empty()"


def test_a_frozen_one_does_not_change() -> None:
    place = Place(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        place.line = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del place.line
    counter = Counter(1)
    counter.start = 5
    with pytest.raises(AttributeError):
        counter.nosuch = 1  # type: ignore[attr-defined]
    assert not hasattr(place, "__dict__")


def test_it_is_replaced_matched_copied_and_pickled() -> None:
    assert replace(Place(1, 2, ("a",)), column=7) == Place(1, 7)
    assert replace(Place(1, 2, ("a",)), column=7).names == ("a",)
    assert replace(Empty()) == Empty()
    assert replace(Single(1), value=2).value == 2
    with pytest.raises(TypeError, match="Counter is not made with a 'twice'"):
        replace(Counter(3), twice=1)
    assert dataclasses.replace(Place(1, 2), line=9) == Place(9, 2)
    match Named(1, 2, (), "n"):
        case Named(line, column, _, name):
            assert (line, column, name) == (1, 2, "n")
    for each in (Place(1, 2, ("a",)), Named(1), Counter(3, [1]), Empty()):
        for other in (copy.copy(each), copy.deepcopy(each), pickle.loads(pickle.dumps(each))):
            assert other == each
            assert [getattr(other, f.name) for f in fields(other)] == [getattr(each, f.name) for f in fields(each)]


def test_who_asks_for_a_dataclass_gets_one() -> None:
    assert is_record(Place)
    assert is_record(Place(1))
    assert not is_record(int)
    assert dataclasses.is_dataclass(Named)
    assert [f.name for f in dataclasses.fields(Named)] == ["line", "column", "names", "name"]
    assert [f.name for f in fields(Named)] == ["line", "column", "names", "name"]
    assert dataclasses.asdict(Counter(1, [2])) == {"start": 1, "seen": [2], "twice": 2}
    assert list(inspect.signature(Place).parameters) == ["line", "column", "names"]
    assert get_type_hints(Place.__init__) == {
        "line": int,
        "column": int,
        "names": tuple[str, ...],
        "return": type(None),
    }
    assert Place.__doc__ == "A place."
    assert Place.__match_args__ == ("line", "column", "names")


def test_what_cannot_be_is_refused_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="slots"):
        dataclass(frozen=True)(type("Bare", (), {}))
    with pytest.raises(ValueError, match="default_factory"):
        dataclass(slots=True)(type("Shared", (), {"__annotations__": {"x": "list"}, "x": []}))
    with pytest.raises(TypeError, match="Late has no default"):
        dataclass(slots=True)(
            type("Late", (), {"__module__": __name__, "__annotations__": {"x": "int", "y": "int"}, "x": 1})
        )


@pytest.mark.slow
def test_declaring_and_using_one_imports_no_dataclasses() -> None:
    script = (
        "import sys; from ppacer import spec; spec.Literal(1, spec.At(1, 1)); sys.exit('dataclasses' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert records.__doc__
