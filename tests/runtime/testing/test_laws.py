"""A run in a test is as a run of the program, and the same each time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppacer.core.instants import to_datetime
from ppacer.testing import Pipeline, cancelled, fails, in_turn, load, lost, takes
from tests.runtime.testing import seen

PIPELINES = Path(__file__).parent / "pipelines"
SECRETS = {"TOKEN": "very-secret"}

STUBBED = (
    "sales",
    "retries",
    "families",
    "products",
    "handled",
    "triggers",
    "places",
    "limited",
    "labelled",
    "waits",
    "parent",
    "late",
)
OUTCOMES = st.sampled_from(
    [
        None,
        0,
        [1, 2],
        {"rows": 1, "status": "x"},
        fails("no"),
        lost(),
        cancelled(),
        takes("30m", 1),
        takes("3m", fails()),
        takes("1m", cancelled()),
    ]
)
STUBS = st.one_of(OUTCOMES, st.lists(OUTCOMES, min_size=1, max_size=4).map(lambda stubs: in_turn(*stubs)))

COMPARED = (
    "sales",
    "shortly",
    "families",
    "products",
    "handled",
    "triggers",
    "places",
    "limited",
    "kinds",
    "around",
    "asks",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), dag=st.sampled_from(STUBBED))
def test_any_run_ends_and_is_the_same_once_more(flows: Pipeline, data: st.DataObject, dag: str) -> None:
    tasks = next(each for each in flows.program.dags if each.id == dag).tasks
    stubs = data.draw(st.dictionaries(st.sampled_from([task.id for task in tasks]), STUBS))
    after = data.draw(st.sampled_from([None, "0s", "2m", "90m"]))
    first = flows.run(dag, tasks=stubs, stub_rest=True, cancel_after=after)
    assert first.status.terminal
    for task in first.tasks.values():
        assert task.status.terminal
        assert [one.number for one in task.tries] == [*range(1, task.attempts + 1)]
        assert all(one.status.terminal for one in task.tries)
    assert {*first.order} == {task.id for task in first.tasks.values() if task.calls}
    assert flows.run(dag, tasks=stubs, stub_rest=True, cancel_after=after) == first


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline, built as people build it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("program")
    shutil.copytree(PIPELINES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "ppc.cli", "build", "flows.ppd"], cwd=folder, check=True, capture_output=True)
    return folder / "flows.py"


@pytest.mark.slow
@pytest.mark.parametrize("dag", COMPARED)
def test_a_test_tells_what_the_program_does(program: Path, dag: str) -> None:
    done = subprocess.run(
        [sys.executable, program, "run", dag],
        cwd=program.parent,
        env=os.environ | SECRETS,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    with closing(sqlite3.connect(program.with_suffix(".db"))) as rows:
        ((run_id, at),) = rows.execute("SELECT id, scheduled_at FROM runs WHERE dag = ?", (dag,)).fetchall()
    try:
        result = load(program).run(dag, at=to_datetime(at), secrets=SECRETS)
    finally:
        sys.modules.pop("flow_tasks", None)
    assert done.returncode == (0 if result.status == "success" else 1), done.stdout + done.stderr
    assert seen.in_test(result) == seen.in_database(program, run_id)
