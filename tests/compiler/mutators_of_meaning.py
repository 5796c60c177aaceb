"""Ways to break what a sound program means: its callables, arguments, data, times, conditions and secrets."""

from __future__ import annotations

from collections.abc import Iterator

from ppc import ast
from tests.compiler.mutators import Mutation, Mutator, Program, misspelt

# --- callables and arguments -----------------------------------------------------------------------------------------


def no_module(program: Program) -> Iterator[Mutation]:
    for item in (*program.all(ast.ImportDecl), *program.all(ast.FromImportDecl)):
        for part in item.module.parts:
            if not (isinstance(item, ast.ImportDecl) and item.alias is None):
                yield program.change(part.span, misspelt(part.name), "E501")


def no_attribute(program: Program) -> Iterator[Mutation]:
    for name in program.all(ast.ImportedName):
        if name.alias is None:
            text = f"{misspelt(name.name.name)} as {name.name.name}"
            yield program.change(name.name.span, text, "E503")
    for task in program.tasks():
        if len(task.call.callee.parts) > 1:
            part = task.call.callee.parts[-1]
            yield program.change(part.span, misspelt(part.name), "E503")


def not_callable(program: Program) -> Iterator[Mutation]:
    if "shop.etl" not in program.text:
        return
    for callee, fault, code in (
        ("planted.REGIONS()", "REGIONS", "E504"),
        ('planted.lines("x")', "lines", "E505"),
        ("planted.outer.inner()", "inner", "E506"),
    ):
        text = f"import shop.etl as planted\ndag planted_dag {{ task a = {callee} }}"
        yield program.plant(next(program.dags()).span.start, text, fault, code)


def _calls(program: Program) -> Iterator[ast.Call]:
    return (task.call for task in program.tasks())


def missing_argument(program: Program) -> Iterator[Mutation]:
    for call in _calls(program):
        plain = all(isinstance(argument.value, ast.Constant | ast.DurationLiteral) for argument in call.arguments)
        if plain and call.arguments and call.callee.text in {"sleep", "shell", "extract", "orders.fetch_orders"}:
            text = program.text[: call.callee.span.end] + "()" + program.text[call.span.end :]
            yield Mutation(text, ("E510",), call.span.start, call.callee.span.end + 2)


def unknown_argument(program: Program) -> Iterator[Mutation]:
    for call in _calls(program):
        if call.arguments and call.callee.text not in {"load", "orders.pick"}:
            at = call.span.end - 1
            text = f"{program.text[:at]}, planted = 1{program.text[at:]}"
            yield Mutation(text, ("E511",), at + 2, at + 9)


def repeated_argument(program: Program) -> Iterator[Mutation]:
    for argument in program.all(ast.Argument):
        if argument.name is not None and isinstance(program.parents[id(program.parents[id(argument)])], ast.TaskDecl):
            written = program.text[argument.span.start : argument.span.end]
            at = argument.span.end
            text = f"{program.text[:at]}, {written}{program.text[at:]}"
            yield Mutation(text, ("E513",), at + 2, at + 2 + len(written))


def too_many_arguments(program: Program) -> Iterator[Mutation]:
    for call in _calls(program):
        taken = {"print", "orders.pick", "load"}
        if all(argument.name is None for argument in call.arguments) and call.callee.text not in taken:
            at = call.span.end - 1
            more = ", ".join(["none"] * 9)
            text = f"{program.text[:at]}{', ' if call.arguments else ''}{more}{program.text[at:]}"
            # `none` fits nowhere, but what there is no parameter for has no type to fit.
            if not call.arguments or call.callee.text in {"sleep", "shell"}:
                yield Mutation(text, ("E512",), at, at + len(more) + 2)


def wrong_argument(program: Program) -> Iterator[Mutation]:
    for call in _calls(program):
        for argument in call.arguments:
            if call.callee.text in {"print", "shell"} and argument.name is None:
                continue
            match argument.value:
                case ast.Constant(value=str()) | ast.FormatLiteral() if call.callee.text != "print":
                    yield program.change(argument.value.span, "3.5", "E520")
                case ast.Constant(value=bool()) | ast.DurationLiteral() if call.callee.text != "print":
                    yield program.change(argument.value.span, '"nonsense"', "E520")


def perhaps_none(program: Program) -> Iterator[Mutation]:
    """A task that takes an output is made to run whether there is one or not."""
    for task in program.tasks():
        if task.settings or task.when is not None or task.loops or task.call.callee.text in {"print", "shell"}:
            continue
        for argument in task.call.arguments:
            if isinstance(argument.value, ast.Name) and argument.value.name in _task_names(program):
                at = task.call.span.end
                text = f"{program.text[:at]} {{ trigger = all_done }}{program.text[at:]}"
                yield Mutation(text, ("E521",), argument.value.span.start, argument.value.span.end)
                break


def _task_names(program: Program) -> set[str]:
    return {task.name.name for task in program.tasks()}


# --- data ------------------------------------------------------------------------------------------------------------


def no_output(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        planted = "  task planted_none = empty()\n  task planted = print(1, planted_none)"
        yield program.plant(program.end_of(dag), planted, "planted_none", "E601")


def _fields_of_outputs(program: Program) -> Iterator[ast.AttributeExpr]:
    for attribute in program.all(ast.AttributeExpr):
        if isinstance(attribute.of, ast.Name) and attribute.of.name in {"summary", "newest"}:
            yield attribute


def no_such_field(program: Program) -> Iterator[Mutation]:
    for attribute in _fields_of_outputs(program):
        yield program.change(attribute.name.span, misspelt(attribute.name.name), "E620")


def no_list(program: Program) -> Iterator[Mutation]:
    for attribute in _fields_of_outputs(program):
        end = attribute.span.end
        text = f"{program.text[:end]}[0]{program.text[end:]}"
        yield Mutation(text, ("E621",), end, end + 3)


def no_member(program: Program) -> Iterator[Mutation]:
    for index in program.all(ast.IndexExpr):
        key = index.keys[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield program.change(key.span, '"nonsense"', "E6")


def fan_out_over_no_list(program: Program) -> Iterator[Mutation]:
    for loop in program.all(ast.LoopClause):
        task = program.parents[id(loop)]
        if isinstance(task, ast.TaskDecl) and isinstance(loop.over, ast.Name) and loop.over.name == "found":
            yield program.change(loop.over.span, "run.date", "E6")
            yield program.change(loop.over.span, "summary.rows", "E626")


def wrong_default(program: Program) -> Iterator[Mutation]:
    for param in program.all(ast.ParamDecl):
        if param.default is not None:
            yield program.change(param.default.span, "1.5", "E640")


def no_default(program: Program) -> Iterator[Mutation]:
    for param in program.all(ast.ParamDecl):
        if param.default is not None:
            text = program.text[: param.type.span.end] + program.text[param.default.span.end :]
            yield Mutation(text, ("E641",), param.name.span.start, param.name.span.end)


# --- time ------------------------------------------------------------------------------------------------------------


def _schedule_calls(program: Program, name: str) -> Iterator[ast.Call]:
    for setting in program.all(ast.Setting):
        if setting.name.name == "schedule":
            items = setting.value.items if isinstance(setting.value, ast.ListLiteral) else (setting.value,)
            yield from (item for item in items if isinstance(item, ast.Call) and item.callee.text == name)


def bad_cron(program: Program) -> Iterator[Mutation]:
    for call in _schedule_calls(program, "cron"):
        span = call.arguments[0].span
        yield program.change(span, '"15 25 * * *"', "E701")
        yield program.change(span, '"15 2 * * MOO"', "E701")
        yield program.change(span, '"15 2 30 2 *"', "E702")


def bad_interval(program: Program) -> Iterator[Mutation]:
    for call in _schedule_calls(program, "every"):
        yield program.change(call.arguments[0].span, "0s", "E704")


def unknown_zone(program: Program) -> Iterator[Mutation]:
    for setting in program.all(ast.Setting):
        if setting.name.name == "timezone":
            yield program.change(setting.value.span, '"Europe/Warshaw"', "E703")


def ends_before_start(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        for setting in dag.body:
            if isinstance(setting, ast.Setting) and setting.name.name == "start" and "end " not in program.text:
                mutation = program.plant(setting.span.start, "  end = 2025-12-31", "2025-12-31", "E705")
                yield mutation


def too_slow(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        if any(isinstance(item, ast.Setting) and item.name.name == "schedule" for item in dag.body):
            statement = "  task planted = empty() { timeout = 30d, retries = 0 }"
            yield program.plant(program.end_of(dag), statement, "30d", "W710", "W312")


# --- conditions and safety -------------------------------------------------------------------------------------------


def constant_condition(program: Program) -> Iterator[Mutation]:
    for task in program.tasks():
        if task.when is not None:
            yield program.change(task.when.span, "1 < 2", "E810")


def no_condition(program: Program) -> Iterator[Mutation]:
    for task in program.tasks():
        if task.when is not None:
            yield program.change(task.when.span, "run.date", "E811")


def secret_in_text(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        planted = '  task planted = print(f"the secret is {secret("TOKEN")}")'
        yield program.plant(program.end_of(dag), planted, 'secret("TOKEN")', "E8")


def written_password(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        planted = '  task planted = print("postgres://me:hunter22@db/shop")'
        yield program.plant(program.end_of(dag), planted, "hunter22", "W820")
        planted = '  task planted = empty() { env = {"DB_PASSWORD": "hunter22"} }'
        yield program.plant(program.end_of(dag), planted, '"hunter22"', "W820")


def cannot_be_embedded(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        planted = "  task planted = print(1.5 / 0)"
        yield program.plant(program.end_of(dag), planted, "1.5 / 0", "E604")
        planted = "  task planted = print(9000000000000000000 * 9000000000000000000)"
        yield program.plant(program.end_of(dag), planted, "9000000000000000000 * 9000000000000000000", "E604")


MUTATORS_OF_MEANING: tuple[Mutator, ...] = (
    no_module,
    no_attribute,
    not_callable,
    missing_argument,
    unknown_argument,
    repeated_argument,
    too_many_arguments,
    wrong_argument,
    perhaps_none,
    no_output,
    no_such_field,
    no_list,
    no_member,
    fan_out_over_no_list,
    wrong_default,
    no_default,
    bad_cron,
    bad_interval,
    unknown_zone,
    ends_before_start,
    too_slow,
    constant_condition,
    no_condition,
    secret_in_text,
    written_password,
    cannot_be_embedded,
)
