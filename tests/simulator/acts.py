"""What tasks do: each attempt draws its part when a worker begins with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppacer.core import codec
from ppacer.services.worker_frames import Message
from ppacer.services.worker_requests import DELIVER, DUE_TIMES, PING

if TYPE_CHECKING:
    from tests.simulator.workers import Child

SECRET = "hunter2-is-the-word"
"""What must never be seen outside of a worker."""

_MINUTE = 60_000_000
STATE = '{"step": 1}'


class Act:
    """One attempt's part. `stubborn` ones do not stop when they are asked to."""

    def __init__(self, child: Child, message: Message, kind: str, seconds: float) -> None:
        self.child = child
        self.attempt = str(message["attempt"])
        self.message = message
        self.kind = kind
        self.seconds = seconds
        self.stubborn = kind == "stubborn"
        self._stopping = False

    def begin(self) -> None:
        world = self.child.world
        world.done[f"task: {self.kind}"] += 1
        if self.kind not in ("hangs", "stubborn"):
            world.timeline.after(self.seconds, self._finish)
        if world.random.random() < world.mood.talks:
            world.timeline.after(self.seconds * world.random.random(), self._talk)

    def asked_to_stop(self) -> None:
        if not self.stubborn and not self._stopping:
            self._stopping = True
            world = self.child.world
            world.timeline.after(world.random.choice((0.001, 0.01, 0.5)), self._stopped)

    # --- ends --------------------------------------------------------------------------------------------------------

    def _stopped(self, _: None) -> None:
        self._end(outcome="cancelled", fit=self.child.shared)

    def _finish(self, _: None) -> None:
        match self.kind:
            case "succeeds" | "slow":
                self._end(outcome="success", output=self._output())
            case "fails":
                self._end(outcome="failed", error_kind="exception", error="ValueError: it does not work")
            case "kills":
                self.child.zygote.executor.kill()
            case "dies":
                if self.child.running.get(self.attempt) is self:
                    self.child.die(self.child.world.random.choice((1, -11, -9)))
            case _:
                self._end(outcome="deferred", deferral=self._deferral())

    def _end(self, **told: object) -> None:
        child = self.child
        if child.running.get(self.attempt) is not self or not child.alive:
            return
        child.over(self.attempt)
        ending = {"output": None, "error_kind": None, "error": None, "deferral": None, "fit": True, **told}
        child.tell({"attempt": self.attempt, "resident": 1, **ending})
        if not ending["fit"] and not child.shared:
            child.world.timeline.after(0.001, lambda _: child.die(0))

    def _output(self) -> str:
        random, task = self.child.world.random, str(self.message["task"])
        if self.message["callable"] == DUE_TIMES:
            return _due_times(codec.decode(str(self.message["kwargs"])))
        if self.message["callable"] in (DELIVER, PING):
            return "null"
        return codec.encode(list(range(random.randrange(4)))) if task == "xs" else str(random.randrange(3))

    def _deferral(self) -> dict[str, Any]:
        world = self.child.world
        until = world.wall(self.child.zygote.executor) + round(world.random.choice((0, 0.5, 3, 12)) * 1e6)
        run: dict[str, Any] | None = None
        if self.kind in ("asks", "sends"):
            dag = world.random.choice(("small", "small", "small", "nobody"))
            run = {"dag": dag, "params": "{}", "scheduled_at": None, "wait": self.kind == "asks"}
        state = world.random.choice((None, STATE))
        output = "7" if state is None and run is None else None
        return {"until": None if run else until, "state": state, "output": output, "run": run}

    # --- talk --------------------------------------------------------------------------------------------------------

    def _talk(self, _: None) -> None:
        child = self.child
        if child.running.get(self.attempt) is not self or not child.alive:
            return
        world = child.world
        world.done["tasks that talk"] += 1
        match world.random.randrange(5):
            case 0 if not child.shared:
                child.print(b"some line\nand another one that goes on\n")
            case 1:
                self._tell(progress=world.random.random(), message="so far", at=world.wall(child.zygote.executor))
            case 2:
                to = world.random.choice((None, "log", "mail", "nobody"))
                self._tell(notice="look here", subject="news", to=to)
            case 3 if not child.shared:
                child.tell({"secrets": [SECRET]})
                world.timeline.after(0.005, lambda _: child.alive and child.print(f"it is {SECRET}!\n".encode()))
            case _:
                at = world.wall(child.zygote.executor)
                self._tell(log="a record", level=20, logger="x", at=at, attributes="{}")

    def _tell(self, **told: object) -> None:
        self.child.tell({"attempt": self.attempt, **told})


def _due_times(asked: object) -> str:
    """What `m:minutes` answers, a schedule written in Python: a due time each minute."""
    assert isinstance(asked, dict)
    first = (asked["after"] // _MINUTE + 1) * _MINUTE
    times = list(range(first, max(asked["until"], first) + _MINUTE + 1, _MINUTE))[:500]
    return codec.encode({"times": times, "ended": False, "text": "minutes"})


def act_for(child: Child, message: Message) -> Act:
    """What an attempt will do, drawn by the mood of the world."""
    world = child.world
    random = world.random
    if message["callable"] in (DELIVER, PING, DUE_TIMES):
        kind = "fails" if random.random() < world.mood.fails / 2 else "succeeds"
        return Act(child, message, kind, random.uniform(0.01, 0.3))
    kind = random.choices(world.mood.kinds, cum_weights=world.mood.kind_weights)[0]
    run = message["run"]
    assert isinstance(run, dict)
    place = (run["id"], message["task"], message["position"])
    if kind == "kills":
        world.poison.add(place)
    elif place in world.poison and world.mood.faulty:
        kind = "kills"
    if kind in ("hangs", "stubborn") and message["timeout"] is None:
        kind = "slow"
    if message["part"] and kind == "succeeds" and world.mood.faulty and random.random() < 0.5:
        kind = "slow"  # what comes late from an earlier part shall find a later one at work
    if kind == "asks" and run["dag"] == "small":
        kind = "sends"  # runs that wait for runs of their own dag may wait for ever
    if message["part"] and kind in ("defers", "asks", "sends") and int(str(message["part"])) > 3:
        kind = "succeeds"
    seconds = random.uniform(6, 40) if kind == "slow" else random.choice((0.001, 0.05, 0.3, 1.0, 2.5))
    return Act(child, message, kind, seconds)
