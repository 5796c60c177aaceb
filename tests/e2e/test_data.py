"""Values from task to task by annotation, their limits, and the params of runs: as JSON, as texts, by default."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ppacer.web.messages import RunDetail
from tests.e2e.serving import Serving, attempt_of, outputs, serving, statuses
from tests.e2e.world import PIPELINES, World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_WHO", "ann")
        with serving(module_world, PIPELINES / "data.ppd") as made:
            yield made


# --- from task to task -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shapes(served: Serving) -> RunDetail:
    return served.run("shapes")


def test_values_are_rebuilt_to_the_annotations_of_those_that_take_them(shapes: RunDetail) -> None:
    assert shapes.run.status == "success"
    got = outputs(shapes)
    assert got["whole"] == (
        "Order(day=datetime.date(2026, 2, 28),"
        " at=datetime.datetime(2026, 2, 28, 23, 59, 59, 1,"
        " tzinfo=datetime.timezone(datetime.timedelta(seconds=3600))),"
        " took=datetime.timedelta(seconds=3600, microseconds=1),"
        " money=Money(amount=Decimal('12.30'), currency='EUR'),"
        " color=<Color.BLUE: 'blue'>, file=PosixPath('in/żółw.csv'), notes=None, tags=['a', 'b'])"
    )
    assert got["told"] == "2 Decimal('12.40') {'blue': Money(amount=Decimal('12.30'), currency='EUR')}"
    assert got["unmixed"] == ("(Point(x=1, y=2), [3], {datetime.date(2026, 1, 1): <Level.HIGH: 2>}, <Level.LOW: 1>)")


def test_fields_are_passed_on_as_what_they_are(shapes: RunDetail) -> None:
    assert outputs(shapes)["parts"] == [
        "datetime.date(2026, 2, 28)",
        "datetime.datetime(2026, 2, 28, 23, 59, 59, 1, tzinfo=datetime.timezone(datetime.timedelta(seconds=3600)))",
        "datetime.timedelta(seconds=3600, microseconds=1)",
        "Decimal('12.30')",
        "<Color.BLUE: 'blue'>",
        "PosixPath('in/żółw.csv')",
    ]


def test_fields_are_reckoned_with(served: Serving, shapes: RunDetail) -> None:
    assert served.said(shapes.run.id, "reckoned") == ["2026-03-01 2:00:00.000002 28.02.2026 0.10"]


def test_the_api_shows_outputs_with_tags_for_what_json_lacks(shapes: RunDetail) -> None:
    assert outputs(shapes)["order"] == {
        "day": {"$": "date", "v": "2026-02-28"},
        "at": {"$": "datetime", "v": "2026-02-28T23:59:59.000001+01:00"},
        "took": {"$": "duration", "v": 3_600_000_001},
        "money": {"amount": {"$": "decimal", "v": "12.30"}, "currency": "EUR"},
        "color": "blue",
        "file": {"$": "path", "v": "in/żółw.csv"},
        "notes": None,
        "tags": ["a", "b"],
    }


def test_what_does_not_fit_the_annotation_fails_the_task_that_takes_it(served: Serving) -> None:
    run = served.run("misfit", order={"day": {"$": "date", "v": "2026-02-28"}})
    assert statuses(run) == {"value": "success", "whole": "failed"}
    attempt = attempt_of(run, "whole")
    assert attempt.error_kind == "arguments"
    assert (attempt.error or "").startswith("argument order: Order.__init__() missing 5 required")
    assert "task whole of dag misfit (data.ppd:" in (attempt.error or "")


def test_an_output_may_be_big_and_is_shown_with_its_task_alone(served: Serving) -> None:
    run = served.run("sizes", characters=500_000)
    assert run.run.status == "success"
    (text, following) = run.tasks
    assert (text.output, text.output_size) == (None, 500_002)
    assert (following.output, following.output_size) == (None, 500_002)
    assert served.client.task(run.run.id, "next").output == "x" * 500_000


def test_an_output_may_not_be_too_big(served: Serving) -> None:
    run = served.run("sizes", characters=1024 * 1024)
    assert statuses(run) == {"text": "failed", "next": "upstream_failed"}
    assert (attempt_of(run, "text").error or "").startswith(
        "the task's output is 1048578 bytes of JSON, more than the 1048576 that can be stored:"
        " write it to a file and return the path\ntask text of dag sizes (data.ppd:"
    )


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("an object", "at ['rows'][1]: a value of type object has no JSON form"),
        ("not a number", "at ['rate']: nan is no JSON number"),
        ("bytes", "a value of type bytes has no JSON form"),
        ("a cycle", "the value is nested deeper than 300 levels"),
    ],
)
def test_an_output_without_a_json_form_fails_its_task(served: Serving, what: str, error: str) -> None:
    run = served.run("without_json", what=what)
    assert statuses(run) == {"value": "failed"}
    assert (attempt_of(run, "value").error or "").startswith(f"the task's output cannot be stored: {error}\n")


# --- params ----------------------------------------------------------------------------------------------------------

DEFAULTS = {
    "text": "str 'a text'",
    "number": "int 7",
    "rate": "float 0.5",
    "flag": "bool True",
    "day": "date datetime.date(2026, 1, 31)",
    "moment": "datetime datetime.datetime(2026, 1, 31, 2, 15, "
    "tzinfo=datetime.timezone(datetime.timedelta(seconds=3600)))",
    "span": "timedelta datetime.timedelta(seconds=5400)",
    "anything": "dict {'a': [1, None]}",
    "days": "list [datetime.date(2026, 1, 1)]",
    "mode": "str 'fast'",
    "maybe": "NoneType None",
}
GIVEN_AS_JSON = {
    "text": "ż",
    "number": 10**18,
    "rate": 3,
    "flag": False,
    "day": "2024-02-29",
    "moment": "2026-07-01T02:15:00Z",
    "span": 90,
    "anything": [1, {"b": None}],
    "days": ["2026-01-02", {"$": "date", "v": "2026-01-03"}],
    "mode": "slow",
    "maybe": 3,
}
GIVEN_AS_TEXTS = {
    "text": "ż",
    "number": str(10**18),
    "rate": "3",
    "flag": "false",
    "day": "2024-02-29",
    "moment": "2026-07-01T04:15",
    "span": "1m30s",
    "anything": '[1, {"b": null}]',
    "days": "2026-01-02,2026-01-03",
    "mode": "slow",
    "maybe": "3",
}
TAKEN = {
    "text": "str 'ż'",
    "number": f"int {10**18}",
    "rate": "float 3.0",
    "flag": "bool False",
    "day": "date datetime.date(2024, 2, 29)",
    "moment": "datetime datetime.datetime(2026, 7, 1, 4, 15, "
    "tzinfo=datetime.timezone(datetime.timedelta(seconds=7200)))",
    "span": "timedelta datetime.timedelta(seconds=90)",
    "anything": "list [1, {'b': None}]",
    "days": "list [datetime.date(2026, 1, 2), datetime.date(2026, 1, 3)]",
    "mode": "str 'slow'",
    "maybe": "int 3",
}


def test_params_have_their_defaults(served: Serving) -> None:
    assert outputs(served.run("typed")) == DEFAULTS


def test_params_are_given_as_json(served: Serving) -> None:
    assert outputs(served.run("typed", **GIVEN_AS_JSON)) == TAKEN


def test_params_are_given_as_texts_on_the_command_line(served: Serving) -> None:
    given = [part for name, text in GIVEN_AS_TEXTS.items() for part in ("-p", f"{name}={text}")]
    done = served.call("trigger", "typed", *given)
    assert done.returncode == 0, done.stderr
    (run, *_) = served.client.runs(dag="typed").runs
    assert outputs(served.ended(run.id)) == TAKEN


@pytest.mark.parametrize(
    ("field", "json", "text", "wanted"),
    [
        ("number", 1.5, "1.5", "a whole number"),
        ("number", True, "true", "a whole number"),
        ("rate", "fast", "fast", "a number"),
        ("flag", 1, "maybe", "true or false"),
        ("day", "2026-02-30", "2026-02-30", "a date such as 2026-01-31"),
        ("moment", "2026-07-01", "2026-07-01", "a date with a time such as 2026-01-31T02:15"),
        ("span", "soon", "soon", "a duration such as 1h30m or a number of seconds"),
        ("mode", "Fast", "Fast", "one of fast, slow"),
        ("maybe", "x", "x", "a whole number or none"),
    ],
)
def test_a_param_that_does_not_fit_is_refused_by_its_name(
    served: Serving, field: str, json: object, text: str, wanted: str
) -> None:
    before = served.client.runs(dag="typed", limit=1).runs
    problem = served.refusal("typed", **{field: json})
    assert (problem.status, problem.field) == (422, f"params.{field}")
    assert problem.detail.startswith(f"parameter {field} of dag typed takes {wanted}, not ")
    done = served.call("trigger", "typed", "-p", f"{field}={text}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"parameter {field} of dag typed takes {wanted}, not " in done.stderr
    assert served.client.runs(dag="typed", limit=1).runs == before, "no run was made"


def test_more_refusals_name_the_param_and_the_part_of_it(served: Serving) -> None:
    assert served.refusal("typed", text=3).field == "params.text"
    assert served.refusal("typed", text=None).field == "params.text"
    wrong = served.refusal("typed", days=["2026-01-01", "yesterday"])
    assert (wrong.status, wrong.field) == (422, "params.days[1]")
    unknown = served.refusal("typed", dya="2026-01-01")
    assert (unknown.status, unknown.field) == (422, "params.dya")
    assert unknown.detail.startswith("dag typed has no parameter dya; it has text, number, ")
    done = served.call("trigger", "typed", "-p", "days")
    assert done.returncode == 2
    assert "NAME=VALUE" in done.stderr


def test_defaults_are_worked_out_when_the_run_is_made(served: Serving) -> None:
    run = served.run("worked_out", at="2026-03-01T00:30", needed=3)
    assert run.params == {"day": {"$": "date", "v": "2026-02-28"}, "who": "ann", "where": "nowhere", "needed": 3}
    assert served.said(run.run.id, "told") == ["2026-02-28 ann nowhere 3"]
    done = served.call("run", "worked_out", "--at", "2026-01-01T00:30", "-p", "needed=4", "-p", "who=bob")
    assert done.returncode == 0, done.stderr
    assert "2025-12-31 bob nowhere 4" in done.stdout


def test_a_param_without_a_value_is_refused(served: Serving) -> None:
    missing = served.refusal("worked_out")
    assert (missing.status, missing.field) == (422, "params.needed")
    assert missing.detail == "dag worked_out needs a value for its parameter needed"
    done = served.call("run", "worked_out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: dag worked_out needs a value for its parameter needed\n"
    unset = served.refusal("no_default")
    assert (unset.status, unset.field) == (422, "params.who")
    assert 'env("DATA_MISSING") has no value here' in unset.detail
