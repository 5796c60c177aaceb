"""Operations as a user gives them, in real processes: restarts, cancels, backfills, schedules written in Python."""

from __future__ import annotations

import re
import signal

import pytest

from ppacer.client import Client
from tests.runtime.cli.processes import SCHEDULES_IN_PYTHON, Shop, running_commands, wait_until

pytestmark = pytest.mark.slow


def status(shop: Shop) -> str:
    """What the latest run is, and in which epoch: `success, epoch 2`."""
    line = shop.call("runs", "-n", "1").stdout.splitlines()[1]
    epoch = re.search(r"epoch \d+", line)
    return line.split()[1] + (f", {epoch[0]}" if epoch is not None else "")


def test_a_failed_run_is_restarted_by_the_program_that_serves(shop: Shop) -> None:
    shop.serve()
    shop.call("run", "daily", "--at", "2026-01-02")
    assert status(shop) == "failed"
    shop.open_gate()
    restarted = shop.call("restart", "latest")
    assert restarted.returncode == 0, restarted.stderr
    assert "anew: day\n" in restarted.stdout
    wait_until(lambda: status(shop) == "success, epoch 2", "the run")
    logs = shop.call("logs", "latest").stdout
    assert re.match(r"day  ✔ success  attempt 1 of epoch 2", logs)


def test_a_run_left_for_the_next_start_goes_on_there(shop: Shop) -> None:
    assert shop.call("run", "daily", "--at", "2026-01-02").returncode == 1
    shop.open_gate()
    assert "goes on at its next start" in shop.call("restart", "latest").stdout
    shop.serve()
    wait_until(lambda: status(shop) == "success, epoch 2", "the run")


def test_a_task_that_runs_is_ended(shop: Shop) -> None:
    server, found = shop.serve()
    shop.start("run", "waits", output="run.txt")
    wait_until(lambda: "waiting" in shop.said("run.txt"), "the gate to be reached")
    said = shop.call("cancel", "latest", "gate")
    assert said.returncode == 0
    assert re.search(r": gate is (cancelled|being cancelled; told to stop: gate)\n$", said.stdout)
    wait_until(lambda: "✖ waits failed" in shop.said("run.txt"), "the end of the run")
    assert re.search(r"■ gate +cancelled", shop.said("run.txt"))
    shells = rf"sleep 0\.05.* {shop.folder}\n"
    wait_until(lambda: not re.search(shells, running_commands() + "\n"), "the shell to end")
    with Client(found.url) as client:
        assert [task.status for task in client.run(client.runs().runs[0].id).tasks] == ["success", "cancelled"]
    assert server.poll() is None


def test_a_backfill_here(shop: Shop) -> None:
    done = shop.call("backfill", "daily", "--from", "2026-01-01", "--until", "2026-01-05", "--parallel", "2")
    assert done.returncode == 1, done.stderr  # since one of its runs failed
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"daily  4 due times, 2026-01-01 .* to 2026-01-05 .*, 2 at once  backfill \S+", lines[0])
    ended = sorted(re.findall(r"^(\S) (2026-01-0\d)", done.stdout, re.MULTILINE), key=lambda pair: pair[1])
    assert ended == [("✔", "2026-01-01"), ("✖", "2026-01-02"), ("✔", "2026-01-03"), ("✔", "2026-01-04")]
    assert lines[-1] == "✖ backfill of daily done: 4 of 4 runs done, 1 of them failed"
    assert not (shop.folder / "shop.run.json").exists()
    again = shop.call("backfill", "daily", "--from", "2026-01-01", "--until", "2026-01-06")
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1] == "✔ backfill of daily done: 1 of 1 runs done; 4 due times had a run"
    listed = shop.call("backfill", "--list").stdout.splitlines()
    assert len(listed) == 3
    assert re.match(
        r"✔ done +daily +2026-01-01 \S+ to 2026-01-06 \S+ +1 of 1 runs done; 4 due times had a run", listed[1]
    )
    history = shop.call("history", "daily").stdout
    assert history.count("backfill started") == history.count("backfill finished") == 2


def test_ctrl_c_cancels_a_backfill_that_is_followed(shop: Shop) -> None:
    server, found = shop.serve()
    program = (shop.folder / "shop.py").read_text()
    assert "[ -e gate ]" in program
    process = shop.start("backfill", "daily", "--from", "2000-01-01", "--until", "2020-01-01", output="backfill.txt")
    wait_until(lambda: "✔ 2000-01-03" in shop.said("backfill.txt"), "some runs")
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 1
    said = shop.said("backfill.txt")
    assert "cancelling the backfill; once more to leave it alone" in said
    assert re.search(r"■ backfill of daily cancelled: \d+ of 7305 runs done", said)
    assert "Traceback" not in said
    assert server.poll() is None
    with Client(found.url) as client:
        (view,) = client.backfills().backfills
        assert (view.status, view.active) == ("cancelled", 0)
        assert view.made < 7305


def test_a_backfill_left_to_the_program_that_serves_is_cancelled_by_another_command(shop: Shop) -> None:
    shop.serve()
    begun = shop.call("backfill", "daily", "--from", "2000-01-01", "--until", "2020-01-01", "--no-follow")
    assert begun.returncode == 0
    backfill_id = begun.stdout.split()[-1]
    cancelled = shop.call("backfill", "--cancel", backfill_id[-8:])
    assert re.fullmatch(rf"backfill {backfill_id} of daily is cancelled: .*\n", cancelled.stdout), cancelled
    assert shop.call("backfill", "--cancel", backfill_id).returncode == 1


def test_a_backfill_left_for_the_next_start(shop: Shop) -> None:
    left = shop.call("backfill", "daily", "--from", "2026-02-01", "--until", "2026-02-03", "--no-follow")
    assert left.returncode == 0, left.stderr
    assert "goes on at its next start" in left.stdout
    shop.serve()
    wait_until(lambda: "2 of 2 runs done" in shop.call("backfill", "--list").stdout, "the backfill")


def test_schedules_in_python_are_asked_in_a_worker(shop: Shop) -> None:
    (shop.folder / "shop.py").write_text(SCHEDULES_IN_PYTHON)
    told = shop.call("next", "odd", "-n", "3")
    assert told.returncode == 0, told.stderr
    assert re.findall(r"\d{4}-\d\d-\d\d 00:00:00 UTC", told.stdout) == [
        "2999-01-03 00:00:00 UTC",
        "2999-01-05 00:00:00 UTC",
        "2999-01-07 00:00:00 UTC",
    ]
    broken = shop.call("next", "broken")
    assert broken.returncode == 1
    assert re.fullmatch(r"error: the schedule odd:Broken does not answer: ValueError: no calendar.*\n", broken.stderr)
    listed = shop.call("list").stdout
    assert re.search(r"^odd +1  odd:Days +2999-01-03 ", listed, re.MULTILINE)
    assert re.search(r"^broken +1  odd:Broken +unknown +the schedule odd:Broken does not answer", listed, re.MULTILINE)
    wait_until(lambda: str(shop.folder) not in running_commands(), "all processes to end")
