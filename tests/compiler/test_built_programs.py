"""Laws of whole builds: any sound file makes a program, the same one every time, whose text is what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core import codec
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.emit import emit
from ppc.format import format_source
from ppc.parse import parse
from ppc.source import Source

HERE = Path(__file__).parent
FINDER = CallableFinder([HERE / "project"], sys.path)
WHOLE = sorted((HERE / "mutations").glob("*.ppd"))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf")), max_size=8).map(
    lambda text: json.dumps(text, ensure_ascii=False)
)
VALUES = st.one_of(
    TEXTS,
    st.integers(0, 10**6).map(str),
    st.sampled_from(["true", "none", "1.5", "1h30m", "2026-01-31", "run.date - 1d", "run.id", "task.attempt", "size"]),
    st.sampled_from(['env("HOME", none)', 'secret("TOKEN")', "params.day + 1d", "params.kinds", "params.place"]),
    st.lists(st.integers(-9, 9).map(str), max_size=3).map(lambda items: f"[{', '.join(items)}]"),
)
SETTINGS = [
    ["retries = 2", "retries = 1, retry_delay = 5s", "backoff = exponential(initial = 1s, max = 5m, jitter = 0.5)"],
    [
        "isolation = thread",
        'isolation = process, env = {"MODE": env("MODE"), "TOKEN": secret("TOKEN")}, memory = "1.5GiB"',
        'cwd = f"/srv/{params.place}/{run.date:%Y}"',
        "env = {}, memory = none",
    ],
    [
        "alert_on = []",
        'notify = ops, alert_on = [failure, late], alert = f"{task.event} of {task.id}: {task.error}"',
        'notify = [ops, pager], alert_on = [retry, success], alert = "told"',
    ],
    ["timeout = none", 'doc = "x"', "pool = warehouse, priority = -5", "runs_on = gpu, on_lost = fail"],
    ["trigger = all_done", "trigger = none_failed"],
]
CONDITIONS = [" when params.full", " when run.previous != none and params.day > run.date", " when not params.full"]
OF_DAG = [
    [
        'schedule = cron("15 4 * * *")',
        "schedule = [every(10m), every(1h)]",
        "schedule = [planted.Mondays, planted.fridays]",
    ],
    ["catchup = latest", "overlap = skip", "overlap = cancel_running", "dst = twice", "start = 2026-01-31"],
    ["max_active_tasks = 4", "max_active_runs = 2", "run_timeout = 10d", "deadline = 2h"],
    ['ping = f"https://example.org/{env("PING")}"', 'ping = secret("PING")'],
    ["notify = [ops, pager]", "alert_on = [success, late]", 'timezone = "Europe/Warsaw"'],
    ["defaults { retries = 3, notify = pager }", 'defaults { alert = f"{task.id}", memory = none }'],
]
HEAD = """\
import shop.calendars as planted
let size = 3
let regions = [1, 2]
notifier ops = apprise(env("OPS_URL", "json://localhost"), secret("MORE"))
notifier pager = log()
pool warehouse { slots = 4 }
label gpu
template part(of: json) {
  task first = shell("true", output = "line")
  task last  = print(first, of)
}
dag d {
  param full: bool = false
  param day: date = run.date - 1d
  param kinds: list[choice("a", "b")] = ["a"]
  param place: str? = env("PLACE", none)
  param wait: duration = 1h30m
"""
TAIL = """\
  on success { task cheer = print("done") }
  on failure { task page = print(run.status, run.failed, params.wait) { retries = 1 } }
  finally { task tidy = shell("true") { alert = none } }
"""


@st.composite
def sources(draw: st.DrawFn) -> str:
    """Files whose names all resolve: built-in tasks, outputs of tasks before them, families of both kinds, groups,
    handlers, settings of all kinds, edges forwards."""

    def some(options: list[list[str]]) -> list[str]:
        return [draw(st.sampled_from(each)) for each in options if draw(st.integers(0, 2)) == 2]

    lines = [f"  {setting}" for setting in some(OF_DAG)]
    count = draw(st.integers(1, 6))
    outputs: list[str] = []
    lists = ["params.kinds"]
    members: dict[str, list[str]] = {}
    for n in range(count):
        arguments = draw(st.lists(VALUES, max_size=2))
        if outputs and draw(st.booleans()):
            arguments.append(draw(st.sampled_from(outputs)))
        block = some(SETTINGS)
        after = draw(st.sampled_from(["", "", *CONDITIONS])) + (f" {{ {', '.join(block)} }}" if block else "")
        match draw(st.sampled_from(["print", "empty", "shell", "family", "at run time", "group"])):
            case "print":
                lines.append(f"  task t{n} = print({', '.join(arguments)}){after}")
            case "empty":
                lines.append(f"  task t{n} = empty(){after}")
            case "shell":
                lines.append(f'  task t{n} = shell("true", output = "json"){after}')
                outputs.append(f"t{n}")
                lists += [f"t{n}", f"t{n}.rows"]
            case "family":
                lines.append(f"  task t{n}[r in regions] = print(r, {', '.join(['size', *arguments])}){after}")
            case "at run time":
                over = draw(st.sampled_from(lists))
                others = [f"{other}[x]" for other in members.get(over, [])]
                whole = "".join(f" {{{each}}}" for each in draw(st.lists(st.sampled_from(["x", *others]), max_size=2)))
                lines.append(f'  task t{n}[x in {over}] = shell(f"echo{whole}"){after}')
                members.setdefault(over, []).append(f"t{n}")
                outputs.append(f"t{n}[*]")
            case _:
                lines.append(f"  group t{n} = part({(arguments or ['size'])[0].replace('task.attempt', '1')})")
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    for a, b in draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []:
        lines.append(f"  t{a} -> t{b}")
    return HEAD + "".join(f"{line}\n" for line in lines) + (TAIL if draw(st.booleans()) else "") + "}\n"


def built(text: str) -> spec.Program:
    source = Source("p.ppd", text)
    module, faults = parse(source)
    program, found = compile_program("p", [(source, module)], callables=FINDER, faults=faults)
    assert program is not None, found
    return program


def unplaced(value: object) -> object:
    """A spec value without its places."""
    if isinstance(value, spec.At):
        return None
    if isinstance(value, tuple):
        return tuple(unplaced(each) for each in value)
    if is_dataclass(value):
        return (type(value), *(unplaced(getattr(value, field.name)) for field in fields(value)))
    return value


@settings(max_examples=60, deadline=None)
@given(sources())
def test_a_build_is_the_same_every_time_and_its_text_says_what_it_is(text: str) -> None:
    program = built(text)
    emitted = emit(program)
    assert emit(built(text)) == emitted
    namespace: dict[str, object] = {"__name__": "p"}
    exec(compile(emitted, "p.py", "exec"), namespace)
    assert namespace["PROGRAM"] == program
    assert codec.decode(codec.encode(program)) == program


@settings(max_examples=60, deadline=None)
@given(sources())
def test_the_form_of_a_file_changes_places_and_nothing_else(text: str) -> None:
    formatted = format_source(Source("p.ppd", text)).text
    assert unplaced(built(formatted).dags) == unplaced(built(text).dags)


@settings(max_examples=60, deadline=None)
@given(sources())
def test_everything_that_a_task_names_is_in_the_program(text: str) -> None:
    program = built(text)
    known = {callable_.id for callable_ in program.callables}
    notifiers, pools, labels = (
        {each.name for each in program.notifiers},
        {each.name for each in program.pools},
        set(program.labels),
    )
    assert {each.callable for each in program.notifiers} <= known
    for dag in program.dags:
        assert {each.callable for each in dag.schedules if isinstance(each, spec.CustomSchedule)} <= known
        assert set(dag.notify) <= notifiers
        for task in dag.tasks:
            assert task.callable in known
            assert set(task.notify) <= notifiers
            assert set(task.runs_on) <= labels
            assert task.pool is None or task.pool in pools


@pytest.mark.slow
def test_type_checkers_and_linters_are_content_with_whole_programs(project: Path, tmp_path: Path) -> None:
    """The users' own modules are read for what they define, and their faults are no matter."""
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    for module in tmp_path.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        module.write_text(re.sub(r"^raise .*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    files = []
    for source in WHOLE:
        (tmp_path / f"{source.stem}.py").write_text(emit(built(source.read_text(encoding="utf-8"))), encoding="utf-8")
        files.append(f"{source.stem}.py")
    cache = str(tmp_path / "cache")
    for command in (
        ["mypy", "--strict", "--follow-imports", "silent", "--cache-dir", cache],
        ["pyright", "--pythonpath", sys.executable],
        ["ruff", "format", "--isolated", "--line-length", "120", "--check"],
        ["ruff", "check", "--isolated", "--line-length", "120", "--select", "F,UP,E,W"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command, *files], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
