"""The tasks `print`, `empty`, `sleep` and `run_dag`, and what importing a built-in task brings with it."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date, datetime, timedelta

import pytest

from ppacer.context import TaskContext
from ppacer.core import codec
from ppacer.deferral import Deferred
from ppacer.protocol import Deferral, RunRequest
from ppacer.tasks.builtin import empty, print_, sleep
from ppacer.tasks.run_dag import run_dag

from .conftest import NOW, deferral, utc


def test_print_writes_its_values_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_("rows:", 3, date(2026, 1, 1))
    assert capsys.readouterr().out == "rows: 3 2026-01-01\n"


def test_empty_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    empty()
    assert capsys.readouterr().out == ""


# --- sleep -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration", "seconds"), [(timedelta(hours=1), 3600), (90, 90), (1.0, 1), (timedelta(1), 86400)]
)
def test_a_sleep_gives_up_its_worker_and_succeeds_when_it_is_over(duration: timedelta | float, seconds: int) -> None:
    assert deferral(lambda: sleep(duration)) == Deferral(until=NOW + seconds * 1_000_000)


@pytest.mark.parametrize("duration", [timedelta(milliseconds=20), 0.02])
def test_a_short_sleep_keeps_its_worker(duration: timedelta | float) -> None:
    began = time.monotonic()
    sleep(duration)
    assert time.monotonic() - began >= 0.02


@pytest.mark.parametrize("duration", [-1, timedelta(seconds=-1)])
def test_a_negative_sleep_is_refused(duration: timedelta | float) -> None:
    with pytest.raises(ValueError, match="a negative time to sleep: -1"):
        sleep(duration)


@pytest.mark.parametrize("duration", [1e300, float("inf"), float("nan"), timedelta.max])
def test_an_endless_sleep_is_refused(duration: timedelta | float) -> None:
    with pytest.raises(ValueError, match="a time to sleep that is longer than 100 years"):
        sleep(duration)


# --- run_dag ---------------------------------------------------------------------------------------------------------


def test_run_dag_asks_for_a_run_and_waits_for_it(context: TaskContext) -> None:
    assert deferral(lambda: run_dag("weekly", context=context)) == Deferral(run=RunRequest("weekly"))


def test_run_dag_passes_params_of_any_type(context: TaskContext) -> None:
    params = {"day": date(2026, 1, 2), "regions": ["eu"], "wait": timedelta(hours=1)}
    asked = deferral(lambda: run_dag("weekly", params, context=context)).run
    assert asked is not None
    assert codec.decode(asked.params) == params


def test_run_dag_need_not_wait(context: TaskContext) -> None:
    assert deferral(lambda: run_dag("weekly", wait=False, context=context)) == Deferral(
        run=RunRequest("weekly", wait=False)
    )


@pytest.mark.parametrize(
    ("scheduled_at", "instant"),
    [
        ("2026-07-01T12:00:00+00:00", "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T12:00:00", "2026-07-01T10:00:00+00:00"),  # in the dag's zone, Europe/Warsaw
        ("2026-03-29T02:30:00", "2026-03-29T01:00:00+00:00"),  # left out there: the first moment after the gap
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00"),  # comes twice there: the first
    ],
)
def test_the_planned_time_of_the_run(context: TaskContext, scheduled_at: str, instant: str) -> None:
    planned = datetime.fromisoformat(scheduled_at)
    asked = deferral(lambda: run_dag("weekly", scheduled_at=planned, context=context)).run
    assert asked is not None
    assert asked.scheduled_at is not None
    assert utc(asked.scheduled_at) == instant


def test_params_that_are_no_values_are_refused(context: TaskContext) -> None:
    with pytest.raises(codec.CodecError, match="a value of type object has no JSON form"):
        run_dag("weekly", {"x": object()}, context=context)


def test_a_task_that_catches_exceptions_does_not_catch_a_wait(context: TaskContext) -> None:
    assert not issubclass(Deferred, Exception)


# --- imports ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("builtin", {"http.client", "urllib.request", "sqlalchemy"}),
        ("shell", {"http.client", "urllib.request", "sqlalchemy"}),
        ("waiting", {"http.client", "urllib.request", "sqlalchemy"}),
        ("run_dag", {"http.client", "urllib.request", "sqlalchemy"}),
        ("http", {"sqlalchemy", "tornado"}),
        ("sql", {"http.client", "urllib.request", "tornado"}),
    ],
)
def test_a_task_brings_only_what_it_needs(module: str, unwanted: set[str]) -> None:
    code = f"import sys, ppacer.services.zygote, ppacer.tasks.{module}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not unwanted & set(modules)
