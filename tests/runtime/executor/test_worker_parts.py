"""The workers' parts by themselves: frames, log splitting, argument rebuilding, light imports."""

from __future__ import annotations

import gc
import inspect
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ppacer
from ppacer.context import Cancellation, TaskContext, make_context
from ppacer.core import codec
from ppacer.protocol import LogEntry
from ppacer.services.worker import StopSignal
from ppacer.services.worker_arguments import ArgumentError, context_parameter, rebuild_arguments
from ppacer.services.worker_frames import FrameError, FrameReader, frame
from ppacer.services.worker_log import LINE_LIMIT, AttemptOutput

from .conftest import make_assignment

# --- frames ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers()), max_size=5), st.integers(1, 40))
def test_messages_come_out_as_they_went_in_however_they_are_cut(messages: list[dict[str, object]], size: int) -> None:
    data = b"".join(frame(message) for message in messages)
    reader = FrameReader()
    got = [one for start in range(0, len(data), size) for one in reader.feed(data[start : start + size])]
    assert got == messages


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\x02[]", b"\0\0\0\x01{", b"GET / HTTP/1.1"])
def test_bytes_that_are_no_frame(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(FrameReader().feed(data))


# --- logs ------------------------------------------------------------------------------------------------------------


def output() -> AttemptOutput:
    return AttemptOutput(lambda: None, clock=lambda: 7)


def taken(log: AttemptOutput) -> list[LogEntry]:
    entries: list[LogEntry] = []
    while more := log.take(10**9):
        entries.extend(more)
    return entries


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=20), st.integers(1, 50))
def test_lines_come_out_as_they_were_printed(lines: list[str], size: int) -> None:
    lines = [line.replace("\n", "").replace("\r", "").replace("\0", "") for line in lines]
    data = "".join(line + "\n" for line in lines).encode()
    log = output()
    for start in range(0, len(data), size):
        log.write("stdout", data[start : start + size])
    assert [entry.message for entry in taken(log)] == lines


def test_a_long_line_is_split_between_characters() -> None:
    text = "x" + "€" * 20_000
    log = output()
    log.write("stderr", text.encode() + b"\n")
    parts = [entry.message for entry in taken(log)]
    assert len(parts) == 4
    assert "".join(parts) == text
    assert all(len(part.encode()) <= LINE_LIMIT for part in parts)


def test_an_endless_line_is_not_held_back() -> None:
    log = output()
    for _ in range(40):
        log.write("stdout", b"y" * 1000)
    assert sum(len(entry.message) for entry in taken(log)) >= 2 * LINE_LIMIT


def test_the_streams_are_numbered_together_and_kept_apart() -> None:
    log = output()
    log.write("stdout", b"one\ntwo")
    log.write("stderr", b"three\n")
    log.record(30, "shop", "four", '{"a":1}', 5)
    log.system(40, "five")
    assert [(one.seq, one.stream, one.level, one.message, one.logger, one.attributes) for one in taken(log)] == [
        (1, "stdout", 20, "one", "", "{}"),
        (2, "stderr", 20, "three", "", "{}"),
        (3, "logging", 30, "four", "shop", '{"a":1}'),
        (4, "stdout", 20, "two", "", "{}"),
        (5, "system", 40, "five", "", "{}"),
    ]


def test_taking_in_pieces_loses_nothing() -> None:
    log = output()
    log.write("stdout", b"".join(b"%d\n" % n for n in range(1000)))
    pieces = []
    while piece := log.take(1000):
        pieces.append(piece)
    assert len(pieces) > 10
    assert [entry.message for piece in pieces for entry in piece] == [str(n) for n in range(1000)]
    assert log.pending_bytes == 0


# --- arguments -------------------------------------------------------------------------------------------------------


class Colour(Enum):
    RED = 1


@dataclass
class Point:
    x: float
    y: float = 0.0


def context() -> TaskContext:
    return make_context(make_assignment(), Cancellation())


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, "7", "7"),
        (float, 7, 7.0),
        (object, [1], [1]),
        (None, 1, 1),
        (Colour, 1, Colour.RED),
        (Colour, "RED", Colour.RED),
        (Colour | None, None, None),
        (list[Colour], [1, 1], [Colour.RED, Colour.RED]),
        (dict[str, Point], {"a": {"x": 1}}, {"a": Point(1.0)}),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[str, Point], ["a", {"x": 1}], ("a", Point(1.0))),
        (set[int], [1, 1], {1}),
        (frozenset[int], [1], frozenset({1})),
        (set, [1], {1}),
        (Path, "a/b", Path("a/b")),
        (str, Path("a/b"), "a/b"),
        (date, "2026-01-01", date(2026, 1, 1)),
        (datetime, "2026-01-01T02:00:00", datetime(2026, 1, 1, 2)),  # noqa: DTZ001
        (timedelta, 90, timedelta(seconds=90)),
        (Decimal, "1.10", Decimal("1.10")),
        (Decimal, 0.1, Decimal("0.1")),
        (timedelta | float, 0.5, 0.5),
        (Path | str, "x", "x"),
        (Annotated[Path, "a file"], "x", Path("x")),
        (Literal["a", "b"], "a", "a"),
        ("NoSuchName", 1, 1),
    ],
)
def test_a_value_is_rebuilt_to_its_annotation(annotation: object, value: object, expected: object) -> None:
    def target(x: object) -> None: ...

    target.__annotations__["x"] = annotation
    args, kwargs = rebuild_arguments(target, codec.encode([value]), "{}", context())
    assert (args, kwargs) == ([expected], {})
    assert type(args[0]) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Colour, 2, "argument x: 2 is no Colour (one of 1)"),
        (list[Colour], [1, 2], "argument x[1]: 2 is no Colour"),
        (Point, {"z": 1}, "argument x: Point has no field z"),
        (Point, {"y": 1}, "argument x: Point.__init__() missing"),
        (dict[str, Colour], {"a": 3}, "argument x['a']: 3 is no Colour"),
        (tuple[int, int], [1], "argument x: 1 elements where 2 are wanted"),
        (date, "2026-02-30", "argument x: '2026-02-30' is no date"),
        (Decimal, "x", "argument x: 'x' is no Decimal"),
        (Colour | None, 9, "argument x: 9 is no Colour"),
    ],
)
def test_a_value_that_cannot_be_is_named(annotation: object, value: object, message: str) -> None:
    def target(x: object) -> None: ...

    target.__annotations__["x"] = annotation
    with pytest.raises(ArgumentError) as caught:
        rebuild_arguments(target, codec.encode([value]), "{}", context())
    assert str(caught.value).startswith(message)


def by_class(a: int, context: TaskContext) -> None: ...
def by_union(context: TaskContext | None = None) -> None: ...
def by_text(context: types_only.TaskContext) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def none(context: int) -> None: ...


@pytest.mark.parametrize(
    ("target", "name"),
    [(by_class, "context"), (by_union, "context"), (by_text, "context"), (none, None), (print, None)],
)
def test_the_parameter_that_takes_the_context(target: Callable[..., object], name: str | None) -> None:
    assert context_parameter(target) == name


def test_functions_are_looked_at_once_and_what_is_made_for_one_attempt_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[object] = []

    def signature(target: Callable[..., object]) -> inspect.Signature:
        looked.append(target)
        return real(target)

    real = inspect.signature
    monkeypatch.setattr(inspect, "signature", signature)

    class Made:
        def __call__(self, x: Path) -> None: ...

    def function(x: Path) -> None: ...

    made = Made()
    for _ in range(3):
        for target in (function, made):
            assert rebuild_arguments(target, codec.encode(["a"]), "{}", context())[0] == [Path("a")]
    assert looked.count(function) == 1
    held = weakref.ref(made)
    looked.clear()
    del made, target
    gc.collect()
    assert held() is None


def test_the_idempotency_key_is_the_same_over_attempts_and_differs_between_tasks() -> None:
    def key(**given: object) -> str:
        return make_context(make_assignment(**given), Cancellation()).idempotency_key

    assert key(number=1) == key(number=2) == key(part=1, state="null")
    assert len({key(), key(position=1), key(task="store"), key(generation=1)}) == 4


# --- stops -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    before = signal.getsignal(signal.SIGTERM)
    made = StopSignal()
    made.idle = False  # or this process would end at the signal
    yield made
    signal.signal(signal.SIGTERM, before)


def test_a_stop_waits_while_a_message_is_being_sent(stop: StopSignal) -> None:
    stopped: list[bool] = []
    stop.arm(lambda: stopped.append(True))
    with stop:
        with stop:
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.cancellation
        assert stopped == []
    assert stopped == [True]
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopped == [True]


def test_a_stop_that_came_early_counts(stop: StopSignal) -> None:
    stopped: list[bool] = []
    os.kill(os.getpid(), signal.SIGTERM)
    stop.arm(lambda: stopped.append(True))
    assert stopped == [True]


# --- imports ---------------------------------------------------------------------------------------------------------


def test_the_context_can_be_imported_from_the_package() -> None:
    assert ppacer.TaskContext is TaskContext
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        ppacer.Nothing  # noqa: B018


@pytest.mark.slow
def test_a_zygote_is_light() -> None:
    code = "import sys, ppacer.services.zygote; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"tornado", "sqlalchemy", "mashumaro", "fastjsonschema", "croniter", "lark", "jinja2", "ppc"}
    assert not heavy & {name.partition(".")[0] for name in modules}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["x"], ["999"], ["0"]])
def test_the_zygotes_command_is_nobodys_own(arguments: list[str]) -> None:
    code = "import sys; from ppacer.services.zygote import main; sys.exit(main(sys.argv[1:], {}, []))"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert (done.returncode, done.stderr) == (2, "error: this command is the program's own: an executor starts it\n")
