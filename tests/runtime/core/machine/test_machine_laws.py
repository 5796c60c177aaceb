"""Random runs: any dag, any order of happenings, stale ones among them, against a naive model of the rules."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.model import ErrorKind, RunStatus, TaskStatus
from ppacer.protocol import Outcome

BAD = {"failed", "upstream_failed", "cancelled"}
OVER = BAD | {"success", "skipped"}


def naive(statuses: dict[str, str], plan: object) -> dict[str, str]:
    """Where the rules must take a run whose other tasks stand so: `go` for what must have been offered."""
    now = dict(statuses)
    changed = True
    while changed:
        changed = False
        for task in plan.dag.tasks:
            if now[task.id] != "waiting":
                continue
            parents = [now[parent] for parent in task.parents]
            new = rule(task.trigger, parents)
            if new is not None:
                now[task.id] = new
                changed = True
    return now


def rule(trigger: spec.Trigger, parents: list[str]) -> str | None:
    bad = any(status in BAD for status in parents)
    skipped = "skipped" in parents
    good = "success" in parents
    done = all(status in OVER for status in parents)
    if not parents or trigger is spec.Trigger.ALWAYS:
        return "go"
    if trigger is spec.Trigger.ALL_SUCCESS:
        return "upstream_failed" if bad else None if not done else "skipped" if skipped else "go"
    if trigger is spec.Trigger.NONE_FAILED:
        return "upstream_failed" if bad else "go" if done else None
    if trigger is spec.Trigger.ALL_DONE:
        return "go" if done else None
    if trigger is spec.Trigger.ALL_FAILED:
        return "skipped" if good or skipped else "go" if done else None
    if trigger is spec.Trigger.ONE_SUCCESS:
        return "go" if good else None if not done else "upstream_failed" if bad else "skipped"
    return "go" if bad else "skipped" if done else None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_run_keeps_the_invariants_and_ends_as_the_rules_say(world, plan, task, data: st.DataObject) -> None:
    names = [f"t{i}" for i in range(data.draw(st.integers(0, 6)))]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = [pair for pair in pairs if data.draw(st.booleans())]
    tasks = [
        task(
            name,
            retries=data.draw(st.integers(0, 2)),
            retry_delay=data.draw(st.sampled_from([0, 5])),
            trigger=data.draw(st.sampled_from(spec.Trigger)),
            on_lost=data.draw(st.sampled_from(spec.OnLost)),
        )
        for name in names
    ]
    p = plan(*tasks, edges=edges)
    w = world(p)
    w.start()
    stale: list[tuple[str, int]] = []
    terminal: dict[str, str] = {}
    steps = 0
    while w.machine.run.status is RunStatus.RUNNING:
        steps += 1
        assert steps < 500, "the run does not end"
        moves: list[tuple[str, str]] = []
        for row in w.machine.tasks():
            match row.status:
                case TaskStatus.QUEUED:
                    moves += [("claim", row.task), ("unstartable", row.task)]
                case TaskStatus.RUNNING:
                    moves += [("report", row.task), ("expire", row.task)]
                case TaskStatus.RETRYING:
                    moves.append(("retry", row.task))
        moves += [("stale", "")] * bool(stale) + [("cancel", "")] * (data.draw(st.integers(0, 30)) == 0)
        kind, name = data.draw(st.sampled_from(moves))
        w.now += 1
        live = w.live(name) if name else None
        if kind == "claim":
            w.claim(name)
        elif kind == "unstartable":
            w.handle(h.CannotStart(w.now, live.id, ErrorKind.ARGUMENTS, "no value"))
        elif kind == "report":
            w.report(live, data.draw(st.sampled_from(Outcome)), output="null")
            stale.append((live.id, live.token))
        elif kind == "expire":
            w.expire(live)
            stale.append((live.id, live.token))
        elif kind == "retry":
            w.handle(h.RetryDue(w.now, name))
        elif kind == "cancel":
            w.handle(h.CancelAsked(w.now, "ann"))
        else:
            attempt_id, token = data.draw(st.sampled_from(stale))
            assert w.handle(h.Reported(w.now, attempt_id, token, Outcome.SUCCESS, 0, 0)) is None
            assert w.handle(h.LeaseExpired(w.now, attempt_id, token, "late")) is None
        if live is not None and w.machine.attempt(live.id) is not None:
            wrong = h.Reported(w.now, live.id, live.token + 1_000, Outcome.SUCCESS, 0, 0)
            assert w.handle(wrong) is None
        statuses = w.statuses()
        for name, status in terminal.items():
            assert statuses[name] == status, "a terminal status changed"
        terminal = {name: status for name, status in statuses.items() if status in OVER}
        if not w.machine.ending:
            assert naive(statuses, p) == statuses, "a task that should have been decided was not"
    statuses = w.statuses()
    assert set(statuses.values()) <= OVER
    if w.machine.ending:
        assert w.machine.run.status is RunStatus.CANCELLED
    else:
        assert w.machine.run.status is (RunStatus.FAILED if "failed" in statuses.values() else RunStatus.SUCCESS)
        for row in w.machine.tasks():
            parents = [statuses[parent] for parent in p.tasks[row.task].parents]
            expected = rule(p.tasks[row.task].trigger, parents)
            if row.attempts:
                assert expected == "go", "a task was tried although its rule never held"
            else:
                assert expected == row.status.value
