"""What lets a task run, from the source to the outcome: trigger rules, conditions, skips, groups and templates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ppacer.web.messages import RunDetail
from tests.e2e.serving import Serving, moment, serving, statuses, task_of
from tests.e2e.world import PIPELINES, World

pytestmark = pytest.mark.slow

RUNS, SKIPPED, UPSTREAM = "success", "skipped", "upstream_failed"

TRIGGERS = ("all_success", "all_done", "all_failed", "one_success", "one_failed", "none_failed", "always")
RULES = {
    "good_fine": (RUNS, RUNS, SKIPPED, RUNS, SKIPPED, RUNS, RUNS),
    "good_bad": (UPSTREAM, RUNS, SKIPPED, RUNS, RUNS, UPSTREAM, RUNS),
    "good_left": (SKIPPED, RUNS, SKIPPED, RUNS, SKIPPED, RUNS, RUNS),
    "good_lost": (UPSTREAM, RUNS, SKIPPED, RUNS, RUNS, UPSTREAM, RUNS),
    "bad_sad": (UPSTREAM, RUNS, RUNS, UPSTREAM, RUNS, UPSTREAM, RUNS),
    "bad_left": (UPSTREAM, RUNS, SKIPPED, UPSTREAM, RUNS, UPSTREAM, RUNS),
    "left_off": (SKIPPED, RUNS, SKIPPED, SKIPPED, SKIPPED, RUNS, RUNS),
}
"""What becomes of a task by its trigger, in the order of TRIGGERS, after two parents that succeeded (`good`, `fine`),
failed (`bad`, `sad`), were skipped (`left`, `off`) or could not run after a failure (`lost`)."""


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "conditions.ppd") as made:
        yield made


@pytest.fixture(scope="module")
def rules(served: Serving) -> RunDetail:
    return served.run("rules")


@pytest.mark.parametrize("parents", RULES)
def test_each_trigger_after_each_mixture_of_parents(rules: RunDetail, parents: str) -> None:
    found = statuses(rules)
    assert {trigger: found[f"{parents}.{trigger}"] for trigger in TRIGGERS} == dict(
        zip(TRIGGERS, RULES[parents], strict=True)
    )
    assert rules.run.status == "failed", "two of its tasks failed"


def test_what_its_trigger_keeps_from_running_makes_no_attempt(rules: RunDetail) -> None:
    tried = {
        status: {len(task.attempts) for task in rules.tasks if task.status == status}
        for status in (RUNS, SKIPPED, UPSTREAM)
    }
    assert tried == {RUNS: {1}, SKIPPED: {0}, UPSTREAM: {0}}


def test_a_trigger_is_decided_as_soon_as_nothing_can_change_it(served: Serving) -> None:
    """While one of two parents waits for a file that does not come."""
    run = served.trigger("early")
    for task, status in {
        "at_a_success": "success",
        "at_a_failure": "success",
        "at_once": "success",
        "hopeless": "upstream_failed",
    }.items():
        served.until(run, task, status)
    assert served.client.task(run, "slow").status == "running"
    served.client.cancel(run)
    assert served.ended(run).run.status == "cancelled"


@pytest.mark.parametrize(
    ("params", "yes", "no", "next_", "output"),
    [
        ({"many": True}, "success", "skipped", "skipped", "any 1 None"),
        ({"many": False}, "skipped", "success", "skipped", "any None 2"),
        ({"many": True, "rows": 2}, "skipped", "skipped", "skipped", "any None None"),
    ],
)
def test_a_condition_is_asked_of_params_and_outputs(
    served: Serving, params: dict[str, object], yes: str, no: str, next_: str, output: str
) -> None:
    run = served.run("asked", **params)
    assert run.run.status == "success"
    assert statuses(run) == {"rows": "success", "yes": yes, "no": no, "next": next_, "any": "success"}
    assert served.said(run.run.id, "any") == [output]
    skipped = [task for task in run.tasks if task.status == "skipped"]
    assert {task.reason for task in skipped if task.name != "next"} == {"its `when` is false"}
    assert task_of(run, "next").reason is None
    assert not any(task.attempts for task in skipped)


def test_a_condition_without_an_answer_fails_its_task_without_an_attempt(served: Serving) -> None:
    run = served.run("bad_conditions", value={"flag": 3})
    assert run.run.status == "failed"
    assert statuses(run) == {
        "value": "success",
        "number": "failed",
        "no_field": "failed",
        "no_order": "failed",
        "next": "upstream_failed",
        "tidy": "success",
    }
    errors = {name: task_of(run, name).error or "" for name in ("number", "no_field", "no_order")}
    assert "`when` must be true or false, found int" in errors["number"]
    assert 'the object has no "rows"; it has "flag"' in errors["no_field"]
    assert "`>` does not take int and str" in errors["no_order"]
    for name, error in errors.items():
        assert f"task {name} of dag bad_conditions (conditions.ppd:" in error
        assert not task_of(run, name).attempts
    shown = served.call("run", "bad_conditions", "-p", 'value={"flag": 3}')
    assert shown.returncode == 1
    assert errors["number"] in shown.stdout


def test_groups_and_templates_are_parts_of_a_dag_by_name(served: Serving) -> None:
    run = served.run("parts")
    assert set(statuses(run).values()) == {"success"}
    stores = ["orders.store", 'each["eu"].store', 'each["us"].store']
    said = [served.said(run.run.id, task) for task in (*stores, "last.sum", "beside")]
    assert said == [["orders has 7 rows"], ["eu has 1 rows"], ["us has 1 rows"], ["sum of 7"], ["7 1"]]
    begun = {task.name: moment(task.started_at) for task in run.tasks}
    ended = {task.name: moment(task.finished_at) for task in run.tasks}
    for table in ("eu", "us"):
        assert begun[f'each["{table}"].dump'] >= ended["orders.store"]
        assert begun["last.sum"] >= ended[f'each["{table}"].store']
    assert begun["last.deep.end"] >= ended["last.sum"]


def test_parts_of_groups_are_meant_by_their_shown_names(served: Serving) -> None:
    run = served.run("parts").run.id
    log = served.call("logs", run, 'each["us"].store')
    assert (log.returncode, "us has 1 rows" in log.stdout) == (0, True)
    wrong = served.call("logs", run, "each[us].store")
    assert wrong.returncode == 2
    assert 'did you mean `each["us"].store`?' in wrong.stderr
