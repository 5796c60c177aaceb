"""A run as the terminal shows it, followed through a real server while the test plays the executor."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable

from ppacer.cli.console import Console
from ppacer.cli.follow import follow
from ppacer.cli.summary import summary
from ppacer.client import Client
from ppacer.web.messages import RunDetail
from tests.runtime.web.conftest import FakeExecutor, Server


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def followed(
    server: Server, run_id: str, play: Callable[[], None], stream: io.StringIO, *, quiet: bool = False
) -> RunDetail:
    """Follows the run in this thread while `play` drives it in another."""
    console = Console(stream, {"TERM": "xterm", "NO_COLOR": "1"})
    playing = threading.Thread(target=play)
    playing.start()
    with Client(server.url) as client:
        detail = follow(client, run_id, console, quiet=quiet, logs_command="python shop.py logs")
    playing.join(10)
    summary(detail, console)
    return detail


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
