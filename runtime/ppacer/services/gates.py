"""Which limits the attempts of a task share with others: its pool's slots, its dag's `max_active_tasks`."""

from __future__ import annotations

from ppacer import spec
from ppacer.core.plan import DagPlan
from ppacer.services.ready_queue import Gate, GateKind, ReadyQueue
from ppacer.services.registry import Registry


class Gates:
    """Limits are those of the program as it is; of a pool or dag that it no longer has, those of the run's build."""

    def __init__(self, ready: ReadyQueue, registry: Registry) -> None:
        self._ready = ready
        self._registry = registry

    def of(self, plan: DagPlan, task: spec.Task) -> tuple[Gate, ...]:
        found: list[Gate] = []
        if task.pool is not None:
            slots = self._registry.pools.get(task.pool, plan.pools.get(task.pool, 1))
            found.append(self._ready.gate(GateKind.POOL, task.pool, slots))
        limit = self._registry.current.get(plan.dag.id, plan).dag.max_active_tasks
        if limit is not None:
            found.append(self._ready.gate(GateKind.DAG, plan.dag.id, limit))
        return tuple(found)
