"""Runs of dags in this process: what is run, with what, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ppacer.testing import (
    Pipeline,
    RunResult,
    fails,
    in_turn,
    takes,
)

WARSAW = ZoneInfo("Europe/Warsaw")


def told(result: RunResult) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return [(alert.event.value, alert.task, alert.notifiers) for alert in result.alerts]


# --- data ------------------------------------------------------------------------------------------------------------


def test_real_tasks_get_what_others_return_rebuilt_to_their_annotations(flows: Pipeline) -> None:
    result = flows.run("sales", at="2026-01-02T02:15", params={"full": True})
    assert result.status == "success"
    assert result['raw["eu"]'].output == [1, 2]
    assert result["store"].output == {"path": Path("out/RED"), "rows": 11, "day": date(2026, 1, 2)}
    assert result["mail"].output == "Load 11"
    assert result.order == ('raw["eu"]', 'raw["us"]', 'raw["apac"]', "store", "mail", "orders.dump", "orders.upload")


def test_the_planned_time_is_in_the_zone_of_the_dag(flows: Pipeline) -> None:
    result = flows.run("sales", at="2026-01-02T02:15")
    assert result.at == result.started_at == datetime(2026, 1, 2, 2, 15, tzinfo=WARSAW)
    assert flows.run("sales", at=datetime(2026, 1, 2, 1, 15, tzinfo=UTC)).at == result.at
    assert flows.run("sales", at=date(2026, 1, 2)).at == datetime(2026, 1, 2, tzinfo=WARSAW)
    assert flows.run("sales").at == datetime(2026, 1, 1, tzinfo=WARSAW)


def test_params_are_given_or_have_their_defaults(flows: Pipeline) -> None:
    assert flows.run("sales", at="2026-03-01").params == {"full": False, "day": date(2026, 2, 28)}
    assert flows.run("sales", params={"day": "2026-01-31"})['raw["us"]'].args == ("us", date(2026, 1, 31))


def test_the_context_tells_of_the_run(flows: Pipeline) -> None:
    result = flows.run("around", at="2026-01-02T02:15", previous="2026-01-01T02:15", secrets={"TOKEN": "secret"})
    known = result["know"].output
    assert isinstance(known, dict)
    assert known["at"] == datetime(2026, 1, 2, 2, 15, tzinfo=UTC)
    assert known["previous"] == datetime(2026, 1, 1, 2, 15, tzinfo=UTC)
    assert (known["id"], known["dag"], known["task"], known["attempt"]) == (result.id, "around", "know", 1)


def test_coroutines_objects_and_commands(flows: Pipeline) -> None:
    result = flows.run("kinds")
    assert result["coroutine"].output == 2
    assert result["object"].output == 41
    assert result["shell"].output == "7"


# --- rules -----------------------------------------------------------------------------------------------------------


def test_a_task_whose_condition_is_false_is_skipped(flows: Pipeline) -> None:
    result = flows.run("sales")
    assert (result["mail"].status, result["mail"].reason) == ("skipped", "its `when` is false")
    assert result.status == "success"


def test_a_condition_sees_what_a_stub_returns(flows: Pipeline) -> None:
    result = flows.run("sales", params={"full": True}, tasks={"store": {"rows": 0}})
    assert result["mail"].status == "skipped"


def test_triggers(flows: Pipeline) -> None:
    assert flows.run("triggers").statuses() == {
        "good": "success",
        "bad": "failed",
        "rescue": "success",
        "never": "skipped",
        "always": "success",
        "tidy": "success",
    }
    assert flows.run("triggers", tasks={"bad": 1}).statuses("rescue") == {"rescue": "skipped"}
    assert flows.run("triggers", tasks={"good": fails()}).statuses("never") == {"never": "success"}


def test_handlers_follow_the_outcome(flows: Pipeline) -> None:
    failed = flows.run("handled")
    assert failed.statuses() == {
        "work": "failed",
        "next": "upstream_failed",
        "tell": "skipped",
        "call": "success",
        "drop": "failed",
    }
    assert failed["call"].output == "failed: work"
    assert failed.status == "failed"
    good = flows.run("handled", tasks={"work": 1})
    assert good.statuses() == {
        "work": "success",
        "next": "success",
        "tell": "success",
        "call": "skipped",
        "drop": "failed",
    }
    assert good.status == "success"


# --- families --------------------------------------------------------------------------------------------------------


def test_a_family_is_made_when_its_list_is_known(flows: Pipeline) -> None:
    result = flows.run("families")
    assert result.statuses() == {
        "files": "success",
        "check[0]": "success",
        "check[1]": "failed",
        "check[2]": "success",
        "mend[0]": "success",
        "mend[1]": "upstream_failed",
        "mend[2]": "success",
        "sum": "success",
    }
    check = result["check"]
    assert (check.status, check.members, check.output) == ("failed", ("check[0]", "check[1]", "check[2]"), [5, None, 5])
    assert [result[member].label for member in check.members or ()] == ["a.csv", "b.csv", "c.csv"]
    assert result["mend[2]"].output == "c.csv:5"
    assert result["sum"].args == ([5, None, 5],)


def test_an_empty_family_succeeds(flows: Pipeline) -> None:
    result = flows.run("families", tasks={"files": []})
    assert result.statuses() == {"files": "success", "check": "success", "mend": "success", "sum": "success"}
    assert (result["check"].members, result["check"].output) == ((), [])


def test_members_have_stubs_by_position_value_and_key(flows: Pipeline) -> None:
    checked = flows.run("families", tasks={"check": 1, "check[0]": fails(), 'check["c.csv"]': 3})
    assert checked["check"].output == [None, 1, 3]
    looked = flows.run(
        "products", tasks={"look": "?", 'look["us"]': "us", 'look["us"][1]': "one", 'lists["eu"]': ["x"]}
    )
    assert [looked[f'look["{region}"]'].output for region in ("eu", "us", "apac")] == [
        ["?"],
        ["us", "one", "us"],
        ["?", "?", "?"],
    ]


def test_thousands_of_members_are_no_burden(flows: Pipeline) -> None:
    result = flows.run("families", tasks={"files": [f"{n}" for n in range(2_000)], "check": 1, "mend": None})
    assert result["sum"].output == 2_000
    assert len(result.statuses("check")) == 2_000


# --- runs of other dags ----------------------------------------------------------------------------------------------


def test_run_dag_runs_the_other_dag_too(flows: Pipeline) -> None:
    result = flows.run("parent", tasks={"tell": None}, dags={"child": {"think": takes("5m")}})
    assert result.status == "success"
    (child,) = result.runs
    assert (child.dag, child.status, child.params) == ("child", "success", {"n": 3})
    assert child["count"].args == (3,)
    assert result["child"].output == {"run": child.id, "status": "success"}
    assert result["tell"].args == ("success",)
    assert result.took == timedelta(minutes=5)


def test_a_child_is_cancelled_with_the_task_that_waits_for_it(flows: Pipeline) -> None:
    result = flows.run("parent")
    assert (result["child"].status, result.took) == ("failed", timedelta(minutes=10))
    (child,) = result.runs
    assert (child.status, child.reason) == ("cancelled", "cancelled by run_dag")
    assert child.statuses() == {"count": "success", "think": "cancelled"}


def test_runs_of_one_dag_wait_for_their_turn(flows: Pipeline) -> None:
    result = flows.run("asks", tasks={"nap": None}, dags={"asked": {"count": takes("5m"), "zero": takes("2m")}})
    assert (result.status, result.took) == ("success", timedelta(minutes=7))
    cut = flows.run("asks", dags={"asked": {"count": takes("5m")}}, cancel_after="1m")
    assert [(run.status, run.started_at is None) for run in cut.runs] == [("cancelled", False), ("cancelled", True)]
    assert cut.took == timedelta(minutes=1)


def test_a_run_that_is_cancelled_before_its_turn_is_in_nobodys_way(build: Callable[..., Pipeline]) -> None:
    source = """
        dag d {
          task first  = run_dag("other")
          task second = run_dag("other") { timeout = 1m }
          task third  = run_dag("other") { trigger = all_done }
          second -> third
        }
        dag other { task work = empty() }
    """
    result = build(source).run("d", dags={"other": {"work": takes("5m")}})
    assert result.statuses() == {"first": "success", "second": "failed", "third": "success"}
    assert [run.status for run in result.runs] == ["success", "cancelled", "success"]
    assert result.took == timedelta(minutes=10)


def test_the_other_dag_may_have_a_stub_as_a_whole(flows: Pipeline) -> None:
    good = flows.run("parent", dags={"child": None})
    assert good.status == "success"
    assert [(run.dag, run.status, run.statuses()) for run in good.runs] == [("child", "success", {})]
    bad = flows.run("parent", dags={"child": fails("no way")})
    assert (bad["child"].status, bad.runs[0].reason) == ("failed", "no way")
    assert bad["child"].error is not None
    assert "ended as failed: no way" in bad["child"].error


def test_a_child_with_wrong_parameters_fails_its_task(build: Callable[..., Pipeline]) -> None:
    module = """
from ppacer.deferral import Deferred, defer_to_run
from ppacer.protocol import RunRequest

def go(dag: str) -> None:
    defer_to_run(dag, {"n": "x"})

def list_(dag: str) -> None:
    raise Deferred(run=RunRequest(dag, params="[]"))
"""
    source = """
        import asks
        dag d {
          task a = asks.go("other")
          task b = asks.go("nowhere")
          task c = asks.list_("other")
        }
        dag other {
          param n: int
          task t = empty()
        }
    """
    result = build(source, asks=module).run("d")
    assert [result[task].tries[0].error_kind for task in ("a", "b", "c")] == ["run", "run", "run"]
    errors = [(result[task].error or "").splitlines()[0] for task in ("a", "b", "c")]
    assert errors == [
        'parameter n of dag other takes a whole number, not "x"',
        "there is no dag nowhere in this program",
        "the parameters of a run are a dict",
    ]


# --- what is told ----------------------------------------------------------------------------------------------------


def test_alerts_go_where_the_dag_says(flows: Pipeline) -> None:
    result = flows.run("retries", tasks={"flaky": in_turn(fails("no route"), fails("no road"), 1)})
    assert told(result) == [
        ("retry", "flaky", ("ops", "desk")),
        ("failure", "grows", ()),
        ("retry", "flaky", ("ops", "desk")),
        ("failure", None, ()),
    ]
    assert result.alerts[0].subject == "retries: flaky failed, to be tried again"
    assert "no route" in result.alerts[0].message
    assert result.alerts[2].at == result.at + timedelta(minutes=10)


def test_an_alert_has_the_words_of_its_author(flows: Pipeline) -> None:
    result = flows.run("late", at="2026-01-02", tasks={"work": fails()})
    assert [alert.message for alert in result.alerts] == ["work is failure on 2026-01-02"]


def test_what_tasks_want_told_is_told(flows: Pipeline) -> None:
    result = flows.run("around", secrets={"TOKEN": "secret"})
    assert [(alert.task, alert.notifiers, alert.subject, alert.message) for alert in result.alerts] == [
        ("talk", ("ops",), "Look", "something came up"),
        ("talk", ("desk",), "around: talk", "for the desk"),
    ]


def test_events_are_the_history_of_the_run(flows: Pipeline) -> None:
    result = flows.run("families", tasks={"files": ["a"], "check": 1, "mend": None}, actor="ann")
    told_of = [(event.kind.value, event.task) for event in result.events]
    assert told_of[:3] == [("run_created", None), ("run_started", None), ("task_queued", "files")]
    assert ("task_expanded", "check") in told_of
    assert ("attempt_finished", "check[0]") in told_of
    assert told_of[-1] == ("run_finished", None)
    assert [event.actor for event in result.events[:2]] == ["ann", "scheduler"]
