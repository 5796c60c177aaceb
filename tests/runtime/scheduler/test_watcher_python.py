"""Schedules written in Python: asked in workers, and nobody waits for them."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from ppacer import spec
from ppacer.core.custom_times import Answer, Question
from ppacer.services.custom_schedules import ASK_AGAIN_SECONDS, ScheduleProblem
from tests.runtime.scheduler.watching import AT, HOUR, World, at, hourly, hours

NONE, LATEST, ALL = spec.Catchup.NONE, spec.Catchup.LATEST, spec.Catchup.ALL


PYTHON = spec.CustomSchedule("shop.times:weird", AT)


class Workers:
    """Answers when the test says so: with the given times, as far as they are asked for."""

    def __init__(self, *times: int) -> None:
        self.times = times
        self.questions: list[Question] = []
        self.problem: ScheduleProblem | None = None
        self.fault: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def ask(self, question: Question) -> Answer | ScheduleProblem:
        self.questions.append(question)
        await self.open.wait()
        if self.fault is not None:
            raise self.fault
        if self.problem is not None:
            return self.problem
        later = [time for time in self.times if time > question.after]
        told = [time for time in later if time <= question.until]
        told += later[len(told) : len(told) + 1]
        return Answer(tuple(told), ended=len(told) == len(later))


def custom(*dags: spec.Dag, workers: Workers, **settings: object) -> World:
    dag = spec.Dag("d", AT, (), schedules=(PYTHON,), **settings)
    made = World(at(8, 30), dag, *dags, ask=workers.ask)
    made.start()
    return made


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_schedule_in_python_is_asked_and_nobody_waits_for_it() -> None:
    workers = Workers(at(8, 50), at(9, 10))
    workers.open.clear()
    w = custom(hourly("e"), workers=workers)
    await settle()
    assert (w.watcher.next_due("d"), w.watcher.next_due("e")) == (None, at(9))
    assert [question.previous for question in workers.questions] == [None]
    w.pass_time(19.5 * 60)
    w.pass_time(15)
    workers.open.set()
    await settle()
    assert w.watcher.next_due("d") == at(8, 50)
    w.pass_time(15 * 60)
    assert w.dues() == [at(8, 50)]
    assert w.dues(dag_id="e") == hours(9)
    await settle()
    assert w.watcher.next_due("d") == at(9, 10)
    w.pass_time(HOUR)
    await settle()
    assert w.dues() == [at(8, 50), at(9, 10)]
    assert w.watcher.next_due("d") is None
    assert w.watcher.problem("d") is None


@pytest.mark.parametrize(
    ("catchup", "run", "recorded"),
    [
        (NONE, [], [(at(9), at(11), 3)]),
        (LATEST, [11], [(at(9), at(10), 2)]),
        (ALL, [9, 10, 11], []),
    ],
)
async def test_what_a_schedule_in_python_missed(catchup, run, recorded) -> None:
    workers = Workers(*hours(9, 10, 11, 12))
    w = custom(workers=workers, catchup=catchup, max_active_runs=9)
    await settle()
    w.crash()
    w.pass_time(3 * HOUR)
    w.start()
    await settle()
    assert w.dues() == hours(*run)
    assert w.missed() == recorded
    assert w.watcher.next_due("d") == at(12)


@pytest.mark.parametrize("fault", [False, True])
async def test_a_schedule_that_fails_is_a_problem_and_is_asked_again(fault, caplog) -> None:
    workers = Workers(*hours(9, 10))
    if fault:
        workers.fault = TypeError("no answer of a schedule")
    else:
        workers.problem = ScheduleProblem("the schedule does not answer: ValueError", "Traceback …")
    w = custom(hourly("e"), workers=workers)
    await settle()
    problem = w.watcher.problem("d")
    assert "no answer of a schedule" in problem if fault else problem == "the schedule does not answer: ValueError"
    assert len(workers.questions) == 1
    for number in (2, 3):
        w.pass_time(ASK_AGAIN_SECONDS)
        await settle()
        assert len(workers.questions) == number
    assert [record.levelname for record in caplog.records if "dag d (p.ppd:1)" in record.message] == ["ERROR"]
    w.pass_time(0.6 * HOUR)
    assert w.dues(dag_id="e") == hours(9)
    workers.problem = workers.fault = None
    w.pass_time(ASK_AGAIN_SECONDS)
    await settle()
    assert w.watcher.problem("d") is None
    assert w.missed() == [(at(9), at(9), 1)]
    assert w.watcher.next_due("d") == at(10)


async def test_an_answer_to_a_dag_that_was_paused_meanwhile_decides_nothing() -> None:
    workers = Workers(*hours(9, 10))
    workers.open.clear()
    w = custom(workers=workers, catchup=LATEST)
    await settle()
    w.pause()
    w.pass_time(HOUR)
    workers.open.set()
    await settle()
    assert (w.dues(), w.watcher.next_due("d")) == ([], None)
    w.resume()
    await settle()
    assert w.dues() == hours(9)


async def test_a_schedule_learns_of_the_run_before_a_restart() -> None:
    workers = Workers(*hours(9, 10))
    w = custom(workers=workers)
    await settle()
    w.pass_time(0.6 * HOUR)
    await settle()
    w.crash()
    w.start()
    await settle()
    assert workers.questions[-1].previous == at(9)


async def test_a_watcher_that_is_closed_waits_for_no_answer() -> None:
    workers = Workers(*hours(9, 10))
    workers.open.clear()
    before = asyncio.all_tasks()
    w = custom(workers=workers)
    await settle()
    assert len(asyncio.all_tasks()) == len(before) + 1
    w.crash()
    await settle()
    assert asyncio.all_tasks() == before


async def test_a_bounded_schedule_in_python_is_united_with_others() -> None:
    workers = Workers(at(8, 45), at(9, 15), at(10, 15))
    dag = spec.Dag("d", AT, (), schedules=(PYTHON, spec.Cron("0 * * * *", AT)), end=date(2026, 5, 5), max_active_runs=9)
    w = World(at(8, 30), dag, ask=workers.ask)
    w.start()
    for _ in range(7):
        await settle()
        w.pass_time(15 * 60)
    await settle()
    assert w.dues() == [at(8, 45), at(9), at(9, 15), at(10), at(10, 15)]
