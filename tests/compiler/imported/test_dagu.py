"""A workflow of Dagu becomes a source that is sound, does the same, and lists what it could not say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppc.callables import CallableFinder
from ppc.cli import main
from ppc.compile import compile_program
from ppc.dagu import translate
from ppc.diagnostics import Diagnostic, Severity
from ppc.format import format_source
from ppc.parse import parse
from ppc.source import Source
from ppc.translation import Translation, UntranslatableError

EXPECTED = Path(__file__).parent / "expected"
TOLD = """\
dagu.yaml:9: not translated: `hist_retention_days`; how long runs are kept is a setting of the program
dagu.yaml:13: not translated: the variable TODAY, which a command works out
dagu.yaml:20: not translated: `mail_on`; declare a `notifier`, and name it in `notify`
dagu.yaml:27: not translated: the handler for `cancel`
dagu.yaml:31: `output: ROWS` is the last line that the step writes, where Dagu takes all of it
dagu.yaml:55: step clean counts as succeeded when `continue_on` lets the dag go on; Dagu tells of it
dagu.yaml:56: not translated: step report: what `docker` does is to be a Python function, or a command
2 dags, 5 things not translated
"""


def compiled(made: Translation) -> tuple[spec.Program | None, list[Diagnostic]]:
    """The program that it makes, and the errors in it."""
    source = Source("jobs.ppd", made.text)
    module, faults = parse(source)
    program, found = compile_program("jobs", [(source, module)], callables=CallableFinder([], []), faults=faults)
    return program, [each for each in found if each.severity is Severity.ERROR]


def tasks_of(workflow: str) -> dict[str, spec.Task]:
    """The tasks of a workflow, of which nothing is lost."""
    made = translate(workflow, "UTC", name="jobs")
    assert [each for each in made.remarks if each.lost] == []
    program, errors = compiled(made)
    assert program is not None, (errors, made.text)
    return {task.id: task for task in program.dags[0].tasks}


def lost(workflow: str) -> list[tuple[int, str]]:
    made = translate(workflow, "UTC", name="jobs")
    _, errors = compiled(made)
    assert errors == [] or not made.jobs, made.text
    return [(each.line, each.message) for each in made.remarks if each.lost]


def run(task: spec.Task, **env: str) -> tuple[int, str]:
    """How the task's command ends, and what it writes."""
    command = task.args[0]
    assert isinstance(command, spec.Literal)
    shell = ["/bin/sh", "-c", str(command.value)]
    of_shell = {"PATH": "/usr/bin:/bin", **env}
    done = subprocess.run(shell, env=of_shell, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


def test_what_can_be_said_is_said_and_what_cannot_is_listed_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(EXPECTED / "dagu.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["import", "dagu", "dagu.yaml", "-o", "dagu.ppd", "--timezone", "Europe/Warsaw"]) == 1
    assert capsys.readouterr() == ("", TOLD)
    assert Path("dagu.ppd").read_text(encoding="utf-8") == (EXPECTED / "dagu.ppd").read_text(encoding="utf-8")
    assert main(["check", "-W", "error", "dagu.ppd"]) == 0
    assert main(["fmt", "--check", "dagu.ppd"]) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps: [", "line 1: this is no YAML"),
        ("a: 1\n  b: 2\n", "line 2: this is no YAML"),
        ("a: \x00", "this is no YAML"),
        ("&a [*a]", "nested too deeply"),
        ("[" * 60 + "]" * 60, "nested too deeply"),
        ("[" * 9000, "nested too deeply"),
        ("? [1]\n: 2\n", "line 1: a key is to be a word"),
    ],
)
def test_what_is_no_workflow_is_told(text: str, told: str) -> None:
    with pytest.raises(UntranslatableError, match=told):
        translate(text, "UTC", name="jobs")


def test_the_command_tells_of_a_file_that_is_no_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("steps: [", encoding="utf-8")
    assert main(["import", "dagu", "a.yaml", "--timezone", "UTC"]) == 1
    assert capsys.readouterr().err.startswith("error: a.yaml: line 1: this is no YAML: ")


def test_without_the_reader_of_yaml_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("steps: [true]", encoding="utf-8")
    for name in [name for name in sys.modules if name.startswith("ppc.dagu")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert main(["import", "dagu", "a.yaml", "--timezone", "UTC"]) == 1
    assert 'pip install "ppacer[import]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("step", "code", "out"),
    [
        ("{run: echo a}", 0, "a\n"),
        ("{command: echo, args: [a, b]}", 0, "a b\n"),
        ("{run: [echo a, 'false', echo b]}", 1, "a\n"),
        ('{run: "echo a\\nexit 3\\n"}', 3, "a\n"),
        ('{run: "echo a\\nfalse\\necho b\\n"}', 1, "a\n"),
        ("{run: echo a; false; echo 'b'}", 1, "a\n"),
        ("{run: 'echo a; false; echo b', with: {shell: sh}}", 0, "a\nb\n"),
        ("{run: echo 'a; b'}", 0, "a; b\n"),
        ("{command: python3, script: 'print(\"it''s\")'}", 0, "it's\n"),
        ("{shell: bash -e, run: '[[ a == a ]] && echo yes'}", 0, "yes\n"),
        ("{action: exec, with: {command: echo, args: [a;, b]}}", 0, "a; b\n"),
        ("{run: exit 4, continueOn: {failure: true, markSuccess: true}}", 0, ""),
        ("{run: echo a; false; echo b, continueOn: {failure: true, markSuccess: true}}", 0, "a\n"),
        ("{run: echo a; false; echo b, continue_on: {exit_code: [1], mark_success: true}}", 0, "a\n"),
        ("{run: exit 4, continue_on: {exit_code: [3, 4], mark_success: true}}", 0, ""),
        ("{run: exit 5, continue_on: {exit_code: [3, 4], mark_success: true}}", 5, ""),
    ],
)
def test_a_step_does_what_it_did(step: str, code: int, out: str) -> None:
    (task,) = tasks_of(f"steps:\n  - {step}\n").values()
    assert run(task) == (code, out)


@pytest.mark.parametrize(
    ("condition", "mode", "met"),
    [
        ("test $MODE = a", "a", True),
        ("test $MODE = a", "b", False),
        ("{condition: $MODE, expected: a}", "a", True),
        ("{condition: '${params.MODE}', expected: a}", "b", False),
        ("{condition: test $MODE = a, negate: true}", "b", True),
    ],
)
def test_a_precondition_is_asked_by_a_task_of_its_own(condition: str, mode: str, met: bool) -> None:
    tasks = tasks_of(f"params: MODE=a\nsteps:\n  - {{id: work, run: echo, preconditions: [{condition}]}}\n")
    assert tasks["work"].when is not None
    assert run(tasks["work_if"], MODE=mode) == (0, "true\n" if met else "false\n")


def test_a_chain_goes_in_order_and_lists_in_it_at_once() -> None:
    tasks = tasks_of("type: chain\nsteps:\n  - echo 1\n  - [echo 2, echo 3]\n  - echo 4\n")
    assert {name: set(task.parents) for name, task in tasks.items()} == {
        "step": set(),
        "step_2": {"step"},
        "step_3": {"step"},
        "step_4": {"step_2", "step_3"},
    }


def test_what_a_step_writes_is_a_variable_of_those_after_it_that_name_it() -> None:
    steps = "[{id: a, run: echo 1, output: N}, {id: b, run: 'echo $N', depends: a}, {id: c, run: echo, depends: b}]"
    made = translate(f"steps: {steps}\n", "UTC", name="jobs")
    assert made.text.count("N") == 2
    assert '"N": f"{a}"' in made.text


@pytest.mark.parametrize(
    ("workflow", "found"),
    [
        ("name: x\n", [(1, "this document has no steps")]),
        ("steps: []\n", [(1, "this document has no steps")]),
        ("- 1\n", [(1, "this document has no steps")]),
        (
            "schedule: 61 * * * *\nsteps: [echo]",
            [(1, "the schedule '61 * * * *': 61 is out of range: the minute is 0 to 59")],
        ),
        ("schedule: {start: '0 1 * * *', stop: '0 2 * * *'}\nsteps: [echo]", [(1, "`stop`")]),
        ("preconditions: test -f x\nschedule: '@daily'\nsteps: [echo]", [(1, "a precondition of the whole dag")]),
        ("params: one two\nsteps:\n  - echo $1", [(1, "no name"), (1, "no name"), (3, "it reads $1")]),
        ("env: {A: x}\nsteps:\n  - echo '$A'", [(3, "step step: Dagu puts in A between single quotes too")]),
        ("steps:\n  - {id: a, run: echo, depends: b}", [(2, "step a: it depends on 'b', which there is not")]),
        ("steps:\n  - {id: a, run: 'echo ${b.output.x}'}", [(2, "step a: it reads ${b.output.x}")]),
        ("steps:\n  - {id: a, run: echo, repeat_policy: {repeat: true}}", [(2, "step a: `repeat_policy` of a step")]),
        ("steps:\n  - {id: a, action: ssh.run}", [(2, "step a: what `ssh.run` does")]),
        ("steps:\n  - {command: [echo, a]}", [(2, "step step: releases differ")]),
        ("steps:\n  - 7", [(2, "step step: this is no step")]),
        ("steps:\n  - {id: a}", [(2, "step a: it has no command")]),
        ("schedule: ['CRON_TZ=Asia/Tokyo 0 1 * * *', 0 1 * * *]\nsteps: [echo]", [(1, "schedules in several zones")]),
        ("schedule: CRON_TZ=Mars/Olympus 0 1 * * *\nsteps: [echo]", [(1, "there is no time zone")]),
        (
            "env: [[A, B=1], {C: {d: [e]}}]\nsteps: [echo]",
            [(1, "the variable '[A, B=1]' of `env`"), (1, "the variable 'C' of `env`")],
        ),
    ],
)
def test_what_has_no_equal_is_listed(workflow: str, found: list[tuple[int, str]]) -> None:
    told = lost(workflow)
    assert [line for line, _ in told] == [line for line, _ in found]
    assert all(message in said for (_, said), (_, message) in zip(told, found, strict=True)), told


def test_a_run_of_dagu_1_is_that_of_a_dag_and_no_command() -> None:
    made = translate(
        "name: all\nsteps:\n  - {name: a, run: sub}\n  - {name: b, run: all}\n---\nname: sub\nsteps: [ls]\n",
        "UTC",
        name="jobs",
    )
    assert 'task a = run_dag("sub")' in made.text
    assert 'task b = shell("all"' in made.text
    assert [
        message for _, message in lost("steps:\n  - {name: a, run: sub, params: x=1}\n  - {name: b, run: c.yaml}\n")
    ] == [
        f"step {step}: it runs the dag {dag!r}, with params or of another file: `run_dag` does"
        for step, dag in (("a", "sub"), ("b", "c.yaml"))
    ]


@pytest.mark.parametrize("number", ["99999999999999999999999", ".inf", ".nan", "true", "-1"])
def test_numbers_that_nobody_means_are_listed(number: str) -> None:
    dag = f"timeoutSec: {number}\nmaxActiveRuns: {number}\nsteps: [ls]\n"
    step = f"steps:\n  - {{run: ls, timeoutSec: {number}}}\n  - {{run: ls, retryPolicy: {{limit: {number}}}}}\n"
    assert (len(lost(dag)), len(lost(step))) == (2, 2)


def test_a_shell_that_cannot_be_read_and_a_dag_without_steps_are_listed() -> None:
    assert lost('shell: "a\'b"\nsteps: [ls]\n') == [(2, 'step step: its shell "a\'b": No closing quotation')]
    assert len(lost("steps:\n  - {action: dag.run, with: {dag: empty}}\n---\nname: empty\nsteps: []\n")) == 2


def test_a_step_that_could_not_be_translated_fails_and_says_why() -> None:
    made = translate("steps:\n  - {id: a, action: ssh.run}\n", "UTC", name="jobs")
    program, _ = compiled(made)
    assert program is not None
    assert run(program.dags[0].tasks[0])[0] == 1


_WORD = st.sampled_from(["echo a", "a'b\"{c}", "$A", "${A}", "`x`", "", "x\ny", "é\r", "\\", "steps", "dag"])
_VALUE = st.one_of(_WORD, st.integers(-2, 5), st.booleans(), st.none(), st.lists(_WORD, max_size=2))
_STEP = st.one_of(
    _WORD,
    st.dictionaries(
        st.sampled_from(["id", "name", "run", "command", "script", "depends", "env", "output", "timeoutSec", "shell"])
        | st.sampled_from(
            ["retryPolicy", "continueOn", "preconditions", "description", "dir", "with", "action", "call"]
        ),
        _VALUE | st.dictionaries(st.sampled_from(["limit", "intervalSec", "failure", "condition", "A b"]), _VALUE),
    ),
)
_WORKFLOW = st.fixed_dictionaries(
    {"steps": st.lists(_STEP, max_size=4) | st.dictionaries(_WORD, _STEP, max_size=3)},
    optional={
        "name": _VALUE,
        "type": st.sampled_from(["chain", "graph", "agent"]),
        "params": _VALUE | st.dictionaries(_WORD, _VALUE),
        "env": st.lists(st.dictionaries(_WORD, _VALUE, max_size=2), max_size=3),
        "schedule": st.sampled_from(["@daily", "* * * * *", "x", 7]),
        "handlerOn": st.dictionaries(st.sampled_from(["success", "failure", "exit", "init"]), _STEP),
        "tags": _VALUE,
        "description": _WORD,
        "workingDir": _WORD,
    },
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(_WORKFLOW, min_size=1, max_size=2))
def test_whatever_it_is_made_of_the_source_is_sound(workflows: list[object]) -> None:
    made = translate(yaml.safe_dump_all(workflows, allow_unicode=True), "Europe/Warsaw", name="jobs")
    _, errors = compiled(made)
    cycles = {"E401", "E402", "E409"}  # they are there as they were
    assert not made.jobs or not [each for each in errors if each.code not in cycles], (errors, made.text)
    assert format_source(Source("jobs.ppd", made.text)).broken == ()
