"""Callables of every kind, and their arguments and outputs on the way through a real worker."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ppacer.protocol import Outcome

from .conftest import Bench, FakeScheduler, value

pytestmark = pytest.mark.slow

MODULE = """
    from __future__ import annotations
    import asyncio, os
    from dataclasses import dataclass
    from datetime import date, timedelta
    from decimal import Decimal
    from enum import Enum
    from pathlib import Path
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from ppacer import TaskContext as Context, TaskContext

    class Currency(Enum):
        EUR = "eur"

    @dataclass
    class Item:
        name: str
        price: Decimal
        tags: tuple[str, ...] = ()

    def plain(a, *rest, b=1, **more):
        return [a, list(rest), b, more]

    def typed(currency: Currency, items: list[Item], day: date, path: Path, wait: timedelta | None = None):
        assert isinstance(currency, Currency) and isinstance(items[0], Item) and isinstance(path, Path)
        return {"sum": sum(item.price for item in items), "next": day + wait, "path": path / "x", "first": items[0]}

    async def coroutine(a):
        await asyncio.sleep(0)
        return a

    class Step:
        def __init__(self, a):
            self.a = a
        def __call__(self, context: TaskContext):
            return [self.a, context.task]

    class AsyncStep:
        def __init__(self, a):
            self.a = a
        async def __call__(self):
            return self.a

    class Unannotated:
        def __call__(self, context):
            return context.attempt

    class NoCall:
        pass

    constant = 7

    def context(a, context: TaskContext):
        run = context.run
        assert not context.cancelled
        return {
            "a": a, "task": context.task, "attempt": context.attempt, "key": context.idempotency_key,
            "run": [run.id, run.dag, run.scheduled_at, run.date, run.previous, run.params],
        }

    def environment():
        return sorted(name for name in os.environ if name.startswith("PPACER_"))
"""


@pytest.fixture
def call(bench: Bench, scheduler: FakeScheduler) -> Callable[..., object]:
    """Runs one callable of the module; its output, or its report if it failed."""
    bench.module("m", MODULE)
    bench.module("broken", "import math\nimport no_such_module\n")
    bench.module("quits", "import sys\nsys.exit(0)\n")

    def call(callable: str, *args: object, **kwargs: object) -> object:
        async def main() -> object:
            async with bench.executor(scheduler, capacity=2):
                report = await scheduler.run(callable, *args, seconds=60, **kwargs)
                return value(report) if report.outcome is Outcome.SUCCESS else report

        return asyncio.run(main())

    return call


def test_arguments_reach_their_parameters(call: Callable[..., object]) -> None:
    assert call("m:plain", "a", 1, 2, b=None, c={"$": 1}) == ["a", [1, 2], None, {"c": {"$": 1}}]


def test_arguments_are_rebuilt_to_their_annotations(call: Callable[..., object]) -> None:
    item = {"name": "tea", "price": Decimal("2.50"), "tags": ["hot"]}
    assert call("m:typed", "eur", [item], day=date(2026, 1, 1), path="data", wait=timedelta(days=1)) == {
        "sum": Decimal("2.50"),
        "next": date(2026, 1, 2),
        "path": Path("data/x"),
        "first": item,
    }


@pytest.mark.parametrize(
    ("callable", "args", "result"),
    [
        ("m:coroutine", (1,), 1),
        ("m:Step", (1,), [1, "task1"]),
        ("m:AsyncStep", (1,), 1),
        ("m:Unannotated", (), 1),
        ("m:environment", (), ["PPACER_WORKER"]),
        ("ppacer.tasks.builtin:empty", (), None),
        ("ppacer.tasks.shell:shell", ("echo one; echo two",), "two"),
        ("ppacer.tasks.builtin:sleep", (timedelta(0),), None),
    ],
)
def test_callables_of_every_kind(
    call: Callable[..., object],
    callable: str,
    args: tuple[object, ...],
    result: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PPACER_TOKEN", "secret")
    monkeypatch.setenv("PPACER_DATABASE", "sqlite:///secret")
    assert call(callable, *args) == result


def test_the_context(call: Callable[..., object]) -> None:
    result = call("m:context", 1)
    assert isinstance(result, dict)
    assert len(result["key"]) == 32
    assert {name: result[name] for name in ("a", "task", "attempt")} == {"a": 1, "task": "task1", "attempt": 1}
    identity, dag, scheduled_at, day, previous, params = result["run"]
    assert (identity[:4], dag, previous, params) == ("0190", "sales", None, {"full": True})
    assert (scheduled_at.isoformat(), day) == ("2026-01-01T01:00:00+01:00", date(2026, 1, 1))


@pytest.mark.parametrize(
    ("callable", "args", "kind", "words"),
    [
        ("m:NoCall", (), "exception", "the class has no __call__ method"),
        ("m:constant", (), "import", "m:constant is not callable"),
        ("m:typed", ("usd", [], None, None), "arguments", "argument currency: 'usd' is no Currency (one of 'eur')"),
        ("m:typed", ("eur", [{"name": "x"}], None, None), "arguments", "argument items[0]: Item.__init__() missing"),
        ("nowhere:f", (), "import", "this program has no callable nowhere:f"),
        ("broken:f", (), "import", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("quits:f", (), "import", "SystemExit: 0"),
        ("ppacer.tasks.shell:shell", ("echo oh no >&2; exit 3",), "exception", "exit code 3; the end of its stderr"),
    ],
)
def test_calls_that_fail(
    call: Callable[..., object], callable: str, args: tuple[object, ...], kind: str, words: str
) -> None:
    report = call(callable, *args)
    assert dataclasses.is_dataclass(report)
    assert getattr(report, "outcome", None) is Outcome.FAILED
    assert getattr(report, "error_kind", None) == kind
    error = getattr(report, "error", "")
    assert words in error
    assert "worker_call" not in error
    assert "program.py" not in error
