"""How many attempts an executor runs at once if nobody says."""

from __future__ import annotations

import os

from ppacer import spec

_PER_CORE = 4
"""Tasks mostly wait for something, so there are more than there are cores."""

_LEAST, _LEAST_SHARING = 8, 32


def default_capacity(program: spec.Program) -> int:
    """Four for each core, but at least 8; at least 32 where all tasks share one worker, since none of them takes the
    memory of a process then."""
    coroutines = {each.id for each in program.callables if each.kind is spec.CallableKind.COROUTINE}
    tasks = (task for dag in program.dags for task in dag.tasks)
    shares = all(_shares(task, coroutines) for task in tasks)
    return max(_LEAST_SHARING if shares else _LEAST, _PER_CORE * (os.cpu_count() or 1))


def _shares(task: spec.Task, coroutines: set[str]) -> bool:
    """Whether its attempts share a worker: variables, a folder or a limit of memory are a process's own."""
    own = task.env or task.cwd is not None or task.memory is not None
    if own or task.isolation is spec.Isolation.PROCESS:
        return False
    return task.isolation is not None or task.callable in coroutines
