"""The bad time of a world: who is there, what people want, and which faults come when."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulator.hosts import Worksite
    from tests.simulator.world import World


def begin(world: World) -> None:
    """Starts the world and lets it go through its faults."""
    random, timeline = world.random, world.timeline
    world.start_host()
    for number in range(random.choice((0, 1, 2, 2)) if world.in_program else random.choice((1, 2, 2, 3))):
        build = random.choice((0, 1)) if world.rebuilds else 0
        labels = ("big",) if random.random() < 0.5 else ()
        world.start_worksite(f"site-{number}", build, random.choice((1, 2, 4)), labels)
    span = random.choice((30.0, 50.0, 50.0, 80.0))
    for _ in range(random.choice((3, 8, 16))):
        timeline.after(random.uniform(0.0, span), world.people.wish)
    chosen = random.sample(list(FAULTS), random.choice((0, 1, 2, 3, 4)))
    for name in chosen:
        for _ in range(random.choice((1, 1, 2, 3))):
            timeline.after(random.uniform(0.5, span), _strike, (world, name))
    timeline.run(lambda: False, timeline.now + span)


def _strike(what: tuple[World, str]) -> None:
    world, name = what
    if world.mood.faulty:
        world.done[f"fault: {name}"] += 1
        world.note("fault", name)
        FAULTS[name](world)


def _site(world: World) -> Worksite | None:
    """An executor, one that is at work if there is one: what happens to others is of little interest."""
    alive = [site for site in world.worksites.values() if not site.process.dead]
    alive = [site for site in alive if site.executor is not None and site.executor.running] or alive
    return world.random.choice(alive) if alive else None


def _scheduler_killed(world: World) -> None:
    if world.host is not None:
        world.host.process.kill()


def _scheduler_ended(world: World) -> None:
    host = world.host
    if host is not None and not host.process.dead:
        host.process.outside(0.0, lambda _: world.task(host.process, host.stop()))


def _scheduler_stands_still(world: World) -> None:
    if world.host is not None:
        if world.host.executor is not None:
            world.truth.stood_still(world.host.process.name)
        world.host.process.stop_for(world.lease * world.random.choice((0.05, 0.5, 1.2, 3.0)))


def _lead_taken(world: World) -> None:
    """Another scheduler begins while the one before still lives, perhaps after that has come to stand still."""
    host = world.host
    if host is not None and not world.in_program and not world.exclusive:
        if world.random.random() < 0.5:
            host.process.stop_for(world.lease * world.random.choice((0.2, 1.5)))
        world.start_host()


def _clock_set(world: World) -> None:
    if world.host is not None:
        seconds = world.random.choice((3600, -3600, 300, -300, 61, -7))
        world.host.process.wall += seconds * 1_000_000
        world.astray += max(0, -seconds)


def _clock_of_executor_set(world: World) -> None:
    site = _site(world)
    if site is not None:
        seconds = world.random.choice((3600, -3600, 30, -30))
        site.process.wall += seconds * 1_000_000
        world.astray += max(0, seconds)


def _disk_down(world: World) -> None:
    if world.host is not None:
        world.host.process.disk.down_until = world.timeline.now + world.random.choice((0.5, 5.0, 30.0))


def _executor_killed(world: World) -> None:
    site = _site(world)
    if site is not None:
        site.process.kill()


def _executor_stands_still(world: World) -> None:
    site = _site(world)
    if site is not None:
        world.truth.stood_still(site.process.name)
        site.process.stop_for(world.lease * world.random.choice((0.1, 0.6, 1.1, 2.5)))


def _executor_ended(world: World) -> None:
    site = _site(world)
    if site is not None:
        site.process.outside(0.0, lambda _: world.task(site.process, site.drain()))


def _executor_cut_off(world: World) -> None:
    site = _site(world)
    if site is not None:
        _cut_off(world, site.process.name, world.lease * world.random.choice((0.2, 1.2, 3.0)))


def _executor_cut_off_at_work(world: World) -> None:
    """As soon as an executor is at something that takes long, it is cut off for longer than its lease."""
    busy = {stint.child.zygote.executor.name for stint in world.truth.stints() if stint.long}
    names = [name for name in world.worksites if name in busy]
    if names:
        _cut_off(world, world.random.choice(names), world.lease * world.random.choice((1.5, 3.0)))
    elif world.mood.faulty:
        world.timeline.after(1.0, lambda _: world.mood.faulty and _executor_cut_off_at_work(world))


def _cut_off(world: World, name: str, seconds: float) -> None:
    world.network.cut.add(name)
    world.timeline.after(seconds, lambda _: world.network.cut.discard(name))


def _workers_killed(world: World) -> None:
    alive = [zygote for zygote in world.zygotes if not zygote.ended and zygote.children]
    if alive:
        zygote = world.random.choice(alive)
        if world.random.random() < 0.3:
            zygote.crash()
        else:
            world.random.choice(list(zygote.children.values())).die(-9)


FAULTS: dict[str, Callable[[World], None]] = {
    "scheduler killed": _scheduler_killed,
    "scheduler ended": _scheduler_ended,
    "scheduler stands still": _scheduler_stands_still,
    "lead taken": _lead_taken,
    "clock set": _clock_set,
    "clock of an executor set": _clock_of_executor_set,
    "disk down": _disk_down,
    "executor killed": _executor_killed,
    "executor stands still": _executor_stands_still,
    "executor ended": _executor_ended,
    "executor cut off": _executor_cut_off,
    "executor cut off at work": _executor_cut_off_at_work,
    "workers killed": _workers_killed,
}
