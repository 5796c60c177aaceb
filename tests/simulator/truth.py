"""What really happened, whatever the scheduler thinks: which worker ran what and when, what the scheduler was told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppacer.core import model as m
from ppacer.protocol import Exchange, Outcome
from ppacer.services.worker_frames import Message

if TYPE_CHECKING:
    from tests.simulator.workers import Child
    from tests.simulator.world import World

OVERLAP_SECONDS = 0.25
"""How long a worker that is being killed may still run beside the next one that has its task."""


@dataclass(slots=True, eq=False)
class Stint:
    """An attempt in a worker. `excused`: its executor stood still meanwhile, and could not fence it."""

    child: Child
    attempt: str
    token: int
    excused: bool = False

    @property
    def long(self) -> bool:
        """Whether it does not end soon by itself."""
        act = self.child.running.get(self.attempt)
        return act is not None and act.kind in ("slow", "hangs", "stubborn")


class Truth:
    def __init__(self, world: World) -> None:
        self._world = world
        self.running: dict[tuple[str, str, int], list[Stint]] = {}
        self.places: dict[tuple[Child, str], tuple[str, str, int]] = {}
        self.reports: dict[tuple[str, int], set[Outcome]] = {}
        self.heard: dict[str, float] = {}
        self.slots: dict[str, int] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.received_at: dict[str, float] = {}

    # --- what reaches the scheduler ----------------------------------------------------------------------------------

    def received(self, exchange: Exchange) -> None:
        now = self._world.timeline.now
        self.received_at.setdefault(exchange.request, now)
        for report in exchange.reports:
            self.reports.setdefault((report.attempt, report.token), set()).add(report.outcome)
        if exchange.claim is not None:
            self.slots[exchange.request] = max(exchange.claim.slots, self.slots.get(exchange.request, 0))
        if exchange.codes:
            self.codes[exchange.instance] = exchange.codes

    def decided(self, writes: Iterable[m.Write]) -> None:
        """A turn grants leases or renews them: their terms begin now."""
        for write in writes:
            match write:
                case m.InsertAttempt(row) | m.UpdateAttempt(row) if row.status is m.AttemptStatus.RUNNING:
                    self.heard[row.id] = self._world.timeline.now
                case m.RenewLeases(leases):
                    self.heard |= {attempt: self._world.timeline.now for attempt, _ in leases}

    # --- what workers do ---------------------------------------------------------------------------------------------

    def began(self, child: Child, message: Message) -> None:
        attempt, token = str(message["attempt"]), int(str(message["token"]))
        if token == 0:
            return  # a call of the scheduler's own
        run = message["run"]
        assert isinstance(run, dict)
        place = (str(run["id"]), str(message["task"]), int(str(message["position"])))
        world = self._world
        if (attempt, token) not in world.watch.claimed:
            world.broken(6, f"attempt {attempt} runs under token {token}, which was never committed")
        for other in self.running.get(place, ()):
            world.timeline.after(OVERLAP_SECONDS, self._look_again, (place, other, attempt, token))
        stint = Stint(child, attempt, token, excused=child.zygote.executor.stopped)
        self.running.setdefault(place, []).append(stint)
        self.places[child, attempt] = place

    def ended(self, child: Child, attempt: str) -> None:
        place = self.places.pop((child, attempt), None)
        if place is not None:
            left = [one for one in self.running[place] if (one.child, one.attempt) != (child, attempt)]
            if left:
                self.running[place] = left
            else:
                del self.running[place]

    def stints(self) -> list[Stint]:
        """All that runs."""
        return [stint for stints in self.running.values() for stint in stints]

    def stood_still(self, name: str) -> None:
        """An executor was stopped: what it holds it cannot fence."""
        for stint in self.stints():
            stint.excused = stint.excused or stint.child.zygote.executor.name == name

    def _look_again(self, what: tuple[tuple[str, str, int], Stint, str, int]) -> None:
        place, old, attempt, token = what
        if old in self.running.get(place, ()) and not old.excused:
            self._world.broken(
                3,
                f"{place} runs twice: attempt {old.attempt} under {old.token} at {old.child.zygote.executor.name}, and "
                f"attempt {attempt} under {token} since {OVERLAP_SECONDS} s",
            )
