"""An Airflow file becomes a source that is sound and a module without Airflow, and nothing of it is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ppacer import spec
from ppc.airflow import translate
from ppc.callables import CallableFinder
from ppc.cli import main
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic, Severity
from ppc.format import format_source
from ppc.parse import parse
from ppc.source import Source
from ppc.translation import Translation, UntranslatableError

EXPECTED = Path(__file__).parent / "expected"
TOLD = """\
airflow_dag.py:1: `ds` and its kin are the date at which a run is due, in the dag's zone; in Airflow they are in UTC, \
and in Airflow 2 those of the interval before
airflow_dag.py:29: not translated: `on_failure_callback`; declare a `notifier`, and name it in `notify`
airflow_dag.py:60: not translated: how many slots the pool 'web' has is not in the file: it is given 1 until you say
airflow_dag.py:63: not translated: load: what a PostgresOperator does is to be a Python function, or a command
airflow_dag.py:64: not translated: bad: `pulls` takes `ti` of Airflow
airflow_dag.py:98: not translated: total: it uses `Variable` of Airflow
airflow_dag.py:100: not translated: choose: `@task.branch`
2 dags, 6 things not translated; its functions are in airflow_tasks.py
"""
HEAD = """\
from datetime import datetime, timedelta
from airflow.sdk import DAG, Param, TaskGroup, chain, dag, task
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.filesystem import FileSensor
"""
LINES = HEAD.count("\n")


def translated(body: str, tmp_path: Path) -> tuple[Translation, spec.Program]:
    made = translate(HEAD + body, "UTC", module="jobs_tasks")
    (tmp_path / "jobs_tasks.py").write_text(made.module, encoding="utf-8")
    source = Source("jobs.ppd", made.text)
    module, faults = parse(source)
    finder = CallableFinder([tmp_path], [])
    program, found = compile_program("jobs", [(source, module)], callables=finder, faults=faults)
    errors: list[Diagnostic] = [each for each in found if each.severity is Severity.ERROR]
    assert program is not None, (errors, made.text)
    assert format_source(source).broken == ()
    return made, program


def in_dag(body: str, arguments: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f'with DAG("a", {arguments}) as a:\n{lines}'


def lost(made: Translation) -> list[tuple[int, str]]:
    """What was lost, with the line after the head."""
    return [(each.line - LINES, each.message) for each in made.remarks if each.lost]


def test_what_can_be_said_is_said_and_what_cannot_is_listed_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("airflow_dag.py", "report.py"):
        shutil.copy(EXPECTED / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    command = ["import", "airflow", "airflow_dag.py", "-o", "airflow.ppd"]
    assert main(command) == 1
    assert capsys.readouterr() == ("", TOLD)
    for name in ("airflow.ppd", "airflow_tasks.py"):
        assert Path(name).read_text(encoding="utf-8") == (EXPECTED / name).read_text(encoding="utf-8")
    assert main(["check", "airflow.ppd"]) == 0
    assert main(["fmt", "--check", "airflow.ppd"]) == 0
    Path("airflow.ppd").unlink()
    assert main(command) == 1
    assert "error: airflow_tasks.py is there already; --force overwrites it" in capsys.readouterr().err


def test_the_module_of_functions_runs_without_airflow(tmp_path: Path) -> None:
    shutil.copy(EXPECTED / "airflow_tasks.py", tmp_path)
    code = "import airflow_tasks as t; print(t.clean('eu', '2026-01-01'), t.extract(), t.double(4))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "20 {'a': [1, 2]} 8\n"


def test_nothing_of_the_file_is_run(tmp_path: Path) -> None:
    translated(f"open({str(tmp_path / 'made')!r}, 'w')\n" + in_dag('EmptyOperator(task_id="t")'), tmp_path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("text", "told"), [("def f(:\n", "line 1: this is no Python"), ("\x00", "no Python"), ("(" * 500, "no Python")]
)
def test_what_is_no_python_is_told(text: str, told: str) -> None:
    with pytest.raises(UntranslatableError, match=told):
        translate(text, "UTC", module="m")


def test_a_file_without_dags_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("x = 1\n", encoding="utf-8")
    assert main(["import", "airflow", "a.py"]) == 1
    assert "a.py:1: not translated: there is no dag in this file" in capsys.readouterr().err
    assert main(["import", "airflow", "a.py", "--users"]) == 2


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        ('schedule="@daily"', 'schedule = cron("@daily")'),
        ('schedule_interval="0 5 * * *"', 'schedule = cron("0 5 * * *")'),
        ("schedule=timedelta(minutes=90)", "schedule = every(1h30m)"),
        ('schedule="@daily", catchup=True', "catchup = all"),
        ('schedule="@daily", catchup=False', "catchup = latest"),
        ("start_date=datetime(2026, 3, 1)", "start = 2026-03-01"),
        ("end_date=datetime(2026, 3, 1, 4)", "end = 2026-03-01T04:00:01"),
        ("", "max_active_runs = 16"),
        ("max_active_tasks=3", "max_active_tasks = 3"),
        ("dagrun_timeout=timedelta(hours=2)", "run_timeout = 2h"),
        ('default_args={"owner": "ops", "retries": 1}', 'owner = "ops"'),
        ("default_args=dict(retries=1)", "retry_delay = 5m"),
        (
            'default_args={"retry_delay": timedelta(seconds=9), "retry_exponential_backoff": True, '
            '"max_retry_delay": 60}',
            "backoff = exponential(initial = 9s, max = 1m, factor = 2)",
        ),
        ('default_args={"priority_weight": 4}', "priority = 4"),
        ('default_args={"execution_timeout": timedelta(minutes=3)}', "timeout = 3m"),
        ('params={"n": Param(3, type="integer"), "s": None}', "param n: int = 3"),
        ('params={"l": [1, "a"], "d": {"x": None}}', 'param l: json = [1, "a"]'),
    ],
)
def test_settings_are_those_of_the_language(arguments: str, setting: str, tmp_path: Path) -> None:
    made, _ = translated(in_dag('EmptyOperator(task_id="t")', arguments), tmp_path)
    assert lost(made) == []
    assert setting in " ".join(made.text.split())


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("echo {{ ds }}", 'f"echo {run.date}"'),
        ("echo '{{ ds_nodash }}'", "f\"echo ''{run.date:%Y%m%d}''\""),
        ("echo {{ macros.ds_add(ds, -7) }}", 'f"echo {run.date - 7d}"'),
        ("echo {{ params.p }} {x}", 'f"echo {params.p} {{x}}"'),
        ("echo {{ params['p'] }}", 'f"echo {params.p}"'),
        ("echo {{ ti.xcom_pull(task_ids='first') }}", 'f"echo {first}"'),
        ("echo {{ logical_date.strftime('%Y/%m') }}", 'f"echo {run.scheduled_at:%Y/%m}"'),
        ("echo {{ run_id }} {{ task.task_id }}", 'f"echo {run.id} {task.id}"'),
    ],
)
def test_templates_are_what_they_are_here(command: str, text: str, tmp_path: Path) -> None:
    first = 'first = BashOperator(task_id="first", bash_command="true")'
    body = f'{first}\nBashOperator(task_id="t", bash_command={command!r})'
    made, _ = translated(in_dag(body, 'params={"p": "x"}'), tmp_path)
    assert f"task t     = shell({text})" in format_source(Source("j.ppd", made.text)).text


def test_what_bash_alone_knows_is_done_by_bash(tmp_path: Path) -> None:
    _, program = translated(
        in_dag('BashOperator(task_id="t", bash_command="[[ a == a ]] && echo \'{b}\' \\"c\\"")'), tmp_path
    )
    command = program.dags[0].tasks[0].args[0]
    assert isinstance(command, spec.Literal)
    done = subprocess.run(
        ["/bin/sh", "-c", str(command.value)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "{b} c\n"


@pytest.mark.parametrize(
    ("order", "edges"),
    [
        ("a >> b >> c", ["a -> b", "b -> c"]),
        ("c << b << a", ["b -> c", "a -> b"]),
        ("a >> [b, c]", ["a -> b", "a -> c"]),
        ("[a, b] >> c", ["[a, b] -> c"]),
        ("chain(a, [b, c], d)", ["a -> b", "a -> c", "[b, c] -> d"]),
        ("chain([a, b], [c, d])", ["a -> c", "b -> d"]),
        ("a.set_downstream([b, c])", ["a -> b", "a -> c"]),
        ("d.set_upstream(a)", ["a -> d"]),
        ("for x in [a, b]:\n    x >> c", ["a -> c", "b -> c"]),
    ],
)
def test_orders_are_edges(order: str, edges: list[str], tmp_path: Path) -> None:
    tasks = "".join(f'{name} = EmptyOperator(task_id="{name}")\n' for name in "abcd")
    made, _ = translated(in_dag(tasks + order), tmp_path)
    assert [line for line in made.text.splitlines() if "->" in line] == edges


def test_a_dag_may_be_named_by_its_tasks_and_run_by_another(tmp_path: Path) -> None:
    body = (
        'first = DAG("first-dag")\nt = EmptyOperator(task_id="t", dag=first)\n'
        + 'with DAG("b"):\n'
        + '    TriggerDagRunOperator(task_id="go", trigger_dag_id="first-dag", wait_for_completion=True)\n'
        + '    FileSensor(task_id="file", filepath="/in/x", timeout=60)\n'
    )
    made, program = translated(body, tmp_path)
    assert lost(made) == []
    assert [(dag.id, [task.id for task in dag.tasks]) for dag in program.dags] == [
        ("first_dag", ["t"]),
        ("b", ["go", "file"]),
    ]
    assert 'run_dag("first_dag")' in made.text
    assert 'wait_for_file("/in/x", every = 60s)' in made.text


def test_a_name_in_a_group_hides_none_around_it(tmp_path: Path) -> None:
    body = (
        'with TaskGroup("a") as g:\n    EmptyOperator(task_id="a")\n    EmptyOperator(task_id="b")\n'
        'with TaskGroup("h"):\n    EmptyOperator(task_id="b")\nEmptyOperator(task_id="b") >> g'
    )
    _, program = translated(
        f'with DAG("d"):\n{"".join(f"    {line}{chr(10)}" for line in body.splitlines())}', tmp_path
    )
    assert sorted(task.id for task in program.dags[0].tasks) == ["a.a_2", "a.b", "b_2", "h.b"]


def test_a_dag_without_tasks_is_told_and_left_out() -> None:
    made = translate(
        f'{HEAD}with DAG("a"):\n    pass\nwith DAG("b"):\n    EmptyOperator(task_id="t")\n', "UTC", module="m"
    )
    assert made.jobs == 1
    assert [each.message for each in made.remarks if each.lost] == ["the dag a: no task of it was found"]


def test_functions_pass_what_they_return(tmp_path: Path) -> None:
    body = (
        "@dag(schedule=None)\ndef flow():\n"
        "    @task\n    def one() -> list[int]:\n        return [1]\n"
        "    @task\n    def add(n: int, to: int) -> int:\n        return n + to\n"
        "    @task\n    def end(n: list) -> None:\n        pass\n"
        "    end(add.partial(to=2).expand(n=one()))\n"
        "flow()\n"
    )
    made, program = translated(body, tmp_path)
    assert lost(made) == []
    assert {task.id: set(task.parents) for task in program.dags[0].tasks} == {
        "one": set(),
        "add": {"one"},
        "end": {"add"},
    }


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        ('EmptyOperator(task_id="t", trigger_rule="none_skipped")', 2, "the trigger rule"),
        ('BashOperator(task_id="t", bash_command="x.sh")', 2, "ends in .sh"),
        ('BashOperator(task_id="t", bash_command="{{ var.value.x }}")', 2, "the template {{ var.value.x }}"),
        ('BashOperator(task_id="t", bash_command=input())', 2, "what `input()` is"),
        ('BashOperator(task_id="t", bash_command="{% if x %}{% endif %}")', 2, "the template {% if x %}"),
        ('PythonOperator(task_id="t", python_callable=lambda: 1)', 2, "its function"),
        ('TriggerDagRunOperator(task_id="t", trigger_dag_id="z")', 2, "which is not of this file"),
        ('FileSensor(task_id="t", filepath="x")', 2, "relative to a connection's"),
        ('EmptyOperator(task_id="t", depends_on_past=True)', 2, "`depends_on_past`"),
        ('EmptyOperator(task_id="t", on_failure_callback=print)', 2, "`on_failure_callback`"),
        ('EmptyOperator(task_id="t", retries=len("x"))', 2, "`retries`: what `len('x')` is"),
        ('if input():\n    EmptyOperator(task_id="t")\nEmptyOperator(task_id="u")', 2, "the tasks of an `if`"),
        (
            'for n in range(int(input())):\n    EmptyOperator(task_id="t")\nEmptyOperator(task_id="u")',
            2,
            "what a loop goes over",
        ),
    ],
)
def test_what_has_no_equal_is_listed(body: str, line: int, told: str, tmp_path: Path) -> None:
    made, _ = translated(in_dag(body), tmp_path)
    ((at, message),) = lost(made)
    assert (at, told in message) == (line, True), message
    assert "# Not translated: " in made.text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('schedule="@once"', "which is no time"),
        ('schedule="61 * * * *"', "61 is out of range"),
        ('schedule="@daily", start_date=datetime.now()', "`start_date`: what `datetime.now()` is"),
        ("sla_miss_callback=print", "`sla_miss_callback`"),
        ("user_defined_macros={}", "`user_defined_macros`"),
        ("start_date=datetime(2026, 2, 30)", "`start_date`: `datetime(2026, 2, 30)`: day is out of range"),
        ('params={"x": input()}', "the param x: what `input()` is"),
    ],
)
def test_settings_without_an_equal_are_listed(arguments: str, told: str, tmp_path: Path) -> None:
    made, _ = translated(in_dag('EmptyOperator(task_id="t")', arguments), tmp_path)
    ((line, message),) = lost(made)
    assert (line, told in message) == (1, True), message


@pytest.mark.parametrize("name", ["dag", "print", "1 day", "Ümlaut", "a.b-c", "run", "", "A" * 300])
def test_names_are_made_names_of_the_language(name: str, tmp_path: Path) -> None:
    body = f"with DAG({name!r}):\n    EmptyOperator(task_id={name!r})\n    EmptyOperator(task_id={name!r})\n"
    _, program = translated(body, tmp_path)
    assert len({task.id for task in program.dags[0].tasks}) == 2
