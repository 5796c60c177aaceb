"""Families, groups, templates and handlers as the spec has them: every member, every edge, every id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from ppacer import spec
from ppacer.spec import At
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import has_errors
from ppc.parse import parse
from ppc.source import Source

Lower = Callable[[str], spec.Program]


@pytest.fixture
def lower(finder: CallableFinder) -> Lower:
    """The program of one text, in which nothing is refused for what the runtime cannot do; warnings are no matter."""

    def lower(text: str) -> spec.Program:
        source = Source("sales.ppd", text)
        module, faults = parse(source)
        program, found = compile_program("sales", [(source, module)], callables=finder, faults=faults)
        assert not has_errors(found), [(fault.code, fault.message) for fault in found]
        assert program is not None
        return program

    return lower


@pytest.fixture
def tasks_of(lower: Lower) -> Callable[[str], dict[str, spec.Task]]:
    return lambda text: {task.id: task for task in lower(text).dags[0].tasks}


TasksOf = Callable[[str], dict[str, spec.Task]]


def edges(tasks: dict[str, spec.Task]) -> set[tuple[str, str]]:
    return {(parent, task.id) for task in tasks.values() for parent in task.parents}


def values(exprs: tuple[spec.Expr, ...]) -> list[object]:
    return [expr.value if isinstance(expr, spec.Literal) else expr for expr in exprs]


def outputs(expr: spec.Expr) -> list[str]:
    """The tasks whose outputs a list holds."""
    assert isinstance(expr, spec.ListOf | spec.Concat)
    return [item.task for item in expr.items if isinstance(item, spec.Output | spec.Outputs)]


# --- families that are known at build time ---------------------------------------------------------------------------


def test_a_family_has_one_task_for_each_element_in_order(tasks_of: TasksOf) -> None:
    tasks = tasks_of('let regions = ["eu", "us"]\ndag d {\n  task raw[region in regions] = print(region, 1)\n}')
    assert list(tasks) == ['raw["eu"]', 'raw["us"]']
    assert [values(task.args) for task in tasks.values()] == [["eu", 1], ["us", 1]]
    assert {task.at for task in tasks.values()} == {At(3, 8)}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ('"eu"', '"eu"'),
        ('"a \\"b\\" \\\\ c"', '"a \\"b\\" \\\\ c"'),
        ('"tab\\t, line\\n"', '"tab\\t, line\\n"'),
        ('"żółw"', '"żółw"'),
        ("3", "3"),
        ("-3", "-3"),
        ("true", "true"),
        ("2026-01-31", "2026-01-31"),
        ('f"{1 + 1}"', '"2"'),
    ],
)
def test_a_member_is_named_by_its_key(tasks_of: TasksOf, written: str, key: str) -> None:
    tasks = tasks_of(f'dag d {{ task a[x in [{written}]] = shell(f"{{x}}")\n  task b = print(a[{written}]) }}')
    assert list(tasks) == [f"a[{key}]", "b"]
    assert tasks["b"].parents == (f"a[{key}]",)


def test_keys_of_other_types_are_other_keys(tasks_of: TasksOf) -> None:
    tasks = tasks_of('dag d { task a[x in [1, "1", true, "true"]] = shell(f"{x}")\n  task b = print(a[1], a["1"]) }')
    assert list(tasks) == ["a[1]", 'a["1"]', "a[true]", 'a["true"]', "b"]
    assert tasks["b"].parents == ("a[1]", 'a["1"]')


def test_a_product_goes_row_by_row(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "let days = [2026-01-01, 2026-01-02]\n"
        'dag d {\n  task t[region in ["eu", "us"], day in days] = shell(f"{region}{day}")\n'
        '  task one = print(t["us", 2026-01-01])\n  task row = print(t["eu", *])\n'
        "  task column = print(t[*, 2026-01-02])\n  task all = print(t[*], t[*, *])\n}"
    )
    members = ['t["eu", 2026-01-01]', 't["eu", 2026-01-02]', 't["us", 2026-01-01]', 't["us", 2026-01-02]']
    assert [task for task in tasks if task.startswith("t[")] == members
    assert tasks["one"].args == (spec.Output(members[2], At(4, 20)),)
    assert outputs(tasks["row"].args[0]) == members[:2]
    assert outputs(tasks["column"].args[0]) == members[1::2]
    assert [outputs(expr) for expr in tasks["all"].args] == [members, members]


def test_a_later_list_may_depend_on_an_earlier_variable(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'let shops = {"eu": ["paris", "rome"], "us": ["boston"]}\n'
        'dag d {\n  task t[region in ["eu", "us"], shop in shops[region]] = shell(f"{region} {shop}")\n'
        '  task sum = print(t["eu", *], t[*])\n}'
    )
    assert list(tasks)[:3] == ['t["eu", "paris"]', 't["eu", "rome"]', 't["us", "boston"]']
    assert [len(outputs(expr)) for expr in tasks["sum"].args] == [2, 3]


def test_members_may_name_members(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'from shop.etl import clean, extract\nlet regions = ["eu", "us"]\ndag d {\n'
        "  task raw[region in regions] = extract(region)\n  task tidy[r in regions] = clean(raw[r])\n"
        "  task after_raw[r in regions] = empty() { after = raw[r] }\n"
        '  task many = empty() { after = [raw["eu"], tidy] }\n}'
    )
    assert edges(tasks) == {
        ('raw["eu"]', 'tidy["eu"]'),
        ('raw["us"]', 'tidy["us"]'),
        ('raw["eu"]', 'after_raw["eu"]'),
        ('raw["us"]', 'after_raw["us"]'),
        ('raw["eu"]', "many"),
        ('tidy["eu"]', "many"),
        ('tidy["us"]', "many"),
    }


def test_settings_may_differ_by_member(tasks_of: TasksOf) -> None:
    tasks = tasks_of('dag d { task a[n in [1, 2]] = print(n) { retries = n, doc = f"The {n}." } }')
    assert [(task.retries, task.doc) for task in tasks.values()] == [(1, "The 1."), (2, "The 2.")]


def test_a_bare_family_in_an_edge_means_all_its_members(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "dag d { task a = empty()\n  task b[n in [1, 2]] = print(n)\n  task c = empty()\n  a -> b -> c\n  b[*] -> e\n"
        "  task e = empty()\n}"
    )
    assert edges(tasks) == {("a", "b[1]"), ("a", "b[2]"), ("b[1]", "c"), ("b[2]", "c"), ("b[1]", "e"), ("b[2]", "e")}


def test_an_empty_family_leaves_the_order_around_it(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "let none_today = []\ndag d { task a = empty()\n  task b[n in none_today] = shell(n)\n"
        "  task c[n in none_today] = shell(n)\n  task e = print(b[*])\n  a -> b -> c -> e\n}"
    )
    assert edges(tasks) == {("a", "e")}
    assert tasks["e"].args == (spec.ListOf((), At(5, 18)),)


# --- families that are made at run time ------------------------------------------------------------------------------


def test_a_list_that_is_an_output_makes_a_family_at_run_time(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'from shop.etl import clean, extract\ndag d {\n  task files = extract("eu")\n'
        "  task check[f in files] = extract(f.region)\n  task again[x in files] = clean(check[x])\n"
        "  task all = print(check[*], again[*])\n}"
    )
    files = spec.Output("files", At(4, 19))
    assert tasks["check"].fan_out == spec.FanOut("f", files)
    assert tasks["check"].args == (spec.Attribute(spec.LoopVariable("f", At(4, 36)), "region", At(4, 36)),)
    assert tasks["check"].parents == ("files",)
    assert tasks["again"].fan_out == spec.FanOut("x", spec.Output("files", At(5, 19)), pairwise=("check",))
    assert tasks["again"].args == (spec.OutputAt("check", At(5, 34)),)
    assert tasks["again"].parents == ("files", "check")
    assert tasks["all"].args == (spec.Outputs("check", At(6, 20)), spec.Outputs("again", At(6, 30)))


def test_who_takes_one_and_all_waits_for_all(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'dag d { task files = shell("ls", output = "json")\n  task a[f in files] = shell(f)\n'
        "  task b[f in files] = print(a[f], a[*])\n  task c[f in files] = empty() { after = a[f] }\n}"
    )
    b, c = tasks["b"].fan_out, tasks["c"].fan_out
    assert b is not None
    assert c is not None
    assert (b.pairwise, c.pairwise) == ((), ("a",))


def test_the_last_list_of_a_product_may_be_known_at_run_time(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'from shop.etl import extract\nlet regions = ["eu", "us"]\ndag d {\n  task raw[r in regions] = extract(r)\n'
        "  task row[r in regions, x in raw[r]] = extract(x.region)\n"
        "  task next[r in regions, x in raw[r]] = print(row[r, x])\n"
        '  task all = print(row[*], row["eu", *])\n}'
    )
    assert [task for task in tasks if task.startswith("row")] == ['row["eu"]', 'row["us"]']
    assert tasks['row["eu"]'].fan_out == spec.FanOut("x", spec.Output('raw["eu"]', At(5, 31)))
    assert tasks['next["us"]'].args == (spec.OutputAt('row["us"]', At(6, 48)),)
    whole, part = tasks["all"].args
    assert isinstance(whole, spec.Concat)
    assert outputs(whole) == ['row["eu"]', 'row["us"]']
    assert part == spec.Outputs('row["eu"]', At(7, 28))


def test_the_list_may_be_any_value_of_the_run(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'dag d { param names: list[str] = ["a"]\n  task a[n in params.names] = shell(n)\n'
        '  task b[n in a[*]] = print(n)\n  task c[n in [run.id, "x"]] = print(n)\n}'
    )
    overs = [task.fan_out.over for task in tasks.values() if task.fan_out is not None]
    assert [type(over) for over in overs] == [spec.ParamValue, spec.Outputs, spec.ListOf]


# --- groups and templates --------------------------------------------------------------------------------------------


def test_a_group_is_a_part_of_the_ids_and_of_the_program(lower: Lower) -> None:
    dag = lower(
        'dag d {\n  task first = empty()\n  group load {\n    """Loads."""\n    task raw = shell("x")\n'
        '    group deep { task tidy = print(raw, first_of)\n      task first_of = shell("y") }\n  }\n'
        "  first -> load\n  task last = print(load.raw)\n  load.deep.tidy -> last\n}"
    ).dags[0]
    tasks = {task.id: task for task in dag.tasks}
    assert edges(tasks) == {
        ("first", "load.raw"),
        ("first", "load.deep.first_of"),
        ("load.raw", "load.deep.tidy"),
        ("load.deep.first_of", "load.deep.tidy"),
        ("load.raw", "last"),
        ("load.deep.tidy", "last"),
    }
    assert dag.groups == (spec.Group("load", At(3, 9), doc="Loads."), spec.Group("load.deep", At(6, 11)))


def test_the_ends_of_a_group_are_found_through_data_and_inner_groups(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'dag d {\n  group north {\n    group one { task a = shell("a") }\n    group two { task b = empty()\n'
        '      task c = empty() }\n    one -> two\n  }\n  group south { task e = shell("e")\n    task f = print(e) }\n'
        "  north -> south\n}"
    )
    assert edges(tasks) == {
        ("north.one.a", "north.two.b"),
        ("north.one.a", "north.two.c"),
        ("north.two.b", "south.e"),
        ("north.two.c", "south.e"),
        ("south.e", "south.f"),
    }


def test_an_edge_from_outside_into_a_group_counts_inside_it_when_both_ends_are(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "dag d {\n  group g { task a = empty()\n    task b = empty() }\n  task before = empty()\n"
        "  before -> g\n  g.a -> g.b\n}"
    )
    assert edges(tasks) == {("before", "g.a"), ("g.a", "g.b")}


def test_a_template_is_written_out_for_each_use(lower: Lower) -> None:
    program = lower(
        'template copy(table: str, keep: bool = true) {\n  """Copies."""\n  task dump = shell(f"dump {table}")\n'
        "  task load = print(dump, keep)\n}\n"
        'dag d {\n  group one = copy("a b")\n  group two = copy(keep = false, table = "c")\n  one -> two\n}'
    )
    tasks = {task.id: task for task in program.dags[0].tasks}
    assert values(tasks["one.dump"].args) == ["dump 'a b'"]
    assert values(tasks["two.load"].args)[1] is False
    assert edges(tasks) == {("one.dump", "one.load"), ("one.load", "two.dump"), ("two.dump", "two.load")}
    assert program.dags[0].groups == (
        spec.Group("one", At(7, 9), "Copies.", "copy"),
        spec.Group("two", At(8, 9), "Copies.", "copy"),
    )


def test_an_output_given_to_a_template_makes_edges_where_it_is_used(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "template each(rows: json, note: str) {\n  task start = empty()\n  task one[row in rows] = print(row, note)\n"
        "  group inner = deeper(rows)\n}\ntemplate deeper(xs: json) { task use = print(xs) }\n"
        'dag d {\n  task files = shell("ls", output = "json")\n  task other = shell("x")\n'
        '  group g = each(files.rows, f"{other}")\n}'
    )
    assert edges(tasks) == {("files", "g.one"), ("other", "g.one"), ("files", "g.inner.use")}
    assert tasks["g.one"].fan_out is not None
    assert tasks["g.one"].fan_out.over == spec.Attribute(spec.Output("files", At(10, 18)), "rows", At(10, 18))


def test_a_family_of_groups_has_keys_in_its_ids(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'let regions = ["eu", "us"]\ntemplate load(region: str, tables: list[str]) {\n'
        '  task raw[table in tables] = shell(f"{region} {table}")\n  task done = print(raw[*])\n}\n'
        'dag d {\n  group load[r in regions] = load(r, ["a", "b"])\n  task end = print(load["eu"].raw["b"])\n'
        '  load["us"].done -> end\n}'
    )
    assert 'load["eu"].raw["a"]' in tasks
    assert set(tasks["end"].parents) == {'load["eu"].raw["b"]', 'load["us"].done'}


def test_the_tasks_of_all_members_of_a_family_of_groups_make_a_list(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "template load(region: str) { task raw = shell(region) }\n"
        'dag d {\n  group load[r in ["eu", "us"]] = load(r)\n  task end = print(load[*].raw)\n}'
    )
    assert outputs(tasks["end"].args[0]) == ['load["eu"].raw', 'load["us"].raw']


def test_tasks_of_a_template_take_the_defaults_of_the_dag_that_uses_it(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "template copy() { task one = empty()\n  task two = empty() { retries = 1 } }\n"
        "dag d {\n  defaults { retries = 7 }\n  group g = copy()\n}"
    )
    assert (tasks["g.one"].retries, tasks["g.two"].retries) == (7, 1)


# --- handlers --------------------------------------------------------------------------------------------------------


def test_handlers_come_after_the_other_tasks(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        "dag d {\n  finally { task drop = print(page) }\n"
        '  on failure {\n    task page = shell(f"{store} {run.status}")\n'
        "    task more = empty()\n    page -> more\n  }\n  on success { task cheer = empty() }\n"
        '  task raw = shell("x")\n  task store = shell(raw)\n}'
    )
    assert list(tasks) == ["raw", "store", "page", "more", "cheer", "drop"]
    assert {task.id: task.handler.value for task in tasks.values()} == {
        "raw": "none",
        "store": "none",
        "page": "failure",
        "more": "failure",
        "cheer": "success",
        "drop": "finally",
    }
    assert edges(tasks) == {("raw", "store"), ("page", "more")}
    assert [tasks[name].x for name in ("raw", "store", "page", "more", "cheer", "drop")] == [0, 1, 2, 3, 2, 4]


# --- the rest of a program -------------------------------------------------------------------------------------------


def test_params_notifiers_pools_and_labels(lower: Lower) -> None:
    program = lower(
        'notifier ops = apprise(env("OPS_URL"), secret("MORE"))\npool warehouse { slots = 4 }\nlabel gpu\n'
        'dag d {\n  notify = ops\n  param day: date = 2026-01-01\n  param names: list[choice("a", "b")]?\n'
        "  task a = print(params.day, params.names) { pool = warehouse, runs_on = gpu }\n}"
    )
    assert program.notifiers == (
        spec.Notifier(
            "ops",
            "ppacer.notifiers:apprise",
            At(1, 10),
            (spec.Env("OPS_URL", At(1, 24)), spec.Secret("MORE", At(1, 40))),
        ),
    )
    assert program.pools == (spec.Pool("warehouse", 4, At(2, 6)),)
    assert program.labels == ("gpu",)
    assert [callable_.id for callable_ in program.callables] == [
        "ppacer.notifiers:apprise",
        "ppacer.tasks.builtin:print_",
    ]
    day, names = program.dags[0].params
    assert day == spec.Param(
        "day", spec.ParamType(spec.ParamKind.DATE), At(6, 9), spec.Literal(date(2026, 1, 1), At(6, 21))
    )
    choice = spec.ParamType(spec.ParamKind.CHOICE, choices=("a", "b"))
    assert names.type == spec.ParamType(spec.ParamKind.LIST, optional=True, of=choice)
    assert program.dags[0].tasks[0].args[0] == spec.ParamValue("day", At(8, 18))


def test_when_and_secrets(tasks_of: TasksOf) -> None:
    tasks = tasks_of(
        'let name = "TOKEN"\ndag d {\n  task raw = shell("x", output = "json")\n'
        '  task mail = print(secret(name), env("HOME", "/")) when raw.rows > 0\n}'
    )
    when = tasks["mail"].when
    assert isinstance(when, spec.Binary)
    assert when.operator is spec.BinaryOperator.GREATER
    assert tasks["mail"].parents == ("raw",)
    assert tasks["mail"].args == (
        spec.Secret("TOKEN", At(4, 21)),
        spec.Env("HOME", At(4, 35), spec.Literal("/", At(4, 47))),
    )


def test_templates_that_nobody_uses_are_in_no_program(lower: Lower) -> None:
    program = lower("template copy(x: str) { task one = print(x) }\ndag d { task a = empty() }")
    assert [dag.id for dag in program.dags] == ["d"]
