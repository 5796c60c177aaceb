"""What one version of a dag is said to have changed in the one before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ppacer import records
from ppacer import spec as s
from ppacer.core import codec
from ppacer.core.model import BuildRow, DagVersion
from ppacer.web.dag_messages import VersionView
from ppacer.web.versions import Version, version_detail, version_of, version_view

AT = s.At(1, 1)


def literal(value: s.Constant, at: s.At = AT) -> s.Literal:
    return s.Literal(value, at)


TASKS = (
    s.Task("load", "m:load", AT, args=(literal("a"),), children=("mail",)),
    s.Task("mail", "m:mail", AT, kwargs=(("to", literal("x")),), parents=("load",)),
)
DAG = s.Dag("d", AT, TASKS, max_active_runs=2)


def program(dag: s.Dag = DAG, **hashes: str) -> s.Program:
    callables = tuple(
        s.Callable(
            f"m:{name}", s.CallableKind.FUNCTION, hash=hashes.get(name, "h1"), code=s.Code("m.py", 3, f"def {name}()…")
        )
        for name in ("load", "mail", "other")
    )
    return s.Program("p", "b", "0.1", (dag,), callables, (s.Source("d.ppd", "", "dag d {…}"),))


def version(of: s.Program | None, build: str = "b2") -> Version:
    return Version(DagVersion("d", build, 1_000_000, "digest"), "0.1", of)


def changed(old: s.Program, new: s.Program) -> VersionView:
    return version_view(version(new), version(old, "b1"))


def edited(**settings: object) -> s.Program:
    """A program whose first task has other settings."""
    return program(records.replace(DAG, tasks=(records.replace(TASKS[0], **settings), TASKS[1])))


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (edited(args=(literal("b"),)), ("arguments",)),
        (edited(args=(), kwargs=(("x", literal("a")),)), ("arguments",)),
        (edited(retries=3, timeout=timedelta(hours=1)), ("retries", "timeout")),
        (edited(parents=("start",)), ("after",)),
        (edited(callable="m:other"), ("callable",)),
        (edited(fan_out=s.FanOut("x", literal("a"))), ("members",)),
        (program(load="h2"), ("code",)),
    ],
)
def test_what_differs_in_a_task_is_named(new: s.Program, what: tuple[str, ...]) -> None:
    found = changed(program(), new)
    assert [(change.task, change.what) for change in found.changed] == [("load", what)]
    assert (found.added, found.removed, found.settings) == ((), (), ())


def test_a_task_that_moved_in_the_source_or_the_picture_is_the_same() -> None:
    moved = edited(at=s.At(9, 9), x=4, y=5, settings_at=(("retries", AT),), args=(literal("a", s.At(10, 1)),))
    assert changed(program(), moved).changed == ()


def test_tasks_that_came_and_went() -> None:
    other = s.Task("report", "m:mail", AT)
    found = changed(program(), program(records.replace(DAG, tasks=(TASKS[0], other))))
    assert (found.added, found.removed) == (("report",), ("mail",))


def test_settings_of_the_dag() -> None:
    found = changed(program(), program(records.replace(DAG, max_active_runs=1, timezone="Europe/Warsaw")))
    assert found.settings == ("max_active_runs", "timezone")
    assert found.changed == ()


@pytest.mark.parametrize(("new", "old"), [(None, program()), (program(), None)])
def test_nothing_is_compared_with_a_build_that_cannot_be_read(new: s.Program | None, old: s.Program | None) -> None:
    found = version_view(version(new), version(old))
    assert (found.first, found.added, found.removed, found.changed) == (False, (), (), ())


def test_the_first_version_changes_nothing() -> None:
    found = version_view(version(program()), None)
    assert found.first
    assert (found.added, found.changed) == ((), ())


def test_a_version_with_the_python_of_its_tasks() -> None:
    found = version_detail(version(program()), None)
    load = found.tasks[0]
    assert (load.id, load.callable, load.hash, load.at) == ("load", "m:load", "h1", "d.ppd:1")
    assert load.code is not None
    assert (load.code.path, load.code.line, load.code.text) == ("m.py", 3, "def load()…")
    assert found.source is not None
    assert found.source.text == "dag d {…}"


def test_builds_as_they_are_stored() -> None:
    row = DagVersion("d", "b", 1, "digest")
    stored = BuildRow("b", "p", "0.1", 1, codec.encode(program()), 1)
    assert version_of(row, stored).dag == DAG
    assert version_of(row, replace(stored, spec="{")).dag is None
    assert version_of(row, None).dag is None
    assert version_of(replace(row, dag="other"), stored).dag is None
