"""Python around an Airflow dag is followed so far as its constants carry; what it does to tasks is never dropped."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from ppacer import spec
from ppc.airflow import translate
from ppc.callables import CallableFinder
from ppc.cli import main
from ppc.compile import compile_program
from ppc.parse import parse
from ppc.source import Source
from ppc.translation import Translation

HEAD = """\
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG, Asset, Label, TaskGroup, asset, chain, dag, setup, task, task_group
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
"""
TASKS = "".join(f'{name} = EmptyOperator(task_id="{name}")\n' for name in "abc")


def translated(body: str) -> tuple[Translation, tuple[spec.Dag, ...]]:
    """What becomes of a file; its dags if it needs no module of functions."""
    made = translate(HEAD + body, "UTC", module="jobs_tasks")
    source = Source("jobs.ppd", made.text)
    module, faults = parse(source)
    program, _ = compile_program("jobs", [(source, module)], callables=CallableFinder([], []), faults=faults)
    if not made.module and made.jobs:
        assert program is not None, made.text
    return made, program.dags if program is not None else ()


def in_dag(body: str, arguments: str = '"d"') -> str:
    return f"with DAG({arguments}) as d:\n" + "".join(f"    {line}\n" for line in body.splitlines())


def lost(made: Translation) -> list[str]:
    return [each.message for each in made.remarks if each.lost]


@pytest.mark.parametrize(
    ("body", "edges"),
    [
        ('a >> Label("well") >> b', {"a>b"}),
        ('chain(a, Label("well"), [b, c])', {"a>b", "a>c"}),
        ("chain(*[a, b, c])", {"a>b", "b>c"}),
        ("x, y = a, b\nx >> y", {"a>b"}),
        ("x = y = a\ny >> b", {"a>b"}),
        ("found = []\nfor each in (a, b):\n    found.append(each)\nfound >> c", {"a>c", "b>c"}),
        ("found = [a]\nfound += [b]\nfound >> c", {"a>c", "b>c"}),
        ('found = {}\nfound["x"] = a\nfound["x"] >> b', {"a>b"}),
        ("found = [a, b, c]\nfor n in range(len(found) - 1):\n    found[n] >> found[n + 1]", {"a>b", "b>c"}),
        ("found = [a, b, c]\nfound[0] >> found[1:]", None),
        ("last = None\nfor each in [a, b, c]:\n    if last:\n        last >> each\n    last = each", {"a>b", "b>c"}),
        ("last = None\nfor each in [a, b]:\n    if last is not None:\n        last >> each\n    last = each", {"a>b"}),
        ('for each, on in [("x", True), ("y", False)]:\n    if not on:\n        continue\n    a >> b', {"a>b"}),
        ('for n, name in enumerate("x y".split()):\n    a >> b', None),
        ('for name, to in {"x": b, "y": c}.items():\n    a >> to', None),
        ('for name in {"x": 1}.keys():\n    a >> b', {"a>b"}),
        ("a >> [x for x in [b, c]]", {"a>b", "a>c"}),
        ("try:\n    a >> b\nexcept ImportError:\n    pass", {"a>b"}),
        ("def link(x, y=b):\n    x >> y\n    return y\nlink(a) >> c", {"a>b", "b>c"}),
        ('if __name__ == "__main__":\n    d.test()\na >> b', {"a>b"}),
        ("for n in 1, 2, 3:\n    if n == 2:\n        break\n    a >> b", {"a>b"}),
    ],
)
def test_python_that_puts_tasks_in_order_is_followed(body: str, edges: set[str] | None) -> None:
    """What cannot be followed (`None`) is listed."""
    made, (found,) = translated(in_dag(TASKS + body))
    if edges is None:
        assert len(lost(made)) == 1
        return
    assert lost(made) == []
    assert {f"{task.id}>{child}" for task in found.tasks for child in task.children} == edges


@pytest.mark.parametrize(
    ("body", "tasks"),
    [
        ('for n in range(2):\n    EmptyOperator(task_id=f"t{n}")', ["t0", "t1"]),
        ('for n in range(2):\n    EmptyOperator(task_id="t%s" % n)', ["t0", "t1"]),
        ('for n in ["X", "Y"]:\n    EmptyOperator(task_id="t_{}".format(n.lower()))', ["t_x", "t_y"]),
        ('found = [EmptyOperator(task_id=f"t{n}") for n in range(3) if n != 1]', ["t0", "t2"]),
        ('found = {n: EmptyOperator(task_id=n) for n in ["x", "y"]}', ["x", "y"]),
        ('def make(n):\n    return EmptyOperator(task_id=f"t{n}")\nmake(1) >> make(n=2)', ["t1", "t2"]),
        ('@task_group\ndef g(n):\n    EmptyOperator(task_id=n)\ng("x")\ng("y")', ["g.x", "g_2.y"]),
        ('@task_group(group_id="h")\ndef g():\n    EmptyOperator(task_id="x")\ng()', ["h.x"]),
        ('common = {"retries": 1}\nEmptyOperator(task_id="t", **common)', ["t"]),
        ('wide = True\nEmptyOperator(task_id="t" if wide else "u")', ["t"]),
    ],
)
def test_python_that_makes_tasks_is_followed(body: str, tasks: list[str]) -> None:
    made, (found,) = translated(in_dag(body))
    assert (lost(made), sorted(task.id for task in found.tasks)) == ([], tasks)


def test_dags_that_a_function_makes_are_made() -> None:
    body = (
        'base = {"retries": 1, "retry_delay": timedelta(minutes=1)}\n'
        "def create(name, schedule, default_args):\n"
        "    with DAG(name, schedule=schedule, default_args=default_args, catchup=False) as made:\n"
        '        EmptyOperator(task_id="t")\n'
        "    return made\n"
        'for name, times in {"one": 3, "two": 4}.items():\n'
        '    globals()[name] = create(name, f"0 {times} * * *", {**base, "retries": times})\n'
    )
    made, found = translated(body)
    assert lost(made) == []
    assert [(each.id, each.schedules[0].expression, each.tasks[0].retries) for each in found] == [  # type: ignore[union-attr]
        ("one", "0 3 * * *", 3),
        ("two", "0 4 * * *", 4),
    ]
    assert {each.tasks[0].retry_delay.total_seconds() for each in found} == {60}


def test_a_call_of_a_dag_gives_its_params() -> None:
    made, (found,) = translated(
        '@dag(schedule=None)\ndef flow(day: str, most=3):\n    EmptyOperator(task_id="t")\nflow("monday")\n'
    )
    assert lost(made) == []
    assert [(param.name, getattr(param.default, "value", None)) for param in found.params] == [
        ("day", "monday"),
        ("most", 3),
    ]


def test_a_dag_is_entered_by_its_name_and_settings_come_afterwards() -> None:
    body = (
        'd = DAG("d", schedule=None, start_date=datetime(2026, 1, 2, tzinfo=timezone.utc))\n'
        'with d:\n    a = BashOperator(task_id="a", bash_command="true")\n'
        '    b = BashOperator(task_id="b", bash_command="true").as_teardown(setups=a)\n'
        'a.retries = 2\na.trigger_rule = "all_done"\n'
    )
    made, (found,) = translated(body)
    assert lost(made) == ["b: `as_teardown`: it runs once the tasks before it have ended, and the run fails with it"]
    tasks = {task.id: task for task in found.tasks}
    assert (tasks["a"].retries, tasks["a"].trigger) == (2, spec.Trigger.ALL_DONE)
    assert (tasks["b"].parents, tasks["b"].trigger) == (("a",), spec.Trigger.ALL_DONE)
    assert str(found.start) == "2026-01-02"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("a >> unheard_of", "the order `a >> unheard_of`"),
        ("a >> [f(x) for x in unheard_of]\nb >> [a for x in unheard_of]", "the order"),
        ("when = unheard_of()\nEmptyOperator(task_id='t', retries=when)", "`retries`: what `when` is"),
        ("when = 1\nwhen = unheard_of()\nEmptyOperator(task_id='t', retries=when)", "`retries`: what `when` is"),
        ("n = 1\nif unheard_of:\n    n = 2\nEmptyOperator(task_id='t', retries=n)", "`retries`: what `n` is"),
        ("if unheard_of:\n    a >> b", "the tasks of an `if`"),
        ("for x in [a, b]:\n    if unheard_of:\n        continue\n    x >> c", "the tasks of an `if`"),
        ("while unheard_of:\n    a >> b", "the tasks of a `while`"),
        ("for x in unheard_of:\n    a >> x", "what a loop goes over"),
        ("def link(*several):\n    several[0] >> b\nlink(a)", "by its `*`"),
        ("def link(x):\n    x >> b\n    link(x)\nlink(a)", "which calls itself"),
        ("EmptyOperator(task_id='t', **unheard_of)", "what `unheard_of` is"),
        ("class Own(EmptyOperator):\n    pass\nOwn(task_id='t') >> a", "t: what a Own does"),
        ("unheard_of(task_id='t') >> a", "t: what a unheard_of does"),
        ("from shop.operators import BashOperator\nBashOperator(task_id='t', bash_command='x')", "shop.operators.Bash"),
        ("BashOperator.partial(task_id='t').expand(bash_command=['x', 'y']) >> a", "t: `expand` of a BashOperator"),
        (
            "with TaskGroup('g', default_args={'retries': 2}):\n    EmptyOperator(task_id='t')",
            "`default_args` of the group",
        ),
        ("g = TaskGroup('g')\nEmptyOperator(task_id='t', task_group=g)", "`task_group`"),
        ("a.doc_md = unheard_of", "`doc_md`: what `unheard_of` is"),
        ("a.as_setup() >> b", "`as_setup`"),
        ("@setup\ndef f():\n    pass\nf() >> a", "f: `@setup`"),
        ("@task\ndef f(x, ti=None):\n    return x\nf(1) >> a", "`f` takes `ti` of Airflow"),
        ("@task\ndef f(x):\n    return x\nf.expand_kwargs([{'x': 1}]) >> a", "f: `expand_kwargs`"),
        ("@asset(schedule=None)\ndef f():\n    pass", "`f`, by its decorator `@asset`"),
    ],
)
def test_what_cannot_be_followed_is_listed(body: str, told: str) -> None:
    made, _ = translated(in_dag(TASKS + body))
    assert any(told in message for message in lost(made)), lost(made)
    assert "# Not translated: " in made.text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('"d", schedule=when', "`schedule`: what `when` is"),
        ('unheard_of, schedule="@daily"', "`dag_id`: what `unheard_of` is"),
        ('"d", "what it is for", schedule=None', "`'what it is for'`, an argument without a name"),
        ('"d", default_args=unheard_of', "`default_args`: what `unheard_of` is"),
        ('"d", default_args={"trigger_rule": "none_skipped"}', "the trigger rule 'none_skipped'"),
        ('"d", params=unheard_of', "`params`: what `unheard_of` is"),
    ],
)
def test_what_of_a_dag_cannot_be_followed_is_listed(arguments: str, told: str) -> None:
    made, found = translated("when = Asset('x')\n" + in_dag("EmptyOperator(task_id='t')", arguments))
    assert lost(made) == [told]
    assert len(found) == 1
    assert f"# Not translated: {told}." in made.text


def test_a_task_that_is_not_translated_stays_behind_those_that_it_reads() -> None:
    body = (
        '@task\ndef one():\n    return 1\n@task.virtualenv\ndef two(n):\n    return n\nx = one()\ntwo({"n": [x]})\n'
        'PythonOperator(task_id="three", python_callable=print, op_args=[x])\n'
    )
    made, _ = translated(in_dag(body))
    assert [line.strip() for line in made.text.splitlines() if "->" in line] == ["one -> two", "one -> three"]


def test_what_airflow_gives_by_the_name_of_a_parameter_is_given() -> None:
    made, _ = translated(in_dag("@task\ndef f(n, ds=None, *, run_id=None):\n    return ds\nf(1)"))
    assert lost(made) == []
    assert 'task f = f(1, ds = f"{run.date}", run_id = run.id)' in made.text


def test_what_airflow_2_has_otherwise_is_told() -> None:
    older = HEAD.replace("airflow.sdk", "airflow.decorators") + "from airflow import DAG\n"
    tasks = "    EmptyOperator(task_id='t')\n"
    made = translate(
        f'{older}with DAG("a"):\n{tasks}with DAG("b", schedule="@daily"):\n{tasks}', "UTC", module="jobs_tasks"
    )
    assert [each.message.partition(";")[0] for each in made.remarks] == [
        "the dag a has no schedule, as none is given",
        "the dag b has `catchup = latest`, as none is given",
    ]
    assert made.text.count("catchup  = latest") + made.text.count("catchup = latest") == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("x = 1\n", "there is no dag in this file, or only running it would tell"),
        ('with DAG("a"):\n    pass\n', "the dag a: no task of it was found"),
    ],
)
def test_nothing_is_written_where_no_dag_comes_of_it(
    body: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("some.py").write_text(HEAD + body, encoding="utf-8")
    assert main(["import", "airflow", "some.py", "-o", "some.ppd"]) == 1
    out, err = capsys.readouterr()
    assert (out, told in err, err.endswith("no dag came of it; nothing is written\n")) == ("", True, True)
    assert not Path("some.ppd").exists()


def test_what_is_too_deep_to_be_followed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "deep.py"
    file.write_text(f"{HEAD}x = {' + '.join(['n'] * 5000)}\n", encoding="utf-8")
    assert main(["import", "airflow", str(file)]) == 1
    out, told = capsys.readouterr()
    assert (out, told.startswith("error: ")) == ("", True)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('"{} {}".format("a")', "Replacement index 1 out of range"),
        ('"{".format()', "Single '{' encountered"),
        ('"%d" % "a"', "%d format"),
        ("timedelta(days=1000000000000)", "days=1000000000000"),
        ("range(1, 2, 0)", "must not be zero"),
    ],
)
def test_what_python_itself_cannot_work_out_is_listed(value: str, told: str) -> None:
    made, _ = translated(in_dag('BashOperator(task_id="a", bash_command="ls")', f'"d", schedule={value}'))
    (message,) = lost(made)
    assert message.startswith("`schedule`: ")
    assert told in message


@pytest.mark.parametrize(
    ("value", "schedule"),
    [
        ('"prod" and "0 4 * * *"', ["0 4 * * *"]),
        ('"" or "0 4 * * *"', ["0 4 * * *"]),
        ('"" and "0 4 * * *" or "0 5 * * *"', ["0 5 * * *"]),
        ("0 or None", []),
    ],
)
def test_a_condition_gives_the_value_that_python_takes(value: str, schedule: list[str]) -> None:
    _, (found,) = translated(in_dag('BashOperator(task_id="a", bash_command="ls")', f'"d", schedule={value}'))
    assert [each.expression for each in found.schedules if isinstance(each, spec.Cron)] == schedule


def test_a_group_of_unknown_name_does_not_end_the_one_around_it() -> None:
    inner = 'with TaskGroup(Variable.get("x")):\n    EmptyOperator(task_id="lost")'
    body = f'with TaskGroup("g"):\n{textwrap.indent(inner, "    ")}\n    EmptyOperator(task_id="kept")\n{inner}'
    made, _ = translated(in_dag(body))
    assert len([told for told in lost(made) if "Variable.get('x')" in told]) == 2
    assert "group g {\ntask kept" in made.text
