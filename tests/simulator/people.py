"""What people ask of the scheduler, at any time; what they are told must be so, and be durable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ppacer.core.model import RunStatus, TaskStatus
from ppacer.services.errors import SchedulerError
from ppacer.store.errors import StoreError
from tests.simulator.programs import MINUTE

if TYPE_CHECKING:
    from tests.simulator.hosts import Host
    from tests.simulator.world import World

WISHES = {
    "trigger": 12,
    "cancel_run": 3,
    "cancel_task": 3,
    "restart": 4,
    "rerun": 3,
    "mark": 3,
    "pause": 1,
    "resume": 2,
    "silence": 1,
    "backfill": 2,
    "cancel_backfill": 1,
}


class People:
    """`keys` holds the runs that keys have made, as people were told."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.keys: dict[tuple[str, str], str] = {}
        self._wishes = list(WISHES)
        self._weights = list(WISHES.values())

    def wish(self, _: object = None) -> None:
        """Somebody asks for something, if there is somebody to ask."""
        world = self._world
        host = world.host
        name = world.random.choices(self._wishes, self._weights)[0]
        if host is not None and host.ready and not host.ending and not host.process.dead:
            world.done[f"people: {name}"] += 1
            host.process.outside(0.0, lambda _: world.task(host.process, self._ask(host, name)))

    def trigger(self, dag: str) -> None:
        """Somebody wants a run, and gets one."""
        host = self._world.host
        assert host is not None
        host.process.outside(0.0, lambda _: self._world.task(host.process, host.scheduler.trigger(dag)))

    async def _ask(self, host: Host, name: str) -> None:
        try:
            await getattr(self, f"_{name}")(host)
        except (SchedulerError, StoreError):
            self._world.done["people: refused"] += 1

    async def _trigger(self, host: Host) -> None:
        world = self._world
        dag = world.random.choice([dag.id for dag in host.program.dags])
        key = world.random.choice((None, None, "k1", "k2"))
        run = await host.scheduler.trigger(dag, idempotency_key=key)
        if run.id not in world.memory.tables["runs"] and not world.prunes:
            world.broken(6, f"{run} was acknowledged and is not in the database")
        if key is not None:
            first = self.keys.setdefault((dag, key), run.id)
            if first != run.id and not world.prunes:
                world.broken(7, f"key {key} of {dag} gave {first} and then {run.id}")

    async def _cancel_run(self, host: Host) -> None:
        run_id = self._run()
        await host.scheduler.cancel_run(run_id)
        run = self._world.memory.tables["runs"].get(run_id)
        events = [row.kind for row in self._world.memory.of_run(run_id, "events")]
        goes_on = run is not None and run.status is RunStatus.RUNNING and run.outcome is None
        if goes_on and "cancel_requested" not in events:
            self._world.broken(6, f"the cancel of {run} was acknowledged and is not in the database")

    async def _cancel_task(self, host: Host) -> None:
        await host.scheduler.cancel_task(*self._task())

    async def _restart(self, host: Host) -> None:
        self._durable(await host.scheduler.restart_run(self._run()))

    async def _rerun(self, host: Host) -> None:
        follow = self._world.random.random() < 0.5
        self._durable(await host.scheduler.rerun_task(*self._task(), follow=follow))

    async def _mark(self, host: Host) -> None:
        random = self._world.random
        run, task, position = self._task()
        success = random.random() < 0.7
        output = json.dumps(random.choice((None, 1, [1, 2], []))) if success else None
        status = TaskStatus.SUCCESS if success else TaskStatus.FAILED
        self._durable(await host.scheduler.mark_task(run, task, position, status=status, output=output, reason="so"))

    async def _pause(self, host: Host) -> None:
        await host.scheduler.pause_dag("timed")

    async def _resume(self, host: Host) -> None:
        await host.scheduler.resume_dag("timed")

    async def _silence(self, host: Host) -> None:
        until = self._world.random.choice((None, host.now() + 20_000_000))
        await host.scheduler.silence_dag("graph" if len(host.program.dags) > 2 else "small", until)

    async def _backfill(self, host: Host) -> None:
        random = self._world.random
        first = host.now() - random.randrange(1, 12) * MINUTE
        row = await host.scheduler.start_backfill("timed", first, first + 4 * MINUTE, parallel=random.choice((1, 2)))
        if row.id not in self._world.memory.tables["backfills"]:
            self._world.broken(6, f"{row} was acknowledged and is not in the database")

    async def _cancel_backfill(self, host: Host) -> None:
        running = [row.id for row in self._world.memory.tables["backfills"].values() if not row.status.terminal]
        if running:
            await host.scheduler.cancel_backfill(self._world.random.choice(running))

    # --- details -----------------------------------------------------------------------------------------------------

    def _durable(self, told: object) -> None:
        epoch, id_ = told.epoch, told.id  # type: ignore[attr-defined]
        run = self._world.memory.tables["runs"].get(id_)
        if run is not None and run.epoch < epoch:
            self._world.broken(6, f"{told} was acknowledged, and the database has {run}")

    def _run(self) -> str:
        runs = list(self._world.memory.tables["runs"])
        return self._world.random.choice(runs[-12:]) if runs else "none"

    def _task(self) -> tuple[str, str, int | None]:
        random, run = self._world.random, self._run()
        rows = self._world.watch.rows(run)
        if not rows:
            return run, "one", None
        row = random.choice(rows)
        return run, row.task, None if random.random() < 0.5 else row.position
