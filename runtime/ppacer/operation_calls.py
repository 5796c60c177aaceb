"""What a client may have done to runs and dags: a part of `ppacer.client.Client`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeVar

from ppacer.addresses import address, dag_address, run_address, task_address
from ppacer.web.dag_messages import BackfillView, DagView
from ppacer.web.messages import Foreseen, Json, RunView

_Message = TypeVar("_Message")


class OperationCalls(ABC):
    """Each is recorded with who asks for it, and durable when it returns. Times are ISO 8601; without an offset they
    are in the dag's zone. `position` is that of a member of a run-time family, from 0. Where something cannot be done
    as things stand, `ConflictError` is raised, which says why and what to do first."""

    @abstractmethod
    def _post(self, kind: type[_Message], path: str, body: Mapping[str, Json] | None = None) -> _Message: ...

    def cancel(self, run_id: str) -> RunView:
        """Asks for the end of the run: at once for what does not run yet, as soon as executors have stopped the rest.
        Raises `ConflictError` for a run that has ended."""
        return self._post(RunView, run_address(run_id, "cancel"))

    def foresee_cancel(self, run_id: str) -> Foreseen:
        """What `cancel` would touch, as things stand. This and the other four that foresee change nothing, and raise
        what the change itself would."""
        return self._post(Foreseen, run_address(run_id, "cancel"), {"dry_run": True})

    def foresee_restart(self, run_id: str) -> Foreseen:
        """What `restart` would touch."""
        return self._post(Foreseen, run_address(run_id, "restart"), {"dry_run": True})

    def foresee_cancel_task(self, run_id: str, task: str, position: int | None = None) -> Foreseen:
        """What `cancel_task` would touch."""
        return self._post(Foreseen, task_address(run_id, task, "cancel", position), {"dry_run": True})

    def foresee_rerun(self, run_id: str, task: str, position: int | None = None, *, follow: bool = True) -> Foreseen:
        """What `rerun` would touch."""
        return self._post(Foreseen, task_address(run_id, task, "rerun", position), {"follow": follow, "dry_run": True})

    def foresee_mark(self, run_id: str, task: str, position: int | None = None, *, status: str) -> Foreseen:
        """What `mark` would touch."""
        body = {"status": status, "reason": "a look ahead", "dry_run": True}
        return self._post(Foreseen, task_address(run_id, task, "mark", position), body)

    def cancel_task(self, run_id: str, task: str, position: int | None = None) -> RunView:
        """Asks for the end of one task. Of a run-time family all members are meant unless a position is given; so it is
        with the other operations."""
        return self._post(RunView, task_address(run_id, task, "cancel", position))

    def restart(self, run_id: str) -> RunView:
        """What failed, was cancelled or never ran for it is run anew, and all that follows."""
        return self._post(RunView, run_address(run_id, "restart"))

    def rerun(self, run_id: str, task: str, position: int | None = None, *, follow: bool = True) -> RunView:
        """One task is run anew and, with `follow`, all that comes after it."""
        return self._post(RunView, task_address(run_id, task, "rerun", position), {"follow": follow})

    def mark(
        self,
        run_id: str,
        task: str,
        position: int | None = None,
        *,
        status: str,
        reason: str,
        output: Json = None,
    ) -> RunView:
        """The task counts as if it had ended as `success` (with that output, any JSON) or `failed`, for that reason;
        what never ran for it has its turn."""
        body = {"status": status, "reason": reason, "output": output}
        return self._post(RunView, task_address(run_id, task, "mark", position), body)

    def pause(self, dag: str, *, reason: str = "") -> DagView:
        """The dag makes no scheduled runs until it is resumed."""
        return self._post(DagView, dag_address(dag, "pause"), {"reason": reason})

    def resume(self, dag: str) -> DagView:
        """The dag makes scheduled runs again; its `catchup` decides on those that were due meanwhile."""
        return self._post(DagView, dag_address(dag, "resume"))

    def silence(self, dag: str, until: str | None, *, reason: str = "") -> DagView:
        """Nobody is alerted before that time; none ends the silence."""
        return self._post(DagView, dag_address(dag, "silence"), {"until": until, "reason": reason})

    def start_backfill(
        self,
        dag: str,
        from_at: str,
        until_at: str,
        *,
        parallel: int = 1,
        params: Mapping[str, Json] | None = None,
    ) -> BackfillView:
        """Runs for the due times from `from_at` to before `until_at` that have none, at most `parallel` at once. Raises
        `InvalidError` where no due time in that range has passed, and for a dag without a schedule."""
        body = {"from_at": from_at, "until_at": until_at, "parallel": parallel, "params": dict(params or {})}
        return self._post(BackfillView, dag_address(dag, "backfills"), body)

    def cancel_backfill(self, backfill_id: str) -> BackfillView:
        """Makes no more runs and cancels those under way. Raises `ConflictError` for a backfill that has ended."""
        return self._post(BackfillView, address("backfills", backfill_id, "cancel"))
