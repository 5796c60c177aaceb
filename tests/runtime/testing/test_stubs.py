"""What may stand in for a task, and for which."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from unittest.mock import Mock

import pytest

from ppacer import TaskContext
from ppacer.deferral import defer
from ppacer.testing import (
    UNKNOWN,
    Pipeline,
    PipelineError,
    fails,
    in_turn,
    lost,
    real,
    takes,
    times_out,
)


def called() -> list[str]:
    """What the real tasks were called with since the module was imported."""
    module = sys.modules.get("flow_tasks")
    return [] if module is None else module.CALLS


# --- what a stub may be ----------------------------------------------------------------------------------------------


def test_a_value_is_the_output(flows: Pipeline) -> None:
    result = flows.run("sales", tasks={"raw": [1], "store": {"rows": 3}})
    assert result["store"].args == ([[1], [1], [1]],)
    assert result["store"].kwargs == {"color": "red", "wait": timedelta(hours=1)}
    assert result["orders.dump"].status == "success"
    assert called() == []


def test_none_is_a_value_too(flows: Pipeline) -> None:
    assert flows.run("families", tasks={"files": ["x"], "check": None})["sum"].args == ([None],)


def test_a_callable_is_called_with_the_arguments(flows: Pipeline) -> None:
    def store(parts: list[list[int]], color: str, wait: timedelta, context: TaskContext) -> dict[str, object]:
        return {"rows": len(parts), "color": color, "wait": wait, "task": context.task, "attempt": context.attempt}

    result = flows.run("sales", tasks={"raw": lambda region, day: [day, region], "store": store})
    assert result['raw["us"]'].output == [date(2025, 12, 31), "us"]
    assert result["store"].output == {
        "rows": 3,
        "color": "red",
        "wait": timedelta(hours=1),
        "task": "store",
        "attempt": 1,
    }


def test_the_arguments_are_rebuilt_to_the_annotations_of_the_callable(flows: Pipeline) -> None:
    seen = []

    def check(file: set[str]) -> None:
        seen.append(file)

    flows.run("families", tasks={"files": [["a", "b"]], "check": check, "mend": None, "sum": None})
    assert seen == [{"a", "b"}]


def test_a_mock_is_a_callable(flows: Pipeline) -> None:
    extract = Mock(return_value=[7])
    result = flows.run("sales", tasks={"raw": extract, "store": {"rows": 0}})
    assert [call.args for call in extract.call_args_list] == [
        (region, date(2025, 12, 31)) for region in ("eu", "us", "apac")
    ]
    assert result["store"].args == ([[7], [7], [7]],)


def test_a_coroutine_and_a_class_are_callables(flows: Pipeline) -> None:
    async def one(value: int) -> int:
        return value * 10

    class Two:
        def __init__(self, first: int) -> None:
            self.first = first

        def __call__(self) -> int:
            return self.first * 2

    result = flows.run("kinds", tasks={"coroutine": one, "object": Two, "*": None})
    assert (result["coroutine"].output, result["object"].output) == (10, 80)


def test_what_a_callable_raises_fails_the_task(flows: Pipeline) -> None:
    def check(file: str) -> None:
        raise LookupError(file)

    result = flows.run("families", tasks={"check": check})
    error = result["check[1]"].error or ""
    assert error.startswith("Traceback (most recent call last):\n")
    assert "    raise LookupError(file)\nLookupError: b.csv\ntask check[1] (b.csv) of dag families (flows.ppd:" in error
    assert "runtime/ppacer" not in error


def test_a_callable_may_defer(flows: Pipeline) -> None:
    def wait(context: TaskContext) -> object:
        if context.part == 0:
            defer(timedelta(minutes=5), state="half")
        return context.state

    result = flows.run("waits", tasks={"poll": wait, "*": None})
    assert (result["poll"].output, result.took) == ("half", timedelta(minutes=5))


def test_fails_takes_a_text_or_an_exception(flows: Pipeline, where: Callable[[str, str], str]) -> None:
    result = flows.run("triggers", tasks={"good": fails("no route"), "bad": fails(ValueError("bad value"))})
    assert result["good"].error == f"no route\n{where('triggers', 'good')}"
    assert result["bad"].error == f"ValueError: bad value\n{where('triggers', 'bad')}"


def test_in_turn_gives_one_to_each_attempt_and_the_last_to_all_that_follow(flows: Pipeline) -> None:
    result = flows.run("retries", tasks={"flaky": in_turn(lost(), fails("a"), fails("b")), "grows": 1})
    assert [one.status.value for one in result["flaky"].tries] == ["lost", "failed", "failed", "failed", "failed"]
    assert [(one.error or "").splitlines()[0] for one in result["flaky"].tries[1:]] == ["a", "b", "b", "b"]


def test_each_member_has_its_own_turns(flows: Pipeline) -> None:
    result = flows.run("sales", tasks={"raw": in_turn([1], fails()), "store": {"rows": 0}})
    assert set(result.statuses("raw").values()) == {"success"}


def test_takes_and_in_turn_may_hold_each_other(flows: Pipeline) -> None:
    stub = in_turn(takes("5m", fails()), takes("1m", takes("1m", lambda: 3)))
    result = flows.run("retries", tasks={"flaky": stub, "grows": 1})
    assert (result["flaky"].output, result.took) == (3, timedelta(minutes=5 + 10 + 2))


def test_real_makes_an_exception_from_a_name_that_says_less(flows: Pipeline) -> None:
    result = flows.run("families", tasks={"*": None, "files": real(), "check": real()})
    assert result.statuses("check") == {"check[0]": "success", "check[1]": "failed", "check[2]": "success"}
    assert result["sum"].output is None


def test_stub_rest_runs_nothing(flows: Pipeline) -> None:
    result = flows.run("sales", stub_rest=True, params={"full": True}, tasks={"store": {"rows": 1}})
    assert result.status == "success"
    assert called() == []
    assert flows.run("parent", stub_rest=True, tasks={"child": real(), "tell": None}).runs[0].took == timedelta(0)


# --- names -----------------------------------------------------------------------------------------------------------


def test_the_name_that_says_most_counts(flows: Pipeline) -> None:
    result = flows.run(
        "sales", tasks={'raw["us"]': [1], "*": {"rows": 0}, "raw": [2], "orders.*": "in", "orders.dump": "dump"}
    )
    assert {task.id: task.output for task in result.tasks.values()} == {
        'raw["eu"]': [2],
        'raw["us"]': [1],
        'raw["apac"]': [2],
        "store": {"rows": 0},
        "mail": None,
        "orders.dump": "dump",
        "orders.upload": "in",
    }


@pytest.mark.parametrize(
    ("stubs", "message"),
    [
        ({"stor": 1}, "dag sales has no task `stor`; did you mean `store`?"),
        ({"raws": 1}, "dag sales has no task `raws`; did you mean `raw`?"),
        ({'raw["uk"]': 1}, 'dag sales has no task `raw["uk"]`; did you mean `raw["us"]`?'),
        ({"order.*": 1}, "dag sales has no task `order.*`; did you mean `orders.*`?"),
        ({"orders": 1}, "dag sales has no task `orders`; did you mean `orders.*`?"),
        ({"store[0]": 1}, "dag sales has no task `store[0]`; did you mean `store`?"),
        ({"": 1}, "dag sales has no task ``"),
        ({"store": object()}, "the stub of `store` is no output of a task: a value of type object has no JSON form"),
        (
            {"store": in_turn(1, {2})},
            "the stub of `store` is no output of a task: a value of type set has no JSON form",
        ),
        ({"store": ValueError("x")}, "the stub of `store` is an exception: fails(…) has the task fail with it"),
        ({"store": ValueError}, "the stub of `store` is an exception: fails(…) has the task fail with it"),
        ({"raw": [fails(), 1]}, "the stub of `raw` is a value with stubs in it: in_turn(…) takes one per attempt"),
        ({"raw": {"a": (real(),)}}, "the stub of `raw` is a value with stubs in it: in_turn(…) takes one per attempt"),
    ],
)
def test_what_is_no_stub_is_told_before_anything_runs(flows: Pipeline, stubs: dict[str, object], message: str) -> None:
    with pytest.raises(PipelineError) as told:
        flows.run("sales", tasks=stubs)
    assert str(told.value) == message
    assert called() == []


def test_keys_of_all_kinds_are_names(build: Callable[..., Pipeline]) -> None:
    keys = r"""["a]b", "q\"q", "back\\slash", "żółw", "a, b", "x.y", "", " ", "*", "tab\t", "[", "two\nlines"]"""
    pipeline = build(
        f"dag d {{\n  task t[k in {keys}] = print(k)\n  task n[k in [-1, 20]] = print(k)\n"
        "  task f[k in [true, false]] = print(k)\n  task s[k in [2026-01-01]] = print(k)\n}"
    )
    ids = [task.id for task in pipeline.program.dags[0].tasks]
    result = pipeline.run("d", tasks={task: number for number, task in enumerate(ids)})
    assert [result[task].output for task in ids] == [*range(12 + 2 + 2 + 1)]
    assert {task.output for task in pipeline.run("d", tasks={"*": "x"}).tasks.values()} == {"x"}
    assert len(result.statuses("t[*]")) == 12


def test_a_stub_for_a_member_that_there_is_not_is_told(flows: Pipeline) -> None:
    with pytest.raises(
        PipelineError, match=r"the stub of `check\[3\]` stands for no member of the family: .* `check\[2\]`"
    ):
        flows.run("families", tasks={"check[3]": 1})
    with pytest.raises(PipelineError, match=r'`check\["d\.csv"\]` stands for no member'):
        flows.run("families", tasks={'check["d.csv"]': 1})
    with pytest.raises(PipelineError, match="it is empty"):
        flows.run("families", tasks={"files": [], "check[0]": 1})
    assert flows.run("families", tasks={"files": [], "check[*]": 1}).status == "success"
    assert flows.run("families", tasks={"files": fails(), "check[3]": 1}).status == "failed"


def test_other_things_that_there_are_not(flows: Pipeline) -> None:
    with pytest.raises(PipelineError, match="there is no dag `sale`; did you mean `sales`"):
        flows.run("sale")
    with pytest.raises(PipelineError, match="dags: there is no dag `chil`; did you mean `child`"):
        flows.run("parent", dags={"chil": None})
    with pytest.raises(PipelineError, match="dags: the stub of dag child is a mapping"):
        flows.run("parent", dags={"child": 7})  # type: ignore[dict-item]
    with pytest.raises(PipelineError, match="dag child has no task `coun`; did you mean `count`"):
        flows.run("parent", dags={"child": {"coun": 1}})
    with pytest.raises(PipelineError, match="the stubs of dag parent, which is run itself, are its `tasks`"):
        flows.run("parent", dags={"parent": {}})


@pytest.mark.parametrize(
    "given", [{"dag": "nosuch"}, {"dag": "kinds", "tasks": {"nosuch": 1}}, {"dag": "kinds", "params": {"x": 1}}]
)
def test_pytest_shows_a_fault_of_the_test_at_its_line_alone(flows: Pipeline, given: dict[str, object]) -> None:
    with pytest.raises(PipelineError) as told:
        flows.run(**{"dag": "kinds", **given})
    assert [entry.name for entry in told.traceback.filter(told)] == [sys._getframe().f_code.co_name]
    assert told.value.__cause__ is None


def test_what_is_given_in_the_wrong_form(flows: Pipeline) -> None:
    with pytest.raises(PipelineError, match="parameter day of dag sales takes a date"):
        flows.run("sales", params={"day": "tomorrow"})
    with pytest.raises(PipelineError, match="dag sales has no parameter days"):
        flows.run("sales", params={"days": 1})
    with pytest.raises(PipelineError, match="at: 'noon' is no time such as"):
        flows.run("sales", at="noon")
    with pytest.raises(PipelineError, match="previous: 7 is no time"):
        flows.run("sales", previous=7)  # type: ignore[arg-type]
    with pytest.raises(PipelineError, match="cancel_after: soon is no duration"):
        flows.run("sales", cancel_after="soon")
    with pytest.raises(PipelineError, match="takes: -1 h is no duration"):
        takes("-1 h")
    with pytest.raises(PipelineError, match="in_turn"):
        in_turn()
    with pytest.raises(PipelineError, match="takes: -1 day, 23:00:00 is negative"):
        takes("-1h")


def test_what_has_no_time_out_cannot_time_out(flows: Pipeline) -> None:
    with pytest.raises(PipelineError, match=r"times_out\(\): there is no time-out: task work of dag late"):
        flows.run("late", tasks={"work": times_out()})


# --- what a stubbed task does not need -------------------------------------------------------------------------------


def test_a_stub_needs_no_secret_or_variable(flows: Pipeline) -> None:
    assert flows.run("around", tasks={"there": 1})["there"].args == (UNKNOWN,)
    seen = Mock(return_value=None)
    assert flows.run("around", tasks={"there": seen})["there"].status == "success"
    seen.assert_called_once_with(UNKNOWN)


def test_a_stub_needs_no_folder(build: Callable[..., Pipeline]) -> None:
    pipeline = build('dag d { task t = print("x") { cwd = "nowhere" } }')
    assert pipeline.run("d", tasks={"t": Mock(return_value=1)})["t"].output == 1


def test_secrets_that_are_given_are_among_the_arguments(flows: Pipeline) -> None:
    seen = Mock(return_value=None)
    assert flows.run("around", tasks={"there": seen}, secrets={"TOKEN": "abcdef"})["there"].args == ("abcdef",)
    seen.assert_called_once_with("abcdef")


def test_the_compiler_and_the_services_are_not_imported() -> None:
    unwanted = ("ppc", "ppd", "lark", "jinja2", "sqlalchemy", "tornado", "croniter")
    code = f"import sys, ppacer.testing; print(*(name for name in {unwanted!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
