"""Asks the schedules that are written in Python, in workers: for their due times and for what to call them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ppacer import spec
from ppacer.core.custom_times import Answer, Answers, Question, Unasked
from ppacer.core.gist import gist
from ppacer.services.caller import Caller, CallError
from ppacer.services.worker_requests import DUE_TIMES

ASK_SECONDS = 10.0
"""How long a schedule may take to answer."""

ASK_AGAIN_SECONDS = 60.0
"""How long after a question that came to nothing it is asked again."""

_AT_ONCE = 4
"""How many schedules are asked at once, so that notifications always find room beside them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ScheduleProblem:
    """A schedule that raises, does not answer in time or does not go on. `message` says in one line which and why,
    `detail` is all that there is to say, with the traceback where it raised; empty where that is no more."""

    message: str
    detail: str


def _problem(name: str, error: str) -> ScheduleProblem:
    said = gist(error)
    if said.startswith(f"{name} "):  # what is wrong with it, in the words of `ppacer.schedules`
        return ScheduleProblem(f"the schedule {said}", "")
    does_not = f"the schedule {name} does not answer:"
    return ScheduleProblem(f"{does_not} {said}", f"{does_not} {error}")


class CustomSchedules:
    """Has the questions answered that a `DagClock` raises as `Unasked`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._texts: dict[str, str] = {}

    async def ask(self, question: Question) -> Answer | ScheduleProblem:
        """The answer, or what is wrong with the schedule: then it may be asked again after `ASK_AGAIN_SECONDS`."""
        name = question.schedule.callable
        try:
            async with self._slots:
                answer = await self._caller.call(
                    DUE_TIMES,
                    (name, question.timezone),
                    {"after": question.after, "until": question.until, "previous": question.previous},
                    seconds=ASK_SECONDS,
                    where=f"schedule {name}",
                )
        except CallError as error:
            return _problem(name, str(error))
        match answer:
            case {"times": list(times), "ended": bool(ended), "text": str(text)}:
                self._texts[name] = text
                return Answer(tuple(times), ended)
        raise TypeError("no answer of a schedule")

    async def work_out(self, answers: Answers, look: Callable[[], T]) -> T | ScheduleProblem:
        """What `look` gives, one look at a clock with these answers: asked for as often as it takes."""
        while True:
            try:
                return look()
            except Unasked as unasked:
                found = await self.ask(unasked.question)
                if isinstance(found, ScheduleProblem):
                    return found
                answers.learn(unasked.question, found)

    def texts(self, dag: spec.Dag) -> dict[str, str]:
        """What the schedules of a dag call themselves, by their callables: those that have answered, and say so."""
        names = [schedule.callable for schedule in dag.schedules if isinstance(schedule, spec.CustomSchedule)]
        return {name: text for name in names if (text := self._texts.get(name))}
