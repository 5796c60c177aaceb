"""`show`: each setting that is not as by default, of the dag and of its tasks, and the params."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from ppacer import spec as s
from ppacer.cli import main

AT = s.At(1, 1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Shown:
    facts: dict[str, str]
    settings: str


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], tmp_path) -> Callable[[s.Dag], Shown]:
    """What `show` tells of a dag: its facts by their names, `params` among them, and the settings of its task."""

    def run(dag: s.Dag) -> Shown:
        program = s.Program("p", "00" * 32, "0", (dag,), (), (s.Source("p.ppd", "00" * 32, ""),))
        assert main(program, {}, str(tmp_path / "p.py"), ["show", dag.id]) == 0
        head, _, table = capsys.readouterr().out.partition("\n\n")[2].partition("\n\n")
        found: dict[str, str] = {}
        for line in head.splitlines():
            name = line[2:].partition("  ")[0].strip() or "params"
            text = line[2:].removeprefix(name).strip()
            found[name] = f"{found[name]}\n{text}" if name in found else text
        return Shown(found, table.splitlines()[1].partition("m:f")[2].strip())

    return run


def dag(task: s.Task | None = None, **settings: object) -> s.Dag:
    return s.Dag("d", AT, (task or s.Task("t", "m:f", AT),), **settings)


def test_a_dag_with_nothing_set(show) -> None:
    assert show(dag()) == Shown({"schedule": "on trigger only", "source": "p.ppd:1"}, "")


@pytest.mark.parametrize(
    ("settings", "fact"),
    [
        ({"dst": s.DaylightSaving.TWICE}, ("clock changes", "twice")),
        ({"catchup": s.Catchup.LATEST}, ("catchup", "latest")),
        ({"start": date(2026, 1, 1)}, ("start", "2026-01-01")),
        ({"end": date(2026, 1, 1)}, ("end", "2026-01-01")),
        ({"overlap": s.Overlap.CANCEL_RUNNING}, ("overlap", "cancel_running")),
        ({"max_active_runs": 3}, ("active runs", "at most 3")),
        ({"max_active_tasks": 4}, ("active tasks", "at most 4")),
        ({"run_timeout": 90 * SECOND}, ("time-out", "1m30s for a run")),
        ({"deadline": 90 * SECOND}, ("deadline", "late after 1m30s")),
        ({"notify": ("ops", "mail")}, ("alerts", "failure to ops, mail")),
        ({"tags": ("a", "b")}, ("tags", "a, b")),
        ({"owner": "ann"}, ("owner", "ann")),
    ],
)
def test_settings_of_a_dag(show, settings: dict[str, object], fact: tuple[str, str]) -> None:
    assert fact in show(dag(**settings)).facts.items()


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"handler": s.HandlerKind.FINALLY}, "finally"),
        ({"handler": s.HandlerKind.SUCCESS}, "on success"),
        ({"fan_out": s.FanOut("f", s.ListOf((), AT))}, "for each f"),
        ({"when": s.Literal(True, AT)}, "on a condition"),
        ({"trigger": s.Trigger.ALL_DONE}, "trigger all_done"),
        ({"retries": 1}, "1 retry"),
        ({"retries": 2, "retry_delay": 5 * SECOND}, "2 retries after 5s"),
        ({"retries": 2, "backoff": s.Backoff(5 * SECOND)}, "2 retries after 5s and more"),
        ({"timeout": None}, "no time-out"),
        ({"timeout": 90 * SECOND}, "time-out 1m30s"),
        ({"on_lost": s.OnLost.FAIL}, "fails when lost"),
        ({"pool": "db", "priority": -1}, "pool db, priority -1"),
        ({"runs_on": ("gpu", "big")}, "on gpu, big"),
        ({"isolation": s.Isolation.THREAD}, "isolation thread"),
        ({"memory": 512 * 10**6}, "memory 512 MB"),
        ({"notify": ("ops",)}, "alerts ops"),
    ],
)
def test_settings_of_a_task(show, settings: dict[str, object], shown: str) -> None:
    assert show(dag(s.Task("t", "m:f", AT, **settings))).settings == shown


def test_params(show) -> None:
    def param(name: str, kind: s.ParamKind, default: s.Expr | None = None, **of: object) -> s.Param:
        return s.Param(name, s.ParamType(kind, **of), AT, default)

    params = (
        param("n", s.ParamKind.INT),
        param("word", s.ParamKind.STR, s.Literal("ż", AT)),
        param("span", s.ParamKind.DURATION, s.Literal(90 * SECOND, AT)),
        param("day", s.ParamKind.DATE, s.RunValue(s.RunField.DATE, AT)),
        param("maybe", s.ParamKind.INT, s.Literal(None, AT), optional=True),
    )
    assert show(dag(params=params)).facts["params"].splitlines() == [
        "n: int",
        'word: str = "ż"',
        "span: duration = 1m30s",
        "day: date = …",
        "maybe: int? = none",
    ]
