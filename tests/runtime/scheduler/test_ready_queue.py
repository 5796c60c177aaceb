"""The ready queue against a sorted list."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core.model import Attempt, AttemptStatus
from ppacer.services.ready_queue import ReadyQueue

CALLABLES = ("m:f", "m:g")
CODES = ("", "c1", "c2")


def attempt(number: int, code: str) -> Attempt:
    return Attempt(f"a{number}", "run", 1, "t", 0, 1, AttemptStatus.QUEUED, 0, code=code)


@settings(deadline=None)
@given(data=st.data())
def test_each_profile_gets_the_best_that_it_can_take(data: st.DataObject) -> None:
    queue = ReadyQueue()
    profiles = []
    waiting: list[tuple[Attempt, spec.Task]] = []
    for number in range(data.draw(st.integers(1, 60))):
        action = data.draw(st.sampled_from(["add", "add", "add", "take", "remove", "join", "leave"]))
        if action == "add":
            task = spec.Task(
                "t",
                data.draw(st.sampled_from(CALLABLES)),
                spec.At(1, 1),
                priority=data.draw(st.integers(-1, 1)),
                runs_on=data.draw(st.sampled_from([(), ("gpu",)])),
            )
            one = attempt(number, data.draw(st.sampled_from(CODES)))
            queue.add(one, task)
            waiting.append((one, task))
        elif action == "join":
            codes = data.draw(st.dictionaries(st.sampled_from(CALLABLES), st.sampled_from(CODES)))
            profiles.append(queue.join(codes, frozenset(data.draw(st.sampled_from([(), ("gpu",)])))))
        elif action == "leave" and profiles:
            queue.leave(profiles.pop(data.draw(st.integers(0, len(profiles) - 1))))
        elif action == "remove" and waiting:
            gone, _ = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            assert queue.remove(gone.id) is not None
            assert queue.remove(gone.id) is None
        elif action == "take" and profiles:
            profile = data.draw(st.sampled_from(profiles))
            fits = [
                (one, task)
                for one, task in waiting
                if profile.codes.get(task.callable) == one.code and set(task.runs_on) <= profile.labels
            ]
            expected = max(fits, key=lambda pair: pair[1].priority, default=None)
            best = queue.best(profile)
            assert (None if best is None else best.attempt) == (None if expected is None else expected[0])
            if expected is not None:
                queue.remove(expected[0].id)
                waiting.remove(expected)
        assert len(queue) == len(waiting)


def test_what_others_took_does_not_pile_up() -> None:
    queue = ReadyQueue()
    idle, busy = (queue.join({"m:f": "c1"}, frozenset(labels)) for labels in ((), ("gpu",)))
    task = spec.Task("t", "m:f", spec.At(1, 1))
    for number in range(5_000):
        queue.add(attempt(number, "c1"), task)
        best = queue.best(busy)
        assert best is not None
        queue.remove(best.attempt.id)
    assert len(idle.heap) < 100
