"""The good time after: no faults any more, and everything comes to its end (invariant 12), every slot and worker with
it (10, 14), every due time decided (1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppacer import spec
from ppacer.services.errors import SchedulerError
from ppacer.services.scheduler import Condition
from tests.simulator.mood import Mood
from tests.simulator.programs import MINUTE, period

if TYPE_CHECKING:
    from tests.simulator.hosts import Host
    from tests.simulator.world import World

LATEST = 32.0
"""So long after all is well the last request from before may have arrived, and waited on the line."""

SETTLING = 3.0
"""So long after the last fault what was under way may still fail: a commit takes 2 s at most, and then the news of it
has to be heard."""

AWHILE = 10.0
"""For how long the world is then watched at work."""

BOUND = 2400.0
"""Seconds within which everything has to end. What waits for a time on the wall clock waits for as long as that was set
back after it was worked out, or was ahead where it was."""


def calm(world: World) -> None:
    world.mood = Mood()
    world.network.cut.clear()
    for number in (0, 1) if world.rebuilds else (0,):
        world.start_worksite(f"calm-{number}", number, 8, ("big",))
    if world.host is not None:
        world.host.process.disk.down_until = 0.0
    for process in world.processes:
        process.go_on()
    world.timeline.run(lambda: False, world.timeline.now + SETTLING)
    _until(world, "there is no scheduler", lambda: _serves(world))
    for dag in _host(world).program.dags:
        _ask(world, dag.id, paused=False)
    world.timeline.run(lambda: False, world.timeline.now + LATEST)
    world.quiet_since = world.timeline.now
    for dag in _host(world).program.dags:
        world.people.trigger(dag.id)
    world.timeline.run(lambda: False, world.timeline.now + AWHILE)
    for dag in _host(world).program.dags:
        _ask(world, dag.id, paused=True)
    looked_at = _host(world).now()
    _until(world, "it does not end", lambda: _quiet(world))
    _check_due_times(world, looked_at)
    _check_memory(world)
    world.ending = True
    for site in world.worksites.values():
        site.process.outside(0.0, lambda _, site=site: world.task(site.process, site.drain()))
    _until(world, "an executor does not end", lambda: all(site.process.dead for site in world.worksites.values()))
    world.host = None
    for host in world.hosts:  # those that have lost their lead, and had nothing to write since, do not know it
        host.process.outside(0.0, lambda _, host=host: world.task(host.process, host.stop()))
    _until(world, "the scheduler does not end", lambda: all(host.process.dead for host in world.hosts))
    world.timeline.run(lambda: False, world.timeline.now + 1.0)
    left = [child for zygote in world.zygotes for child in zygote.children.values() if child.alive]
    if left and not world.timeline.halted:
        world.broken(14, f"workers are left: {[(child.zygote.executor.name, child.running) for child in left]}")


def _until(world: World, what: str, over: object) -> None:
    bound = BOUND + world.astray
    if not world.timeline.run(over, world.timeline.now + bound) and not world.timeline.halted:  # type: ignore[arg-type]
        world.broken(12, f"{what} within {bound:g} s: {_left(world)}")


def _host(world: World) -> Host:
    assert world.host is not None
    return world.host


def _serves(world: World) -> bool:
    host = world.host
    if host is None or not host.ready or host.process.dead or host.process.stopped or host.ending:
        return False
    return host.scheduler.health().condition is Condition.READY


def _quiet(world: World) -> bool:
    if not _serves(world):
        return False
    host, tables = _host(world), world.memory.tables
    health = host.scheduler.health()
    if health.active_runs or health.queued_runs or (host.executor is not None and host.executor.running):
        return False
    if any(site.executor is None or site.executor.running for site in world.worksites.values()):
        return False
    return not (
        any(not row.status.terminal for row in tables["backfills"].values())
        or any(not row.status.terminal for row in tables["notifications"].values())
        or any(not run.status.terminal for run in tables["runs"].values())
    )


def _ask(world: World, dag: str, *, paused: bool) -> None:
    host = _host(world)

    async def ask() -> None:
        try:
            await (host.scheduler.pause_dag(dag) if paused else host.scheduler.resume_dag(dag))
        except SchedulerError as error:
            world.broken(12, f"{dag} cannot be paused or resumed in quiet times: {error}")

    host.process.outside(0.0, lambda _: world.task(host.process, ask()))


def _check_due_times(world: World, until: int) -> None:
    """Every due time of a dag that was watched for a while has been decided."""
    for dag in _host(world).program.dags:
        step, row = period(dag), world.memory.tables["dags"][dag.id]
        late = dag.catchup is spec.Catchup.ALL or any(isinstance(one, spec.CustomSchedule) for one in dag.schedules)
        if step is None or late:  # it waits for room to catch up, or until its schedule is asked once more
            continue
        last = (until - MINUTE) // step * step
        if row.watched_until < last:
            world.broken(1, f"{dag.id} was due at {last}, and is decided up to {row.watched_until}")


def _check_memory(world: World) -> None:
    """Nothing is held any more, since nothing is under way."""
    engine = _host(world).scheduler._engine
    assert engine is not None
    held = {
        "slots": [gate for gate in engine.ready.gates() if gate.used or gate.waiting],
        "slots of attempts": engine.ready._held,
        "offers": len(engine.ready),
        "leases": len(engine.tasks._leases),
        "machines": engine.tasks._machines,
        "attempts": engine.tasks._by_attempt,
        "grants": engine.tasks._granted,
        "progress": engine.tasks._progress,
        "alarms": len(engine._alarms),
        "awaited": engine._awaited._waiting,
        "stops": engine.executors._stops,
        "running": engine.executors._running,
        "backfills": engine.backfills._open,
        "queue": engine.queue._queued,
    }
    left = {name: what for name, what in held.items() if what}
    if left:
        world.broken(10, f"the scheduler still holds {left}")
    for place, stints in world.truth.running.items():
        world.broken(14, f"{place} still runs: {[(one.attempt, one.child.zygote.executor.name) for one in stints]}")


def _left(world: World) -> str:
    tables = world.memory.tables
    rows = [
        row
        for name in ("runs", "tasks", "attempts", "backfills", "notifications")
        for row in tables[name].values()
        if not row.status.terminal
    ]
    host = world.host
    told = "none" if host is None or not host.ready else host.scheduler.health()
    held = {name: site.executor.running for name, site in world.worksites.items() if site.executor is not None}
    return f"{told}, executors hold {held}, unfinished are {rows[:8]}"
