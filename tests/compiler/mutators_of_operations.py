"""Ways to break what a sound program says of its runs: what tasks run in, who is told what, schedules in Python."""

from __future__ import annotations

from collections.abc import Iterator

from ppc import ast
from ppc.settings import OF_A_PROCESS, TASK_SETTINGS
from ppc.types import AtRunTime
from tests.compiler.mutators import Mutation, Mutator, Program


def _own(dag: ast.DagDecl) -> dict[str, ast.Setting]:
    return {item.name.name: item for item in dag.body if isinstance(item, ast.Setting)}


def _with(program: Program, task: ast.TaskDecl, setting: str, fault: str, *codes: str) -> Mutation:
    """One more setting of a task that has some; `fault` is the part that is at fault."""
    at = task.settings[0].span.start
    text = f"{program.text[:at]}{setting}, {program.text[at:]}"
    start = at + setting.rindex(fault)
    return Mutation(text, codes, start, start + len(fault))


# --- what tasks run in -----------------------------------------------------------------------------------------------


def no_process(program: Program) -> Iterator[Mutation]:
    """What needs a process, where there is none: said in one block, or inherited."""
    for task in program.tasks():
        given = {setting.name.name: setting for setting in task.settings}
        of_process = [given[name] for name in OF_A_PROCESS if name in given]
        if len(of_process) == 1 and "isolation" not in given:
            mutation = _with(program, task, "isolation = thread", "thread", "E308")
            moved = len(mutation.text) - len(program.text)
            start = of_process[0].span.start + moved
            yield Mutation(mutation.text, ("E308",), start, start + len(of_process[0].name.name))
    for dag in program.dags():
        planted = '  defaults { cwd = "planted" }\n  task planted = empty() { isolation = thread }'
        if not any(isinstance(item, ast.DefaultsDecl) for item in dag.body) and "isolation" not in program.text:
            yield program.plant(program.end_of(dag), planted, "isolation", "E308")


def shared_process(program: Program) -> Iterator[Mutation]:
    """An `async def` with what only a process of its own has."""
    if "shop.etl" in program.text:
        for name, value in (("memory", '"1GB"'), ("cwd", '"x"'), ("env", '{"A": "b"}')):
            text = (
                f'import shop.etl as planted\ndag planted_dag {{ task a = planted.fetch("x") {{ {name} = {value} }} }}'
            )
            yield program.plant(next(program.dags()).span.start, text, name, "E507")


def no_coroutine(program: Program) -> Iterator[Mutation]:
    """Not where defaults give every task what needs a process: that would be a second fault."""
    of_process = (setting for setting in program.all(ast.Setting) if setting.name.name in OF_A_PROCESS)
    if any(program.inside(setting, ast.DefaultsDecl) for setting in of_process):
        return
    for dag in program.dags():
        yield program.plant(program.end_of(dag), "  task planted = empty() { isolation = async }", "async", "E507")


def wrong_surroundings(program: Program) -> Iterator[Mutation]:
    """Settings worked out at run time, with what is no text."""
    for setting in program.all(ast.Setting):
        rule = TASK_SETTINGS.get(setting.name.name)
        at_run_time = setting.name.name == "ping" or (rule is not None and isinstance(rule.type, AtRunTime))
        if at_run_time and isinstance(setting.value, ast.Constant | ast.FormatLiteral):
            yield program.change(setting.value.span, "3.5", "E303")


# --- what is told ----------------------------------------------------------------------------------------------------


def event_elsewhere(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        for field in ("event", "error"):
            planted = f"  task planted = print(task.{field})"
            yield program.plant(program.end_of(dag), planted, f"task.{field}", "E209")
            planted = f'  task planted = empty() {{ cwd = f"/{{task.{field}}}" }}'
            yield program.plant(program.end_of(dag), planted, f"task.{field}", "E209")


def perhaps_no_message(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        planted = "  task planted = empty() { alert = task.error, alert_on = [failure] }"
        yield program.plant(program.end_of(dag), planted, "task.error", "E303")


def never_told(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        planted = '  task planted = empty() { alert_on = [], alert = "planted" }'
        yield program.plant(program.end_of(dag), planted, "alert", "W310")
        if "alert_on" not in _own(dag):
            yield program.plant(program.end_of(dag), "  alert_on = [failure, retry]", "retry", "W310")
        if "deadline" not in _own(dag):
            yield program.plant(program.end_of(dag), "  task planted = empty() { alert_on = [late] }", "late", "W310")


def ping_of_a_run(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        if "ping" not in _own(dag):
            planted = '  ping = f"https://example.org/{run.id}"'
            yield program.plant(program.end_of(dag), planted, "run.id", "E209")
            yield program.plant(program.end_of(dag), '  ping = "example.org"', '"example.org"', "E303")
            planted = '  ping = f"https://example.org/{secret("ID")}"'
            yield program.plant(program.end_of(dag), planted, 'secret("ID")', "E802")


def no_notifier(program: Program) -> Iterator[Mutation]:
    if "shop.etl" in program.text:
        for name, call in (("nothing", "nothing()"), ("Quiet", 'Quiet(["a"])'), ("of_a_task", "of_a_task()")):
            text = f"import shop.alerts as planted\nnotifier planted_one = planted.{call}"
            text += "\ndag planted_dag {\n  notify = planted_one\n  task a = empty()\n}"
            yield program.plant(next(program.dags()).span.start, text, name, "E508")


# --- times -----------------------------------------------------------------------------------------------------------


def no_python_schedule(program: Program) -> Iterator[Mutation]:
    if "shop.etl" in program.text:
        for name in ("Startless", "Fridays", "patient", "daily", "days"):
            text = f"import shop.calendars as planted\ndag planted_dag {{\n  schedule = planted.{name}"
            text += "\n  task a = empty()\n}"
            yield program.plant(next(program.dags()).span.start, text, name, "E706")


def no_schedule(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        if not _own(dag).keys() & {"schedule", "catchup"}:
            yield program.plant(program.end_of(dag), "  catchup = all", "catchup", "W311")


def run_ends_first(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        if "run_timeout" in _own(dag):
            yield program.plant(program.end_of(dag), "  task planted = empty() { timeout = 9d }", "9d", "W312")


MUTATORS_OF_OPERATIONS: tuple[Mutator, ...] = (
    no_process,
    shared_process,
    no_coroutine,
    wrong_surroundings,
    event_elsewhere,
    perhaps_no_message,
    never_told,
    ping_of_a_run,
    no_notifier,
    no_python_schedule,
    no_schedule,
    run_ends_first,
)
