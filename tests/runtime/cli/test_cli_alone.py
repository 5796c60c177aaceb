"""Commands where nothing serves: they read the database, and change it through a scheduler of their own."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path

import pytest

from ppacer.cli.commands import COMMANDS, RUN_STATUSES
from ppacer.core.model import RunStatus
from ppacer.store import open_store
from tests.runtime.cli.conftest import Call, Said

NEXT_START = "nothing serves this program now"


def run_id(said: Said) -> str:
    found = re.search(r"run ([0-9a-f-]{36})", said.out)
    assert found is not None, said
    return found[1]


def lines(said: Said) -> list[str]:
    """The columns of each line of a table without its header."""
    assert said.code == 0, said
    return [re.sub(r" {2,}", "  ", line) for line in said.out.splitlines()[1:]]


def statuses(folder: Path) -> dict[str, str]:
    """The tasks of the latest run."""
    store = open_store(folder / "shop.db")
    try:
        (run,) = store.runs(limit=1)
        return {row.task: row.status.value for row in store.current_tasks(run.id)}
    finally:
        store.close()


def test_a_run_from_its_trigger_to_its_restart(call: Call, tmp_path: Path) -> None:
    made = call("trigger", "daily", "--at", "2026-01-31T02:15")
    assert made.code == 0
    assert NEXT_START in made.out
    (line,) = lines(call("runs"))
    user = pwd.getpwuid(os.getuid()).pw_name
    assert re.fullmatch(rf"\S queued  daily  2026-01-\S+ \S+  manual  {user}  –?.*{run_id(made)}", line), line

    assert call("pause", "daily").code == 0
    (line,) = lines(call("runs"))
    assert "queued" in line, "no command begins it"
    cancelled = call("cancel", "latest")
    assert (cancelled.code, cancelled.out) == (0, f"daily: run {run_id(made)} is cancelled\n")
    again = call("cancel", run_id(made)[-9:])
    assert again.code == 1
    assert "has ended already" in again.err
    restarted = call("restart", "latest")
    assert restarted.code == 0
    assert re.search(r"is (queued|running), epoch 2\nanew: extract, load\n", restarted.out)
    assert NEXT_START in restarted.out
    assert statuses(tmp_path)["load"] == "waiting"


def test_tasks_are_marked_run_again_and_cancelled(call: Call, tmp_path: Path) -> None:
    call("trigger", "daily")
    call("cancel", "latest")
    early = call("mark", "latest", "extract", "success", "--reason", "done by hand")
    assert early.code == 1
    assert "ended before it began: restart it as a whole" in early.err
    call("restart", "latest")
    call("cancel", "latest", "extract")
    marked = call("mark", "latest", "extract", "success", "--reason", "done by hand", "--output", '{"rows": 3}')
    assert marked.code == 0, marked
    assert marked.out.startswith("extract is marked as success: done by hand\n")
    assert "anew: load\n" in marked.out
    assert statuses(tmp_path) == {"extract": "success", "load": "queued"}
    assert re.search(r"extract  ■ cancelled  counts as success  .*done by hand\n", call("logs", "latest").out)
    ended = call("cancel", "latest", "load")
    assert ended.out == f"daily: run {run_id(ended)}: load is cancelled\n"
    again = call("rerun", "latest", "extract", "--only")
    assert "anew: extract\n" in again.out
    assert statuses(tmp_path) == {"extract": "queued", "load": "cancelled"}
    told = lines(call("history", "latest"))
    assert any(re.search(r"task marked  by \S+  .*reason done by hand", line) for line in told), told


def test_a_dag_is_paused_silenced_and_resumed(call: Call) -> None:
    paused = call("pause", "daily", "--reason", "no data")
    assert (paused.code, paused.out) == (0, "daily is paused: no scheduled runs until `resume`\n")
    silenced = call("silence", "daily", "--for", "2h")
    assert re.fullmatch(r"nobody is alerted of daily before .*, in 2 h\n", silenced.out)
    listed = call("list").out
    assert re.search(r"daily +2  15 2 \* \* \* +paused +silenced; Load yesterday's sales\.", listed)
    assert call("silence", "daily", "--off").out == "daily is not silenced: alerts are sent\n"
    assert call("resume", "daily").out.startswith("daily is not paused")
    told = call("history", "daily").out
    kinds = re.findall(r"\d\d:\d\d:\d\d  (\w[\w ]*?) +by (\S+)", told)
    assert [kind for kind, _ in kinds] == ["added", "paused", "silenced", "not silenced any more", "resumed"]
    assert {by for kind, by in kinds if kind != "added"} == {pwd.getpwuid(os.getuid()).pw_name}
    assert "reason no data" in told
    assert re.search(r"daily +2  15 2 \* \* \*(?: Europe/Warsaw)? +\d{4}-", call("list").out)


def test_versions_of_a_dag(call: Call) -> None:
    call("pause", "daily")
    (line,) = lines(call("show", "daily", "--versions"))
    assert re.fullmatch(r"\d{4}-\S+ \S+  0123456789ab  the first that is known", line)


def test_runs_are_listed_by_dag_and_status(call: Call) -> None:
    call("trigger", "daily")
    call("trigger", "by_hand", "-p", "full=true")
    call("cancel", "latest")
    assert [line.split("  ")[1] for line in lines(call("runs"))] == ["by_hand", "daily"]
    assert [line.split("  ")[1] for line in lines(call("runs", "daily"))] == ["daily"]
    assert len(lines(call("runs", "-n", "1"))) == 1
    assert [line.split("  ")[0][2:] for line in lines(call("runs", "--status", "cancelled"))] == ["cancelled"]
    assert call("runs", "past").out == "no such run\n"


def test_what_only_reads_changes_nothing(call: Call, tmp_path: Path) -> None:
    call("trigger", "daily")
    call("cancel", "latest")
    before = (tmp_path / "shop.db").read_bytes()
    reading = (("runs",), ("logs", "latest"), ("history", "daily"), ("history", "latest"), ("list",), ("pools",))
    for command in (*reading, ("show", "daily", "--versions"), ("backfill", "--list"), ("show", "daily")):
        assert call(*command).code == 0
    assert (tmp_path / "shop.db").read_bytes() == before


def test_show_tells_of_a_pause_and_of_a_silence(call: Call) -> None:
    assert "next run   20" in call("show", "daily").out
    call("pause", "daily")
    call("silence", "daily", "--until", "2100-01-31")
    shown = call("show", "daily").out
    assert "next run   none before `resume`: the dag is paused\n" in shown
    assert "silenced   nobody is alerted before 2100-01-" in shown


def test_the_statuses_that_can_be_asked_for_are_all_there_are() -> None:
    assert tuple(RunStatus) == RUN_STATUSES


def test_a_key_makes_one_run(call: Call) -> None:
    assert run_id(call("trigger", "daily", "--key", "k")) == run_id(call("trigger", "daily", "--key", "k"))


@pytest.mark.parametrize(
    ("given", "code", "part"),
    [
        (("cancel", "nope"), 1, "there is no run whose id holds `nope`; `runs` shows what there is"),
        (("cancel", "-"), 2, "fits more than one run"),
        (("cancel", ""), 2, "expected a run's id"),
        (("cancel", "latest", "lod"), 2, "the run has no task `lod`; did you mean `load`?"),
        (("rerun", "latest", "load[0]"), 2, "the run has no task `load[0]`; did you mean `load`?"),
        (("rerun", "latest", "extract"), 1, "cancel it first"),
        (("restart", "latest"), 1, ""),
        (("logs", "latest", "extract", "--attempt", "4"), 2, "extract has no attempt 4: it made"),
        (("trigger", "by_hand", "-p", "full=1"), 2, "parameter full of dag by_hand takes true or false, not 1"),
        (("history", "nope"), 1, "there is no run whose id holds `nope`"),
        (("runs", "nope"), 2, "there is no dag `nope`"),
        (("backfill", "--cancel", "nope"), 2, "`nope` is no part of the id of a backfill"),
    ],
)
def test_what_cannot_be_done(call: Call, given: tuple[str, ...], code: int, part: str) -> None:
    call("trigger", "by_hand")
    call("trigger", "daily")
    call("cancel", "latest")
    call("restart", "latest")  # now its tasks are known
    said = call(*given)
    assert (said.code, said.out) == (code, "")
    assert part in said.err
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err


def test_a_run_that_waits_has_no_tasks_yet(call: Call) -> None:
    call("trigger", "daily")
    call("trigger", "daily")
    said = call("rerun", "latest", "load")
    assert said.code == 1
    assert re.fullmatch(r"error: run \S+ has not begun: none of its tasks is known yet\n", said.err)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (("mark", "latest", "load", "skipped", "--reason", "x"), "invalid choice: 'skipped'"),
        (("mark", "latest", "load", "success"), "--reason"),
        (("mark", "latest", "load", "success", "--reason", " "), "--reason: say why"),
        (("mark", "latest", "load", "success", "--reason", "x", "--output", "{"), "--output {: expected JSON"),
        (("mark", "latest", "load", "failed", "--reason", "x", "--output", "1"), "--output: what failed has no output"),
        (("silence", "daily"), "one of the arguments --for --until --off is required"),
        (("silence", "daily", "--for", "2 hours"), "--for 2 hours: expected a duration such as 2h"),
        (("silence", "daily", "--for", "0s"), "--for 0s: expected more than no time at all"),
        (("silence", "daily", "--until", "2020-01-01"), "--until 2020-01-01: that has passed"),
        (("silence", "daily", "--until", "soon"), "--until soon: expected a time such as"),
        (("runs", "--status", "odd"), "invalid choice: 'odd'"),
        (("runs", "-n", "10001"), "10001 is not a number from 1 to 10000"),
        (("pause", "dayli"), "did you mean `daily`?"),
        (("backfill",), "say which dag"),
        (("backfill", "daily"), "say which due times"),
        (("backfill", "by_hand", "--from", "2026-01-01", "--until", "2026-01-02"), "by_hand has no schedule"),
        (("backfill", "daily", "--from", "2026-01-02", "--until", "2026-01-02"), "is not after --from 2026-01-02"),
        (("backfill", "daily", "--from", "x", "--until", "2026-01-02"), "--from x: expected a time such as"),
        (
            ("backfill", "daily", "--from", "2026-01-01", "--until", "2026-01-02", "--parallel", "0"),
            "0 is not a number",
        ),
    ],
)
def test_misuse_gets_one_clear_line_and_makes_no_file(
    call: Call, given: tuple[str, ...], part: str, tmp_path: Path
) -> None:
    said = call(*given)
    assert (said.code, said.out) == (2, "")
    assert part in said.err
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", ["runs", "logs latest", "cancel latest", "restart latest", "history daily", "backfill --list"]
)
def test_before_the_first_run(call: Call, command: str, tmp_path: Path) -> None:
    said = call(*command.split())
    assert (said.code, said.out) == (1, "")
    assert re.fullmatch(r"error: there is no run yet: \S+shop\.db does not exist\n", said.err)
    assert list(tmp_path.iterdir()) == []


def test_a_list_where_the_database_is_none(call: Call, tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("these are the notes of somebody, and no database at all")
    said = call("list")
    assert said.code == 0
    assert re.search(r"^daily +2", said.out, re.MULTILINE)
    assert re.search(r"cannot be told: .*no SQLite database", said.out)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(call: Call, command: str) -> None:
    said = call(command, "--help")
    assert said.code == 0
    assert said.out.startswith(f"usage: python shop.py {command}")
