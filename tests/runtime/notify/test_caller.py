"""Calls in workers of the scheduler's own: what comes back, what goes wrong, what is left."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from ppacer.services.caller import AT_ONCE, CallError

CALLED = """
    import os, signal, sys, time
    from pathlib import Path

    def pid():
        return os.getpid()

    def add(a, b=1):
        return a + b

    def fail(what):
        raise ValueError(what)

    def hang(file):
        Path(file).write_text(str(os.getpid()))
        time.sleep(600)

    def leave(code):
        os._exit(code)

    def crash():
        os.kill(os.getpid(), signal.SIGSEGV)

    def write(lines):
        for n in range(lines):
            print("line", n)

    def meet(folder, name):
        (Path(folder) / name).touch()
        while not (Path(folder) / "go").exists():
            time.sleep(0.01)
"""
NAMES = ("add", "crash", "fail", "hang", "leave", "meet", "pid", "write")


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def called(bench):
    bench.module("called", CALLED)
    return lambda: bench.caller(*(f"called:{name}" for name in NAMES))


async def test_a_call_gives_what_its_callee_returns_and_its_worker_is_kept(called) -> None:
    async with called() as caller:
        assert await caller.call("called:add", [20], {"b": 22}, seconds=600, where="add") == 42
        first, second = [await caller.call("called:pid", seconds=600, where="pid") for _ in range(2)]
        assert first == second != os.getpid()


async def test_what_a_callee_raises_comes_back_as_its_traceback(called) -> None:
    async with called() as caller:
        with pytest.raises(CallError) as caught:
            await caller.call("called:fail", ["no rows"], seconds=600, where="the check")
    text = str(caught.value)
    assert text.startswith("Traceback")
    assert text.endswith("ValueError: no rows")
    assert "ppacer" not in text


@pytest.mark.parametrize(
    ("name", "args", "cause"),
    [
        ("leave", [3], "the worker process ended with exit code 3"),
        ("crash", [], "SIGSEGV"),
        ("add", [], "missing a required argument: 'a'"),
        ("nothing", [], "this program has no callable called:nothing"),
    ],
)
async def test_whatever_ends_a_call_is_told_and_the_next_one_is_well(called, name, args, cause) -> None:
    async with called() as caller:
        with pytest.raises(CallError, match=cause):
            await caller.call(f"called:{name}", args, seconds=600, where=name)
        assert await caller.call("called:add", [1], seconds=600, where="add") == 2


async def test_a_call_that_takes_too_long_is_killed(called, kit, tmp_path: Path) -> None:
    async with called() as caller:
        for seconds in (1.5, 6.5, 26.5):  # a busy machine may not have come to the file by then
            with pytest.raises(CallError, match=rf"^it took longer than {seconds} s$"):
                await caller.call("called:hang", [str(tmp_path / "pid")], seconds=seconds, where="hang")
            if (tmp_path / "pid").exists():
                break
        pid = int((tmp_path / "pid").read_text())
        await kit.until(lambda: not lives(pid))


async def test_a_cancelled_call_is_killed(called, kit, tmp_path: Path) -> None:
    async with called() as caller:
        call = asyncio.ensure_future(caller.call("called:hang", [str(tmp_path / "pid")], seconds=600, where="hang"))
        pid = int(await kit.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await kit.until(lambda: not lives(pid))


async def test_so_many_calls_are_under_way_at_once_and_others_wait(called, kit, tmp_path: Path) -> None:
    names = [f"call{n}" for n in range(AT_ONCE + 2)]

    def begun() -> list[Path]:
        return list(tmp_path.glob("call[0-9]*"))

    async with called() as caller:
        calls = [caller.call("called:meet", [str(tmp_path), name], seconds=600, where=name) for name in names]
        together = asyncio.gather(*calls)
        await kit.until(lambda: len(begun()) == AT_ONCE)
        (tmp_path / "go").touch()
        await together
    assert len(begun()) == len(names)


async def test_what_a_callee_writes_is_told_in_the_log_up_to_a_bound(called, caplog) -> None:
    caplog.set_level(logging.INFO, logger="ppacer")
    async with called() as caller:
        await caller.call("called:write", [5_000], seconds=600, where="notifier ops")
    told = [record.getMessage() for record in caplog.records]
    assert told[:2] == ["notifier ops: line 0", "notifier ops: line 1"]
    assert told[-1] == "notifier ops: … and more, which is left out here"
    assert len(told) == 101


async def test_nothing_is_started_before_the_first_call_and_nothing_is_left_at_the_end(called, kit, tmp_path) -> None:
    async with called() as caller:
        assert caller._pool is None
        call = asyncio.ensure_future(caller.call("called:hang", [str(tmp_path / "pid")], seconds=600, where="hang"))
        pid = int(await kit.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
        await caller.close()
        with pytest.raises(CallError, match="ending"):
            await call
        assert not lives(pid)
        with pytest.raises(CallError, match="the scheduler is ending"):
            await caller.call("called:pid", seconds=600, where="pid")
