"""A run as the terminal shows it, followed through a real server while the test plays the executor."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from ppacer import spec as s
from ppacer.cli.console import Console
from ppacer.cli.follow import follow
from ppacer.cli.summary import summary
from ppacer.client import Client
from ppacer.protocol import Progress
from ppacer.records import replace
from ppacer.web.messages import LogPage, RunDetail
from tests.runtime.web.conftest import AT, PRINT, FakeExecutor, Serve, Server, literal
from tests.runtime.web.test_web_operations import PROGRAM


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def followed(
    server: Server, run_id: str, play: Callable[[], None], stream: io.StringIO, *, quiet: bool = False
) -> RunDetail:
    """Follows the run in this thread while `play` drives it in another."""
    console = Console(stream, {"TERM": "xterm", "NO_COLOR": "1"})
    faults: list[BaseException] = []

    def drive() -> None:
        try:
            play()
        except BaseException as fault:  # whatever it is, the following must come to its end
            faults.append(fault)
            server.post(f"/api/v1/runs/{run_id}/cancel", {})

    playing = threading.Thread(target=drive)
    playing.start()
    with Client(server.url) as client:
        detail = follow(client, run_id, console, quiet=quiet, logs_command="python shop.py logs")
    playing.join(60)
    if faults:
        raise faults[0]
    summary(detail, console)
    return detail


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def play_failure(executor: FakeExecutor) -> None:
    (assignment,) = executor.claim()
    executor.log(assignment, "one\ntwo", "escape \x1b[2J")
    executor.finish(assignment)
    for number in (1, 2):
        (assignment,) = executor.claim()
        executor.finish(assignment, error=f"Traceback …\n  line\nValueError: no {number}")


def test_in_a_file_every_step_is_a_line(server: Server, executor: FakeExecutor) -> None:
    stream = io.StringIO()
    detail = followed(server, server.trigger(), lambda: play_failure(executor), stream)
    lines = [re.sub(r"\d+\.\d\ds", "0.00s", line) for line in stream.getvalue().splitlines()]
    running = [line for line in lines if line.startswith("●")]
    assert all(re.fullmatch(r'● (raw\["eu/x"\]|load       )  (running|attempt 2)', line) for line in running)
    rest = [line for line in lines if not line.startswith("●")]
    assert rest[:13] == [
        '  raw["eu/x"] │ one',
        '  raw["eu/x"] │ two',
        '  raw["eu/x"] │ escape ',
        '✔ raw["eu/x"]  success  0.00s',
        "↻ load         attempt 1 failed, 0.00s",
        "    Traceback …",
        "      line",
        "    ValueError: no 1",
        "✖ load         failed  0.00s",
        "    Traceback …",
        "      line",
        "    ValueError: no 2",
        f"    its log: python shop.py logs {detail.run.id} load",
    ]
    assert rest[13:17] == [
        "",
        "task         outcome    attempts   time",
        'raw["eu/x"]  ✔ success         1  0.00s',
        "load         ✖ failed          2  0.00s",
    ]
    assert rest[-1] == f"✖ daily failed in 0.00s  run {detail.run.id}"


def test_only_logs_that_have_something_new_are_asked_for(
    server: Server, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of ten thousand silent tasks is followed without ten thousand questions for their logs."""
    asked: list[str] = []
    logs = Client.logs

    def counted(self: Client, run_id: str, task: str, **given: object) -> LogPage:
        asked.append(task)
        return logs(self, run_id, task, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "logs", counted)
    run_id = server.trigger()
    (silent,) = executor.claim()
    executor.finish(silent)
    (talking,) = executor.claim()
    executor.log(talking, "one", "two")
    executor.finish(talking)
    stream = io.StringIO()
    detail = followed(server, run_id, lambda: None, stream)
    assert asked == [talking.task]
    assert [attempt.log for task in detail.tasks for attempt in task.attempts] == [0, 2]
    assert "load        │ two" in stream.getvalue()


def test_in_a_terminal_what_runs_is_redrawn_below_what_ended(server: Server, executor: FakeExecutor) -> None:
    stream = Terminal()
    followed(server, server.trigger(), lambda: play_failure(executor), stream, quiet=True)
    text = stream.getvalue()
    screen: list[str] = []
    for part in filter(None, re.split(r"(\x1b\[\d+F\x1b\[J|\n)", text)):
        if (moved := re.fullmatch(r"\x1b\[(\d+)F\x1b\[J", part)) is not None:
            del screen[len(screen) - int(moved[1]) :]
        elif part != "\n":
            screen.append(part)
    assert "tasks done" in text
    assert not [line for line in screen if "tasks done" in line or line.startswith("●")]
    assert [line[:18].strip() for line in screen if line[:1] in "✔✖↻"][:3] == [
        '✔ raw["eu/x"]  suc',
        "↻ load         att",
        "✖ load         fai",
    ]
    assert "│" not in text


def test_a_run_that_ended_before_is_shown_at_once(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger()
    executor.work_off()
    stream = io.StringIO()
    detail = followed(server, run_id, lambda: None, stream)
    assert detail.run.status == "success"
    assert stream.getvalue().count("✔ load") == 1


def test_a_long_log_is_cut_with_a_hint_where_the_rest_is(server: Server, executor: FakeExecutor) -> None:
    def play() -> None:
        (assignment,) = executor.claim()
        executor.log(assignment, *(f"line {number}" for number in range(700)))
        executor.finish(assignment)
        executor.work_off(1)

    stream = io.StringIO()
    detail = followed(server, server.trigger(), play, stream)
    text = stream.getvalue()
    assert text.count("│ line ") == 500
    assert text.count(f"… and more: python shop.py logs {detail.run.id} 'raw[\"eu/x\"]'") == 1


def expand(executor: FakeExecutor, count: int) -> None:
    (assignment,) = executor.claim()
    executor.finish(assignment, output=json.dumps([f"file {index}" for index in range(count)]))


def work(executor: FakeExecutor, count: int, *failing: int) -> None:
    for _ in range(count):
        (assignment,) = executor.claim()
        error = f"ValueError: no {assignment.position}" if assignment.position in failing else None
        executor.finish(assignment, error=error)


def outcomes(text: str) -> list[str]:
    """The lines that tell of ends, without times."""
    lines = [line for line in text.splitlines() if line[:1] in tuple("✔✖○■!")]
    return [re.sub(" {2,}", "  ", re.sub(r"\d+\.\d\ds", "0.00s", line)) for line in lines]


def test_the_members_of_a_small_family_are_shown_one_by_one(serving: Serve) -> None:
    server = serving(program=PROGRAM)
    executor = FakeExecutor(server)

    def play() -> None:
        expand(executor, 2)
        work(executor, 2, 1)

    stream = io.StringIO()
    followed(server, server.trigger("wide"), play, stream)
    text = stream.getvalue()
    assert sorted(outcomes(text)[:4]) == [
        "✔ check[0]  success  0.00s  file 0",
        "✔ files  success  0.00s",
        "✖ check  failed  2 members, 1 failed",
        "✖ check[1]  failed  0.00s  file 1",
    ]
    assert "    ValueError: no 1" in text
    assert re.search(r"its log: python shop\.py logs \S+ 'check\[1\]'", text)
    table = text.partition("task      outcome")[2]
    assert re.search(r"^check +✖ failed +– +\d+\.\d\ds  2 members, 1 failed$", table, re.MULTILINE)
    assert re.search(r"^check\[0\] +✔ success +1 +\d+\.\d\ds  file 0$", table, re.MULTILINE)


def test_of_a_big_family_only_what_goes_wrong_is_shown(serving: Serve) -> None:
    server = serving(program=PROGRAM)
    executor = FakeExecutor(server)
    failing = (3, *range(20, 31))

    def play() -> None:
        expand(executor, 40)
        work(executor, 40, *failing)

    stream = io.StringIO()
    followed(server, server.trigger("wide"), play, stream)
    text = stream.getvalue()
    told = outcomes(text)
    assert len([line for line in told if line.startswith("✖ check[") and "failed  0.00s  file" in line]) == 10
    assert text.count("… and more members of check that did not go well") == 1
    assert not [line for line in told if line.startswith("✔ check[")]
    assert "✖ check  failed  40 members, 12 failed" in told
    assert not re.search(r"running +.*\ncheck\[", text)
    table = text.partition("outcome")[2]
    assert re.search(r"^check +✖ failed +– +\S+ +40 members, 12 failed$", table, re.MULTILINE)
    assert len(re.findall(r"^check\[\d+\]", table, re.MULTILINE)) == 12


def test_a_terminal_tells_how_far_a_family_and_a_task_have_come(serving: Serve) -> None:
    server = serving(program=PROGRAM)
    executor = FakeExecutor(server)
    stream = Terminal()

    def shows(text: str) -> bool:
        return text in stream.getvalue()

    def play() -> None:
        (assignment,) = executor.claim()
        executor.exchange(progress=(Progress(assignment.attempt, assignment.token, 1, 0.4, "listing"),))
        until(lambda: shows("40% listing"))
        executor.finish(assignment, output=json.dumps(list(range(30))))
        work(executor, 12, 2)
        until(lambda: shows("12 of 30 done, 1 failed"))
        until(lambda: shows("14 of 32 tasks done"))
        work(executor, 18)

    followed(server, server.trigger("wide"), play, stream)
    assert shows("30 members, 1 failed")


def test_why_a_task_did_not_run_and_handlers_that_had_nothing_to_do(serving: Serve) -> None:
    tasks = (
        s.Task("first", PRINT, AT, children=("mail",)),
        s.Task("mail", PRINT, AT, parents=("first",), when=literal(False)),
        s.Task("page", PRINT, AT, handler=s.HandlerKind.FAILURE),
        s.Task("drop", PRINT, AT, handler=s.HandlerKind.FINALLY),
    )
    server = serving(program=replace(PROGRAM, dags=(s.Dag("d", AT, tasks, deadline=timedelta(milliseconds=1)),)))
    executor = FakeExecutor(server)
    stream = io.StringIO()
    detail = followed(server, server.trigger("d"), lambda: executor.work_off(2), stream)
    assert detail.run.late_at is not None
    text = stream.getvalue()
    assert "○ mail  skipped  its `when` is false" in outcomes(text)
    assert text.count("! d is late: it should have ended by now\n") == 1
    table = text.partition("task ")[2]
    assert re.findall(r"^(\w+)  +[✔○]", table, re.MULTILINE) == ["first", "mail", "drop"]
    assert re.search(r"^✔ d success in \S+  late  run \S+$", table, re.MULTILINE)
