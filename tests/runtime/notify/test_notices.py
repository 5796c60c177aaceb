"""From what is worth telling to rows: who is told, in which words, and what never gets into them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.evaluate import EvaluationError
from ppacer.core.gist import gist
from ppacer.core.ids import IdSource
from ppacer.core.model import NoticeEvent, NotificationStatus, RunStatus
from ppacer.protocol import TaskNotice
from ppacer.services.notices import alerts, messages, shown_task, sign_of_life

AT = spec.At(3, 1)
OPS = spec.Notifier("ops", "ppacer.notifiers:log", AT)
MAIL = spec.Notifier("mail", "shop:mail", AT)
TRACEBACK = 'Traceback (most recent call last):\n  File "etl.py", line 3, in load\n    f()\nValueError: no rows\nwhere'
CAUSED = "The above exception was the direct cause of the following exception:"
MEANWHILE = "During handling of the above exception, another exception occurred:"


def new_id(now: int) -> str:
    return IdSource(bytes).next(now)


def notice(kit, event: NoticeEvent = NoticeEvent.FAILURE, **settings: object) -> h.Notice:
    fields = {"alert": True, "run": kit.run(), "notifiers": ("ops",), **settings}
    return h.Notice(event, **fields)


# --- alerts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "settings", "subject", "sentence"),
    [
        (
            "failure",
            {"task": "load", "number": 3, "error": TRACEBACK},
            "sales: load failed",
            "The task load of dag sales, attempt 3, failed: ValueError: no rows",
        ),
        (
            "failure",
            {"task": "check", "position": 4, "number": 1},
            "sales: check[4] failed",
            "The task check[4] of dag sales, attempt 1, failed",
        ),
        (
            "failure",
            {"task": "load", "error": "its argument day has no value"},
            "sales: load failed",
            "The task load of dag sales failed: its argument day has no value",
        ),
        (
            "retry",
            {"task": "load", "number": 1, "error": "OSError: gone", "retry_in": 90_000_000},
            "sales: load failed, to be tried again",
            "The task load of dag sales, attempt 1, failed, to be tried again in 1m30s: OSError: gone",
        ),
        (
            "retry",
            {"task": "load", "number": 1, "retry_in": 0},
            "sales: load failed, to be tried again",
            "The task load of dag sales, attempt 1, failed, to be tried again at once",
        ),
        ("success", {}, "sales succeeded", "The run of dag sales succeeded"),
        ("success", {"task": "load", "number": 2}, "sales: load succeeded", "The task load of dag sales, attempt 2,"),
        (
            "failure",
            {"error": "ran longer than its run_timeout of 6h"},
            "sales failed",
            "The run of dag sales failed: ran longer than its run_timeout of 6h",
        ),
        (
            "late",
            {"error": "it has not ended 2h after it was due"},
            "sales is late",
            "The run of dag sales is late: it has not ended 2h after it was due",
        ),
    ],
)
def test_the_usual_words(kit, event: str, settings: dict[str, object], subject: str, sentence: str) -> None:
    plan = kit.plan(OPS)
    [made] = alerts(notice(kit, NoticeEvent(event), **settings), plan, kit.now, new_id)
    assert made.row.subject == subject
    assert made.row.message.partition("\n")[0].startswith(sentence)
    assert made.row.message.splitlines()[1:] == [
        "",
        "planned for: 2026-01-01 01:00:00 CET",
        f"run: {kit.run().id}",
    ]


def test_a_row_for_each_notifier_says_all_that_is_needed_to_send_it(kit) -> None:
    told = notice(kit, task="check", position=4, number=2, error=TRACEBACK, notifiers=("ops", "mail"))
    made = alerts(told, kit.plan(OPS, MAIL), kit.now + 5, new_id)
    assert [one.row.notifier for one in made] == ["ops", "mail"]
    one = made[0]
    assert (one.scheduled_at, one.cause) == (kit.now, "ValueError: no rows")
    row = one.row
    assert (row.status, row.at, row.due_at) == (NotificationStatus.PENDING, kit.now + 5, kit.now + 5)
    assert (row.dag, row.build, row.run_id) == ("sales", "b1", kit.run().id)
    assert (row.event, row.task, row.position, row.number) == (NoticeEvent.FAILURE, "check", 4, 2)


def test_the_authors_message_stands_for_itself(kit) -> None:
    [made] = alerts(notice(kit, message="page 7 of 9 is blank"), kit.plan(OPS), kit.now, new_id, page="https://x.org")
    assert (made.row.subject, made.row.message) == ("sales failed", "page 7 of 9 is blank")


def test_the_address_of_the_run_is_told_where_there_is_one(kit) -> None:
    [made] = alerts(notice(kit), kit.plan(OPS), kit.now, new_id, page="https://etl.example.org/")
    assert made.row.message.splitlines()[-1] == f"page: https://etl.example.org/runs/{kit.run().id}"


def test_nobody_is_told_what_nobody_asked_for(kit) -> None:
    assert alerts(notice(kit, alert=False), kit.plan(OPS), kit.now, new_id) == []
    assert alerts(notice(kit, notifiers=()), kit.plan(OPS), kit.now, new_id) == []


def test_what_is_very_long_is_cut(kit) -> None:
    [made] = alerts(notice(kit, message="x" * 50_000, task="t" * 500), kit.plan(OPS), kit.now, new_id)
    assert (len(made.row.message), made.row.message[-1]) == (10_000, "…")
    assert (len(made.row.subject), made.row.subject[-1]) == (200, "…")


# --- messages of tasks -----------------------------------------------------------------------------------------------


def said(kit, seq: int = 1, **settings: object) -> TaskNotice:
    return TaskNotice(kit.attempt().id, 7, seq, "half of it is there", **settings)


def test_a_task_tells_those_of_the_task_else_those_of_the_dag_else_whom_it_names(kit) -> None:
    plan = kit.plan(OPS, MAIL, notify=("ops",))
    own = replace(plan.dag.tasks[0], notify=("mail",))

    def told(plan, **settings: object) -> list[str]:
        return [one.row.notifier for one in messages(said(kit, **settings), kit.attempt(), kit.run(), plan, kit.now)]

    assert told(plan) == ["ops"]
    assert told(replace(plan, tasks={"load": own})) == ["mail"]
    assert told(plan, notifier="mail") == ["mail"]
    assert told(plan, notifier="nobody") == []
    assert told(kit.plan(OPS)) == []


def test_a_message_in_the_tasks_own_words(kit) -> None:
    plan = kit.plan(OPS, notify=("ops",))
    [plain] = messages(said(kit), kit.attempt("check", 2), kit.run(), plan, kit.now)
    assert (plain.row.subject, plain.row.message) == ("sales: check[2]", "half of it is there")
    assert (plain.row.event, plain.row.position, plain.row.number) == (NoticeEvent.MESSAGE, 2, 1)
    [named] = messages(said(kit, subject="progress"), kit.attempt(), kit.run(), plan, kit.now)
    assert named.row.subject == "progress"


def test_a_message_that_is_repeated_has_the_same_id_and_no_other_has(kit) -> None:
    plan = kit.plan(OPS, MAIL, notify=("ops", "mail"))

    def ids(seq: int) -> list[str]:
        made = messages(said(kit, seq), kit.attempt(), kit.run(), plan, kit.now + seq)
        return [one.row.id for one in made]

    assert ids(1) == ids(1)
    assert len({*ids(1), *ids(2)}) == 4
    firsts = [ids(seq)[0] for seq in range(1, 101)]
    assert firsts == sorted(firsts), "they sort in the order in which they were said"
    assert all(one.startswith("01900000-0000-7") for one in ids(1)), "ids sort by the time of their attempt"


# --- signs of life ---------------------------------------------------------------------------------------------------


def text(*parts: str | spec.Expr) -> spec.FormatString:
    return spec.FormatString(tuple(one if isinstance(one, str) else spec.FormatField(one, AT) for one in parts), AT)


def life(kit, ping: spec.Expr | None, env: dict[str, str] | None = None):
    run = kit.run(status=RunStatus.SUCCESS, params='{"region":"eu"}')
    return sign_of_life(run, kit.plan(ping=ping), kit.now, new_id, (env or {}).__getitem__)


def test_a_dag_without_a_ping_gives_no_sign(kit) -> None:
    assert life(kit, None) is None


def test_the_address_is_worked_out_over_run_params_and_environment(kit) -> None:
    ping = text(spec.Env("HOST", AT), "/", spec.RunValue(spec.RunField.DATE, AT), "/", spec.ParamValue("region", AT))
    sign = life(kit, ping, {"HOST": "https://hc.example.org"})
    assert sign.row.message == "https://hc.example.org/2026-01-01/eu"
    assert (sign.row.event, sign.row.notifier, sign.row.run_id) == (NoticeEvent.PING, "", kit.run().id)


def test_an_address_that_has_no_value_is_told(kit) -> None:
    with pytest.raises(EvaluationError, match=r'env\("HOST"\) has no value'):
        life(kit, spec.Env("HOST", AT))


@pytest.mark.parametrize("ping", [spec.Secret("URL", AT), spec.Env("URL", AT, default=spec.Secret("OTHER", AT))])
def test_an_address_that_takes_a_secret_is_in_no_row(kit, ping: spec.Expr) -> None:
    assert life(kit, ping, {"URL": "hush"}).row.message == ""


# --- words -----------------------------------------------------------------------------------------------------------


def test_only_members_of_run_time_families_are_shown_with_their_position(kit) -> None:
    plan = kit.plan()
    assert [shown_task(plan, *which) for which in (("load", 0), ("check", 0), ("check", -1), ("gone", 3))] == [
        "load",
        "check[0]",
        "check",
        "gone",
    ]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (TRACEBACK, "ValueError: no rows"),
        (f"{TRACEBACK}\n\n{CAUSED}\n\n{TRACEBACK.replace('rows', 'sales')}", "ValueError: no sales"),
        (f"{TRACEBACK}\n\n{MEANWHILE}\n\n{TRACEBACK.replace('rows', 'sales')}", "ValueError: no sales"),
        (f"{TRACEBACK}\n\n{CAUSED}\n\nppacer.notifiers.NotifierError: nobody is at home", "nobody is at home"),
        (f"KeyError: 'x'\n\n{CAUSED}\n\n{TRACEBACK}", "ValueError: no rows"),
        (f"{TRACEBACK}\n\n{CAUSED}", "ValueError: no rows"),
        ("it was killed\nwhere", "it was killed"),
        ("ppacer.notifiers.NotifierError: nobody is at home", "nobody is at home"),
        ("shop.NotifierError: nobody is at home", "shop.NotifierError: nobody is at home"),
        ("the command ended with exit code 3; the end of its stderr:\n  no such file", None),
        ("", ""),
        ("x" * 600, "x" * 500 + "…"),
    ],
)
def test_the_gist_of_an_error(error: str, line: str | None) -> None:
    expected = "the command ended with exit code 3; the end of its stderr: no such file" if line is None else line
    assert gist(error) == expected
