"""Random dags, with what their conditions and lists mean told beside them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from ppacer import spec
from tests.runtime.core.machine.naive import Dag
from tests.runtime.core.machine.plans import binary, constant, list_of, make_plan, make_task, output

KINDS = [spec.HandlerKind.SUCCESS, spec.HandlerKind.FAILURE, spec.HandlerKind.FINALLY]
FEW = st.integers(0, 2).map(lambda number: number == 0)


def draw_dag(data: st.DataObject) -> Dag:
    """Up to seven ordinary tasks and four handlers: plain ones and families, with any edges that may be."""
    draw = data.draw
    handlers = [spec.HandlerKind.NONE] * draw(st.integers(0, 7))
    handlers += sorted(draw(st.lists(st.sampled_from(KINDS), max_size=4)), key=KINDS.index)
    tasks: list[spec.Task] = []
    edges: dict[tuple[str, str], None] = {}
    conditions: dict[str, str] = {}
    lists: dict[str, int | str] = {}
    for number, handler in enumerate(handlers):
        name = f"t{number}"
        block = [task for task in tasks if task.handler is handler]
        readable = [task.id for task in tasks if task.handler in (handler, spec.HandlerKind.NONE) and not task.fan_out]
        edges.update({(task.id, name): None for task in block if draw(FEW)})
        used: set[str] = set()
        conditions[name] = draw(st.sampled_from(["true"] * 6 + ["false", "broken"] + readable[:1]))
        if conditions[name] in readable:
            used.add(conditions[name])
        pairwise: list[str] = []
        over: spec.Expr | None = None
        if draw(st.booleans()):
            sources = [0, 2, 2, 3, *readable[:1] * 4]
            sources += [lists[task.id] for task in block if lists.get(task.id) in (*sources, *readable)] * 4
            source = lists[name] = draw(st.sampled_from(sources))
            over = output(source) if isinstance(source, str) else list_of(*range(source))
            if isinstance(source, str):
                used.add(source)
            pairwise = [task.id for task in block if lists.get(task.id) == source and draw(st.booleans())]
        edges.update({(task.id, name): None for task in block if task.id in used or task.id in pairwise})
        tasks.append(
            make_task(
                name,
                over=over,
                pairwise=pairwise,
                when=_condition(conditions[name]),
                handler=handler,
                retries=draw(st.integers(0, 2)),
                retry_delay=draw(st.sampled_from([0.0, 5.0])),
                timeout=draw(st.sampled_from([None, 100.0])),
                trigger=draw(st.sampled_from([spec.Trigger.ALL_SUCCESS, *spec.Trigger])),
                on_lost=draw(st.sampled_from(spec.OnLost)),
                alert_on=tuple(spec.AlertEvent) if draw(FEW) else (),
                notify=("me",) if draw(FEW) else (),
            )
        )
    plan = make_plan(
        *tasks,
        edges=edges,
        alert_on=tuple(spec.AlertEvent),
        run_timeout=timedelta(seconds=1_000),
        deadline=timedelta(seconds=500),
        notify=("ops",),
    )
    return Dag(plan, conditions, lists)


def _condition(meaning: str) -> spec.Expr | None:
    match meaning:
        case "true":
            return None
        case "false":
            return constant(False)
        case "broken":
            return constant(1)
        case parent:
            return binary(output(parent), "==", constant(None))
