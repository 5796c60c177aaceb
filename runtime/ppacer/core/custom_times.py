"""What is known of the due times of schedules written in Python, which only a worker can be asked for.

A `DagClock` never waits. Where it cannot answer for a custom schedule it raises `Unasked` with the question to put to a
worker; its caller has that answered (`ppacer.services.custom_schedules`), tells the clock's `Answers`, and looks again:

    try:
        due = clock.next(watermark)
    except Unasked as unasked:
        ...  # later, with the answer: answers.learn(unasked.question, answer), and the same once more

A look that raises has changed nothing. Looking again asks nothing twice: what lies behind the earliest instant that the
look was about is forgotten, nothing else.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from ppacer import spec
from ppacer.records import dataclass

KEPT = 1_000
"""How many due times are remembered although nobody looks so far back any more."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which due times of a schedule are later than `after`, up to and including the first that is later than `until`?

    `previous` is its last due time at or before `after`, as far as one is known. Instants are microseconds UTC;
    `timezone` is the dag's, in which naive datetimes are meant.
    """

    schedule: spec.CustomSchedule
    timezone: str
    after: int
    until: int
    previous: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The first of the due times that were asked for, at least one unless there is none: they strictly grow.

    With `ended` they are all that ever follow, else there may be more after the last.
    """

    times: tuple[int, ...]
    ended: bool


class Unasked(Exception):
    """A worker has to be asked first."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"the schedule {question.schedule.callable} has to be asked in a worker")
        self.question = question


class Answers:
    """What workers have answered for the custom schedules of one dag. `previous` is the dag's last due time, if any."""

    def __init__(self, previous: int | None = None) -> None:
        self._previous = previous
        self._known: dict[str, _Known] = {}
        self._earliest: dict[str, int] = {}

    def learn(self, question: Question, answer: Answer) -> None:
        """Takes the answer to a question that an `Unasked` brought."""
        name = question.schedule.callable
        known = self._known.get(name)
        if known is None or known.end != question.after:
            known = self._known[name] = _Known(question.after)
        known.times.extend(answer.times)
        known.ended = answer.ended
        known.forget(self._earliest.pop(name, question.after))

    def next(self, schedule: spec.CustomSchedule, timezone: str, after: int) -> int | None:
        """The schedule's first due time later than `after`. Raises `Unasked`."""
        known = self._looked(schedule, after)
        if known is not None and after >= known.since:
            index = bisect_right(known.times, after)
            if index < len(known.times):
                return known.times[index]
            if known.ended:
                return None
        raise Unasked(Question(schedule, timezone, after, after, self._before(known, after)))

    def cover(self, schedule: spec.CustomSchedule, timezone: str, after: int, until: int) -> None:
        """Makes sure that `next` can answer for every instant from `after` to `until`. Raises `Unasked`."""
        known = self._looked(schedule, after)
        begin = after
        if known is not None and after >= known.since:
            if known.ended or known.end > until:
                return
            begin = max(after, known.end)
        raise Unasked(Question(schedule, timezone, begin, until, self._before(known, begin)))

    def _looked(self, schedule: spec.CustomSchedule, after: int) -> _Known | None:
        name = schedule.callable
        self._earliest[name] = min(after, self._earliest.get(name, after))
        return self._known.get(name)

    def _before(self, known: _Known | None, after: int) -> int | None:
        if known is not None and known.times:
            index = bisect_right(known.times, after)
            if index:
                return known.times[index - 1]
        return self._previous if self._previous is not None and self._previous <= after else None


class _Known:
    """All due times of one schedule from after `since` to the last of `times`, to all eternity if it has `ended`."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.times = array("q")
        self.ended = False

    @property
    def end(self) -> int:
        return self.times[-1] if self.times else self.since

    def forget(self, until: int) -> None:
        passed = bisect_right(self.times, until) - KEPT
        if passed > KEPT:
            self.since = self.times[passed - 1]
            del self.times[:passed]
