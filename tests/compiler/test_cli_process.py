"""A program that `ppc run` started ends as it would alone, whoever asks it to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from ppc.cli_process import run_program

pytestmark = pytest.mark.slow

# What a handler says must not go through `print`: it may have interrupted one.
WAITING = """
import os, signal, sys
def end(number, _):
    os.write(1, f"asked to end by {signal.Signals(number).name}\\n".encode())
    sys.exit(7)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, end)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""
RUNNING = (
    "import sys; from ppc.cli_process import run_program; sys.exit(run_program([sys.executable, '-c', sys.argv[1]]))"
)


@pytest.mark.parametrize(
    ("script", "code"), [("pass", 0), ("exit(1)", 1), ("import os; os.kill(os.getpid(), 9)", 128 + 9)]
)
def test_the_exit_code_is_the_programs_own(script: str, code: int) -> None:
    assert run_program([sys.executable, "-c", script]) == code


def test_handlers_are_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    run_program([sys.executable, "-c", "pass"])
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_reaches_the_program(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", RUNNING, WAITING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == f"asked to end by {number.name}\n"
        assert process.wait(90) == 7


def test_an_interrupt_from_the_terminal_is_the_programs_to_answer() -> None:
    """Ctrl-C goes to both processes; the one that only waits must not end before the other."""
    with subprocess.Popen(
        [sys.executable, "-c", RUNNING, WAITING], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)  # its own session: nobody else is in the group
        assert process.stdout.read() == "asked to end by SIGINT\n"
        assert process.wait(90) == 7


SERVING = """
import sys, time
from ppc.cli_process import ServedProgram
served = ServedProgram([sys.executable, "-c", sys.argv[1]])
with served.watched():
    served.start()
    while served.running:
        time.sleep(0.01)
        if sys.argv[2:]:
            raise SystemExit(3)
sys.exit(served.code)
"""


@pytest.mark.parametrize(
    ("number", "told"),
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP, signal.SIGTERM)],
)
def test_whoever_serves_a_program_passes_on_that_it_is_to_end(number: signal.Signals, told: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVING, WAITING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == f"asked to end by {told.name}\n"
        assert process.wait(90) == 7


def test_whoever_serves_a_program_leaves_none_behind() -> None:
    gone = "import signal; signal.pause()"
    command = [sys.executable, "-c", SERVING, gone, "ends early"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 3
