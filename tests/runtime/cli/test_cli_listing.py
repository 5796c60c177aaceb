"""The commands that need no database: `list`, `show`, `next`, `config`, and how misuse is answered."""

from __future__ import annotations

import importlib
import re
import time
from pathlib import Path

import pytest

from ppacer.cli import arguments
from tests.runtime.cli.conftest import Call


def test_list_has_a_line_per_dag_in_aligned_columns(call: Call) -> None:
    said = call("list")
    assert said.code == 0
    header, daily, by_hand, past = said.out.splitlines()
    assert re.fullmatch(
        r"daily +2  15 2 \* \* \*(?: Europe/Warsaw)? +\d{4}-\d\d-\d\d \d\d:\d\d  in .*Load yesterday's sales\.", daily
    )
    assert re.fullmatch(r"by_hand +1  on trigger only +–", by_hand)
    assert re.fullmatch(r"past +1  every 1h30m +–", past)
    assert header.index("schedule") == daily.index("15 2") == by_hand.index("on trigger") == past.index("every")
    assert "\x1b" not in said.out


@pytest.mark.parametrize(("here", "told"), [("UTC", True), ("Europe/Warsaw", False), ("Europe/Paris", False)])
def test_list_names_the_zone_of_a_schedule_where_clocks_show_another_time(
    here: str, told: bool, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", here)
        time.tzset()
        out = call("list").out
    time.tzset()
    assert ("15 2 * * * Europe/Warsaw  " in out) == told
    assert "15 2 * * * " in out


def test_show_tells_settings_and_tasks(call: Call) -> None:
    out = call("show", "daily").out
    assert "Load yesterday's sales." in out
    assert "Europe/Warsaw" in out
    assert "shop.ppd:3" in out
    assert re.search(r"extract +– +shop\.etl:extract +2 retries\n", out)
    assert re.search(r"load +extract +shop\.etl:load +time-out 1h\n", out)


def test_next_gives_times_in_the_dags_zone_and_here(call: Call) -> None:
    lines = call("next", "daily", "-n", "3").out.splitlines()
    assert lines[0].startswith("in Europe/Warsaw")
    assert len(lines) == 4
    assert all(re.match(r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d 02:15:00 CES?T  \d{4}-", line) for line in lines[1:])


def test_config_tells_each_value_and_its_origin(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPACER_TOKEN", "hidden")
    monkeypatch.setenv("PPACER_PROT", "1")
    said = call("config", "--port", "8000", "--label", "a", "--label", "b")
    assert re.search(r"port +8000 +--port\n", said.out)
    assert re.search(r"token +set +PPACER_TOKEN\n", said.out)
    assert re.search(r"labels +a, b +--label\n", said.out)
    assert re.search(r"lease +30 +default\n", said.out)
    assert "PPACER_PROT is set, but there is no such setting" in said.out
    assert re.search(r"keep_days +90 +default\n", said.out)
    assert "hidden" not in said.out


@pytest.mark.parametrize(
    ("given", "code", "part"),
    [
        (("lst",), 2, "there is no command `lst`; did you mean `list`?"),
        (("show", "dayli"), 2, "there is no dag `dayli`; did you mean `daily`?"),
        (("show", "zzz"), 2, "there is no dag `zzz`; there is `daily`, `by_hand`, `past`"),
        (("show",), 2, "DAG"),
        (("next", "daily", "-n", "0"), 2, "0 is not a number from 1 to 10000"),
        (("next", "by_hand"), 1, "by_hand has no schedule"),
        (("next", "past"), 1, "never due again"),
        (("config", "--port", "x"), 2, "port = 'x' (--port): expected a whole number"),
        (("run", "daily", "-p", "full=1"), 2, "daily takes no parameters"),
        (("run", "by_hand", "-p", "ful=1"), 2, "no parameter `ful`; did you mean `full`?"),
        (("run", "by_hand", "-p", "full"), 2, "expected NAME=VALUE"),
        (("run", "by_hand", "-p", "full=1", "-p", "full=1"), 2, "given twice"),
        (("trigger", "by_hand", "--at", "noon"), 2, "expected a time such as"),
        (("executor",), 2, "--scheduler http://HOST:PORT"),
        (("scheduler", "--port", "0", "--proxy", "10.0.0.1"), 2, "serving behind a proxy needs a token or a user: `"),
        (("scheduler", "--port", "0", "--tls-cert", "none.pem"), 1, "none.pem: no such file or directory"),
        (("user", "add"), 2, "say who: user add NAME"),
        (("user", "add", "ana"), 2, "say which role: user add ana --role viewer, operator or admin"),
        (("token", "make"), 2, "token make: expected list, add, revoke, or nothing for a new token"),
        (("token", "add", "ci"), 2, "say what for: token add NAME --scope"),
        (("token", "revoke"), 2, "say which token"),
        (("token", "--expires", "soon"), 2, "--expires soon: expected a duration such as 30d, or a time"),
        (("audit", "--since", "then"), 2, "--since then: expected a duration such as 2h, or a time"),
        (("logs", "latest"), 1, "there is no run yet"),
        (("_worker",), 2, "error"),
    ],
)
def test_misuse_gets_one_clear_line(call: Call, given: tuple[str, ...], code: int, part: str) -> None:
    said = call(*given)
    assert said.code == code
    assert part in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_version_and_help(call: Call) -> None:
    assert call("--version").out.startswith("shop (build 0123456789ab), compiled by ppc 0.1.0, ppacer ")
    said = call("--help")
    assert said.code == 0
    assert all(name in said.out for name in ("start", "scheduler", "executor", "run", "list", "next", "logs"))


def test_every_command_leads_to_a_function() -> None:
    for command in arguments.COMMANDS.values():
        module, _, name = command.target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_listing_makes_no_file(call: Call, tmp_path: Path) -> None:
    call("list")
    call("next", "daily")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files(call: Call, tmp_path: Path, ordinary_permissions: None) -> None:
    tmp_path.chmod(0o555)
    try:
        said = call("trigger", "by_hand")
    finally:
        tmp_path.chmod(0o755)
    assert said.code == 1
    assert re.fullmatch(rf"error: cannot keep a database in {tmp_path}: (permission denied|no file .*)\n", said.err)
