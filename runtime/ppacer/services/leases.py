"""The leases that an executor holds: renews them in time, and fences off what could not be renewed.

A lease is counted from the moment when the request that it answers was sent, on the executor's own clock. The scheduler
counts from a later moment, so an attempt has ended here before anybody else can have been given it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ppacer.protocol import LEASE_SECONDS, Assignment, ExchangeAnswer, Renewal, Report
from ppacer.services.transport import ANSWER_SECONDS, Fault, TransportError
from ppacer.services.worker_attempt import GRACE_SECONDS, RunningAttempt
from ppacer.services.worker_judge import StopReason

_CHECK_SECONDS = 1.0
"""How often the clock is looked at: it may jump, as when a laptop wakes, without any timer going off."""

_RENEW_AGAIN_SECONDS = 0.5
_SHORTEST_PATIENCE = 0.5
_OK = 200
_log = logging.getLogger("ppacer")


def lease_clock() -> float:
    """Seconds that never go back and, where the platform can tell, go on while the machine sleeps."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


@dataclass(slots=True)
class Held:
    """An attempt that the scheduler counts as this executor's, until its report has been taken.

    `expires_at` and `renew_at` are on the lease clock. `confirmed` is false while the lease must be renewed before the
    attempt may start. `task` runs it; `report` is there when it has ended; `shortened` once that was refused.
    """

    attempt: RunningAttempt
    lease: float
    expires_at: float
    renew_at: float
    confirmed: bool
    task: asyncio.Task[None] | None = None
    report: Report | None = None
    shortened: bool = False

    @property
    def assignment(self) -> Assignment:
        return self.attempt.assignment


class Leases:
    """All that is held, by the attempt's id.

    `renew` asks the scheduler for renewals, waiting so many seconds, `clock` is the lease clock. `on_confirmed` gets
    what may start now, `on_stale` the id of what the scheduler no longer counts as ours, `on_answer` each answer and
    when it was asked for.
    """

    def __init__(
        self,
        renew: Callable[[tuple[Renewal, ...], float], Awaitable[ExchangeAnswer]],
        clock: Callable[[], float],
        *,
        on_confirmed: Callable[[Held], object],
        on_stale: Callable[[str], object],
        on_answer: Callable[[ExchangeAnswer, float], object],
    ) -> None:
        self.held: dict[str, Held] = {}
        self.term = LEASE_SECONDS
        """The term of the lease that was granted last, in seconds."""
        self._renew = renew
        self._clock = clock
        self._on_confirmed = on_confirmed
        self._on_stale = on_stale
        self._on_answer = on_answer
        self._changed = asyncio.Event()
        self._looks_at = float("inf")

    @property
    def patience(self) -> float:
        """How long to wait for an answer before asking again, in seconds: there must be time for that in a lease."""
        return min(ANSWER_SECONDS, max(_SHORTEST_PATIENCE, self.term / 3))

    def hold(self, attempt: RunningAttempt, sent_at: float) -> None:
        """Takes an attempt over that was asked for at `sent_at`, and has it started.

        After a request that took long the lease may be nearly over: it is renewed before the attempt starts then.
        """
        lease = self.term = attempt.assignment.lease_seconds
        now = self._clock()
        fresh = sent_at + lease - now > lease / 2
        held = Held(
            attempt,
            lease,
            expires_at=(sent_at if fresh else now) + lease,
            renew_at=sent_at + lease / 3 if fresh else now,
            confirmed=fresh,
        )
        self.held[attempt.assignment.attempt] = held
        if fresh:
            self._on_confirmed(held)
        if min(held.renew_at, held.expires_at - _margin(held)) < self._looks_at:
            self._changed.set()

    async def keep(self) -> None:
        """Renews and fences for ever."""
        renewing: asyncio.Task[None] | None = None
        try:
            while True:
                self._changed.clear()
                now = self._clock()
                for held in list(self.held.values()):
                    self._fence(held, now)
                busy = renewing is not None and not renewing.done()
                if not busy and any(held.renew_at <= now and _wanted(held) for held in self.held.values()):
                    renewing = asyncio.create_task(self._renew_all())
                    busy = True
                seconds = self._until_next(now, renewing=busy)
                self._looks_at = float("inf") if seconds is None else now + seconds
                try:
                    async with asyncio.timeout(seconds):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            if renewing is not None:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)

    def _until_next(self, now: float, *, renewing: bool) -> float | None:
        """Seconds until a lease wants something; none while nothing is held."""
        if not self.held:
            return None
        times = [_CHECK_SECONDS + now]
        for held in self.held.values():
            times += (held.expires_at - _margin(held), held.expires_at)
            if not renewing and _wanted(held):
                times.append(held.renew_at)
        return min(moment for moment in times if moment > now) - now

    def _fence(self, held: Held, now: float) -> None:
        """Stops an attempt whose lease runs out: asks it shortly before, and is sure of it when the time has come."""
        if now < held.expires_at - _margin(held) or held.report is not None:
            return
        if held.task is None:
            self._on_stale(held.assignment.attempt)
            return
        if held.attempt.reason is None or held.attempt.reason < StopReason.FENCED:
            _log.warning("the lease of %s could not be renewed: it is stopped", held.assignment.where)
        held.attempt.stop(StopReason.FENCED, now=now >= held.expires_at)

    async def _renew_all(self) -> None:
        """One renewal of all leases. Each try is a request of its own: an answer counts from when that was sent."""
        tokens = tuple(Renewal(name, held.assignment.token) for name, held in self.held.items() if _wanted(held))
        sent_at = self._clock()
        for held in self.held.values():
            held.renew_at = sent_at + held.lease / 3
        try:
            answer = await self._renew(tokens, self.patience)
        except TransportError as fault:
            if fault.fault is not Fault.AWAY:
                _log.error("%s", fault)
            for held in self.held.values():
                held.renew_at = self._clock() + min(_RENEW_AGAIN_SECONDS, held.lease / 6)
            self._changed.set()
            return
        asked = {renewal.attempt: renewal.token for renewal in tokens}
        for ack in answer.renewals:
            now_held = self.held.get(ack.attempt)
            if now_held is None or now_held.assignment.token != asked.get(ack.attempt):
                continue  # what was deferred and is held anew since then
            if ack.status == _OK:
                self._renewed(now_held, sent_at)
            else:
                self._on_stale(ack.attempt)
        self._on_answer(answer, sent_at)
        self._changed.set()

    def _renewed(self, held: Held, sent_at: float) -> None:
        held.expires_at = sent_at + held.lease
        if not held.confirmed:
            held.confirmed = True
            self._on_confirmed(held)


def _wanted(held: Held) -> bool:
    """Whether the lease is to be renewed: it is ours as far as we know, and the attempt has not been given up.

    One that was fenced is let go, or a scheduler that hears us and is not heard could give it to nobody.
    """
    return held.attempt.reason is None or held.attempt.reason < StopReason.FENCED


def _margin(held: Held) -> float:
    """How long before the end of its lease an attempt is told to stop, so that it has ended by then."""
    return min(GRACE_SECONDS, held.lease / 6)
