"""The programs that are run: a handful of dags, drawn once for each of a few numbers, each in two builds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random

from ppacer import spec
from ppacer.core.plan import DagPlan, plans

PROGRAMS = 24
AT = spec.At(1, 1)
MINUTE = 60_000_000
EVERY = tuple(spec.AlertEvent)
NOTIFIERS = ("log", "mail")
PERIODS = {"* * * * *": MINUTE, "*/5 * * * *": 5 * MINUTE, "every 30s": MINUTE // 2}
"""The schedules, and how far apart their due times are: these are the multiples of it."""

_SOON = (timedelta(0), timedelta(seconds=1), timedelta(seconds=4))
_TRIGGERS = (spec.Trigger.ALL_SUCCESS, spec.Trigger.ALL_SUCCESS, *spec.Trigger)


@cache
def program(number: int, build: int) -> spec.Program:
    """One of the programs, in its build 0 or 1: the later one has other code and lacks a dag."""
    random = Random(number)
    dags = [_small(random), _timed(random)]
    if random.random() < 0.7:
        dags.append(_graph(random))
    if random.random() < 0.6:
        dags.append(_wide(random))
    if build == 1 and len(dags) > 2:
        dags.pop()
    codes = {"m:f": "f0", "m:g": f"g{build}", "m:minutes": "s0"}
    callables = tuple(spec.Callable(name, spec.CallableKind.FUNCTION, hash=code) for name, code in codes.items())
    return spec.Program(
        "p",
        f"build-{number}-{build}",
        "0",
        tuple(dags),
        callables,
        (spec.Source("p.ppd", "", ""),),
        notifiers=(spec.Notifier("log", "ppacer.notifiers:log", AT), spec.Notifier("mail", "m:mail", AT)),
        pools=(spec.Pool("p", random.choice((1, 2, 3)), AT),),
        labels=("big",),
    )


@cache
def plans_of(build: str) -> dict[str, DagPlan]:
    """The plans of a build, by its name."""
    _, number, index = build.split("-")
    return plans(program(int(number), int(index)))


def period(dag: spec.Dag) -> int | None:
    """How far apart the due times of a dag are, in microseconds."""
    if not dag.schedules:
        return None
    match dag.schedules[0]:
        case spec.Cron(expression=expression):
            return PERIODS[expression]
        case spec.CustomSchedule():
            return MINUTE
        case _:
            return PERIODS["every 30s"]


def _task(random: Random, id: str, after: str = "", **settings: object) -> spec.Task:
    given: dict[str, object] = {
        "retries": random.choice((0, 0, 1, 2)),
        "retry_delay": random.choice(_SOON),
        "timeout": random.choice((timedelta(seconds=5), timedelta(seconds=25), timedelta(seconds=50), None)),
        "pool": random.choice((None, None, "p")),
        "priority": random.choice((0, 0, 5)),
        "isolation": random.choice((None, None, None, spec.Isolation.THREAD)),
        "on_lost": random.choice((spec.OnLost.RETRY, spec.OnLost.RETRY, spec.OnLost.RETRY, spec.OnLost.FAIL)),
        "notify": random.choice(((), (), ("mail",))),
        "alert_on": random.choice(((spec.AlertEvent.FAILURE,), EVERY)),
        "runs_on": ("big",) if random.random() < 0.1 else (),
        **settings,
    }
    callable_ = random.choice(("m:f", "m:f", "m:g"))
    return spec.Task(id, callable_, AT, parents=tuple(after.split()), **given)  # type: ignore[arg-type]


def _dag(random: Random, id: str, *tasks: spec.Task, **settings: object) -> spec.Dag:
    children = {task.id: tuple(other.id for other in tasks if task.id in other.parents) for task in tasks}
    given: dict[str, object] = {
        "max_active_runs": random.choice((1, 2, 3)),
        "max_active_tasks": random.choice((None, 2, 4)),
        "notify": random.choice(((), NOTIFIERS)),
        "alert_on": random.choice(((spec.AlertEvent.FAILURE,), EVERY)),
        **settings,
    }
    return spec.Dag(id, AT, tuple(replace(task, children=children[task.id]) for task in tasks), **given)  # type: ignore[arg-type]


def _small(random: Random) -> spec.Dag:
    return _dag(random, "small", _task(random, "one"), _task(random, "two", "one"), max_active_runs=2)


def _timed(random: Random) -> spec.Dag:
    schedule: spec.Schedule = spec.Cron(random.choice(("* * * * *", "* * * * *", "*/5 * * * *")), AT)
    if random.random() < 0.2:
        schedule = spec.Every(timedelta(seconds=30), AT)
    elif random.random() < 0.2:
        schedule = spec.CustomSchedule("m:minutes", AT)
    catchup = random.choice(tuple(spec.Catchup))
    if catchup is spec.Catchup.ALL:
        schedule = spec.Cron("*/5 * * * *", AT)
    return _dag(
        random,
        "timed",
        _task(random, "tick", timeout=timedelta(seconds=10)),
        *([_task(random, "tock", "tick")] if random.random() < 0.5 else []),
        schedules=(schedule,),
        catchup=catchup,
        overlap=random.choice(tuple(spec.Overlap)),
    )


def _graph(random: Random) -> spec.Dag:
    """Tasks with up to three parents each, under any rule, and handlers."""
    tasks: list[spec.Task] = []
    for number in range(random.randrange(3, 8)):
        before = [task.id for task in tasks]
        parents = random.sample(before, min(len(before), random.choice((0, 1, 1, 2, 3))))
        ordered = " ".join(name for name in before if name in parents)
        when = spec.Literal(random.random() < 0.8, AT) if random.random() < 0.15 else None
        tasks.append(_task(random, f"t{number}", ordered, trigger=random.choice(_TRIGGERS), when=when))
    kinds = (spec.HandlerKind.SUCCESS, spec.HandlerKind.FAILURE, spec.HandlerKind.FINALLY)
    tasks += [_task(random, f"on_{kind}", handler=kind) for kind in kinds if random.random() < 0.5]
    return _dag(
        random,
        "graph",
        *tasks,
        deadline=random.choice((None, timedelta(seconds=15))),
        run_timeout=random.choice((None, None, timedelta(seconds=40))),
    )


def _wide(random: Random) -> spec.Dag:
    """Run-time families, one of which follows another member by member."""
    xs = spec.FanOut("x", spec.Output("xs", AT))
    pairs = spec.FanOut("x", spec.Output("xs", AT), ("each",))
    element = (spec.LoopVariable("x", AT),)
    return _dag(
        random,
        "wide",
        _task(random, "xs", trigger=spec.Trigger.ALL_SUCCESS),
        _task(random, "each", "xs", fan_out=xs, args=element),
        _task(random, "then", "xs each", fan_out=pairs, args=(spec.OutputAt("each", AT),)),
        _task(random, "any", "each then", trigger=spec.Trigger.ALL_DONE),
        _task(random, "tidy", handler=spec.HandlerKind.FINALLY),
        run_timeout=random.choice((None, timedelta(seconds=60))),
    )
