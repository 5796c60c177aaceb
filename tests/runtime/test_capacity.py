"""How many attempts an executor runs at once if nobody says: fewer where any takes a process of its own."""

from __future__ import annotations

import pytest

from ppacer import spec
from ppacer.capacity import default_capacity

AT = spec.At(1, 1)
CALLABLES = (
    spec.Callable("m:plain", spec.CallableKind.FUNCTION),
    spec.Callable("m:coroutine", spec.CallableKind.COROUTINE),
)
IN_THREAD = spec.Task("thread", "m:plain", AT, isolation=spec.Isolation.THREAD)
ON_LOOP = spec.Task("loop", "m:coroutine", AT)
IN_PROCESS = spec.Task("process", "m:plain", AT)


def capacity(*tasks: spec.Task) -> int:
    return default_capacity(spec.Program("p", "b", "1", tuple(spec.Dag(t.id, AT, (t,)) for t in tasks), CALLABLES))


@pytest.mark.parametrize(("cores", "own", "sharing"), [(None, 8, 32), (1, 8, 32), (4, 16, 32), (64, 256, 256)])
def test_it_grows_with_the_cores(cores: int | None, own: int, sharing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert capacity(IN_PROCESS) == own
    assert capacity(IN_THREAD) == sharing


@pytest.mark.parametrize(
    "other",
    [
        IN_PROCESS,
        spec.Task("asked", "m:coroutine", AT, isolation=spec.Isolation.PROCESS),
        spec.Task("variables", "m:coroutine", AT, env=(("A", spec.Literal("b", AT)),)),
        spec.Task("folder", "m:coroutine", AT, cwd=spec.Literal("c", AT)),
        spec.Task("limited", "m:coroutine", AT, memory=1024**3),
    ],
    ids=lambda task: task.id,
)
def test_one_task_with_a_process_of_its_own_decides(other: spec.Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert capacity(IN_THREAD, ON_LOOP) == 32
    assert capacity(IN_THREAD, ON_LOOP, other) == 8
