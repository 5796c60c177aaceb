"""The task `wait_for_file`: what counts as there, and what is said while it is not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ppacer.context import TaskContext
from ppacer.tasks import waiting as module
from ppacer.tasks.waiting import WaitError, wait_for_file

from .conftest import Waiting

SECOND = timedelta(seconds=1)


def waiting(path: Path, context: TaskContext, **settings: object) -> Waiting:
    return Waiting(lambda now: wait_for_file(path, context=now, **settings), context)  # type: ignore[arg-type]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time pass for the task alone."""
    passed = [0]
    monkeypatch.setattr(module.time, "time_ns", lambda real=time.time_ns: real() + passed[0])

    def pass_(by: timedelta) -> None:
        passed[0] += by // timedelta(microseconds=1) * 1000

    return pass_


def test_a_file_that_is_there_is_not_waited_for(tmp_path: Path, context: TaskContext) -> None:
    (tmp_path / "orders.csv").touch()
    assert waiting(tmp_path / "orders.csv", context).look() == tmp_path / "orders.csv"


def test_a_file_that_comes_later(tmp_path: Path, context: TaskContext, caplog: pytest.LogCaptureFixture) -> None:
    task = waiting(tmp_path / "in" / "orders.csv", context)
    assert task.look() is None
    assert timedelta(milliseconds=800) <= task.delay <= SECOND
    (tmp_path / "in").mkdir()
    assert task.look() is None
    assert timedelta(milliseconds=1600) <= task.delay <= 2 * SECOND
    (tmp_path / "in" / "orders.csv").touch()
    assert task.look() == tmp_path / "in" / "orders.csv"
    assert caplog.messages == [f"waiting for {tmp_path}/in/orders.csv: it is not there yet"]


def test_a_relative_path_stays_relative(tmp_path: Path, context: TaskContext, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "orders.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert waiting(Path("orders.csv"), context).look() == Path("orders.csv")


def test_every_bounds_the_time_between_looks(tmp_path: Path, context: TaskContext) -> None:
    task = waiting(tmp_path / "orders.csv", context, every=5 * SECOND)
    for _ in range(8):
        task.look()
    assert 4 * SECOND <= task.delay <= 5 * SECOND


def test_the_log_names_what_is_lacking(tmp_path: Path, context: TaskContext, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "orders.csv"
    task = waiting(file, context, min_size=3)
    task.look()
    for text in ("1", "12", "123"):
        file.write_text(text)
        assert task.look() == (file if text == "123" else None)
    assert caplog.messages == [
        f"waiting for {file}: it is not there yet",
        f"waiting for {file}: it has less than 3 bytes yet",
    ]


def test_a_file_that_still_grows_is_waited_for(
    tmp_path: Path, context: TaskContext, pass_time: Callable[[timedelta], None]
) -> None:
    file = tmp_path / "orders.csv"
    task = waiting(file, context, stable_for=10 * SECOND)
    for text in ("1", "12"):
        file.write_text(text)
        assert task.look() is None
        pass_time(9.9 * SECOND)
        assert task.look() is None
    assert task.delay <= 0.1 * SECOND, "it looks as soon as the time is over"
    pass_time(0.1 * SECOND)
    assert task.look() == file


def test_a_file_that_is_replaced_by_one_of_its_size_has_changed(
    tmp_path: Path, context: TaskContext, pass_time: Callable[[timedelta], None]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("a")
    os.utime(file, (1, 1))
    task = waiting(file, context, stable_for=10 * SECOND)
    task.look()
    os.utime(file, (1, 2))
    pass_time(20 * SECOND)
    assert task.look() is None
    pass_time(10 * SECOND)
    assert task.look() == file


def test_a_clock_that_goes_back_lets_nothing_pass_early(
    tmp_path: Path, context: TaskContext, pass_time: Callable[[timedelta], None]
) -> None:
    file = tmp_path / "orders.csv"
    file.touch()
    task = waiting(file, context, stable_for=10 * SECOND)
    task.look()
    pass_time(-100 * SECOND)
    assert task.look() is None
    assert task.delay <= 10 * SECOND
    pass_time(10 * SECOND)
    assert task.look() == file


# --- patterns --------------------------------------------------------------------------------------------------------


def test_a_pattern_waits_for_a_first_file_and_gives_all_sorted(tmp_path: Path, context: TaskContext) -> None:
    task = waiting(tmp_path / "*.csv", context)
    (tmp_path / "a.txt").touch()
    (tmp_path / "d.csv").mkdir()
    assert task.look() is None
    (tmp_path / "b.csv").touch()
    (tmp_path / "a.csv").touch()
    assert task.look() == [tmp_path / "a.csv", tmp_path / "b.csv"]


def test_a_pattern_reaches_into_folders(tmp_path: Path, context: TaskContext) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    for name in ("a.csv", "x/y/b.csv"):
        (tmp_path / name).touch()
    assert waiting(tmp_path / "**" / "*.csv", context).look() == [tmp_path / "a.csv", tmp_path / "x/y/b.csv"]


def test_a_bracket_can_stand_for_itself(tmp_path: Path, context: TaskContext) -> None:
    (tmp_path / "a[1].csv").touch()
    assert waiting(tmp_path / "a[[]1].csv", context).look() == [tmp_path / "a[1].csv"]


def test_all_files_of_a_pattern_must_be_complete(
    tmp_path: Path, context: TaskContext, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.csv").write_text("12")
    (tmp_path / "b.csv").write_text("1")
    task = waiting(tmp_path / "*.csv", context, min_size=2)
    assert task.look() is None
    assert caplog.messages == [f"waiting for {tmp_path}/*.csv: one of its files has less than 2 bytes yet"]
    (tmp_path / "b.csv").write_text("12")
    assert task.look() == [tmp_path / "a.csv", tmp_path / "b.csv"]


def test_another_file_starts_the_time_of_quiet_anew(
    tmp_path: Path, context: TaskContext, pass_time: Callable[[timedelta], None]
) -> None:
    (tmp_path / "a.csv").touch()
    task = waiting(tmp_path / "*.csv", context, stable_for=10 * SECOND)
    task.look()
    pass_time(9 * SECOND)
    (tmp_path / "b.csv").touch()
    task.look()
    pass_time(9 * SECOND)
    assert task.look() is None
    pass_time(SECOND)
    assert task.look() == [tmp_path / "a.csv", tmp_path / "b.csv"]


def test_the_state_stays_small_however_many_files_there_are(
    tmp_path: Path, context: TaskContext, pass_time: Callable[[timedelta], None]
) -> None:
    for number in range(500):
        (tmp_path / f"{number:03}.csv").touch()
    task = waiting(tmp_path / "*.csv", context, stable_for=SECOND)
    assert task.look() is None  # `look` tests the length of the state
    pass_time(SECOND)
    found = task.look()
    assert isinstance(found, list)
    assert len(found) == 500


# --- what cannot be waited for ---------------------------------------------------------------------------------------


def test_a_folder_is_no_file(tmp_path: Path, context: TaskContext) -> None:
    with pytest.raises(WaitError, match=f"^{tmp_path} is a folder, not a file$"):
        waiting(tmp_path, context).look()


def test_a_folder_that_may_not_be_looked_into(tmp_path: Path, context: TaskContext, ordinary_permissions: None) -> None:
    (tmp_path / "closed").mkdir(mode=0o000)
    with pytest.raises(WaitError, match=r"closed/orders\.csv cannot be waited for: Permission denied$"):
        waiting(tmp_path / "closed" / "orders.csv", context).look()


def test_a_name_that_no_file_can_have(tmp_path: Path, context: TaskContext) -> None:
    with pytest.raises(WaitError, match=r"cannot be waited for: embedded null byte$"):
        waiting(tmp_path / "a\0b", context).look()
    with pytest.raises(WaitError, match=r"cannot be waited for: File name too long$"):
        waiting(tmp_path / ("a" * 300), context).look()


def test_the_time_between_looks_is_tested_first(tmp_path: Path, context: TaskContext) -> None:
    (tmp_path / "orders.csv").touch()
    with pytest.raises(ValueError, match="`every` is"):
        waiting(tmp_path / "orders.csv", context, every=timedelta(0)).look()
