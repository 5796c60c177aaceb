"""What `python -m benchmarks` measures is what it says: a sound baseline, sound programs, sound databases."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import editor, finished, graph, page, programs
from benchmarks.baseline import drive
from benchmarks.peers import peers
from benchmarks.peers.__main__ import DRIVERS, Measured, beside, install
from benchmarks.peers.__main__ import main as compare
from benchmarks.peers.defects import __main__ as defects
from benchmarks.peers.defects.mistakes import SOUND, mistakes
from benchmarks.peers.defects.stages import STAGES
from benchmarks.peers.defects.told import Told, first_line, written
from benchmarks.peers.peers import PEERS
from benchmarks.table import Row, markdown
from ppc.cli import main

ROOT = Path(__file__).parents[1]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.baseline", str(tmp_path / "baseline.db"), "50"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def ask(port: int, path: str, body: object) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", path, json.dumps(body).encode())
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


@pytest.mark.slow
def test_the_baseline_refuses_a_stale_token(port: int) -> None:
    [[task, token]] = ask(port, "/claim", {"slots": 1})[1]["tasks"]
    assert ask(port, "/finish", {"tasks": [[task, token + 1]]})[0] == 409
    assert ask(port, "/finish", {"tasks": [[task, token]]})[0] == 200
    assert ask(port, "/finish", {"tasks": [[task, token]]})[0] == 409


@pytest.mark.slow
def test_the_baseline_finishes_each_task_once(port: int, tmp_path: Path) -> None:
    _, laps = drive(port, connections=4, batch=3)
    assert len(laps) >= 50 / 3
    connection = sqlite3.connect(tmp_path / "baseline.db")
    assert connection.execute("SELECT status, count(*), count(DISTINCT token) FROM tasks").fetchall() == [
        ("success", 50, 50)
    ]
    connection.close()


@pytest.mark.parametrize(
    ("source", "contents"),
    [
        *[(programs.wide(isolation), "1 dag, 2 tasks") for isolation in programs.ISOLATIONS],
        *[(programs.long(isolation, 10), "1 dag, 10 tasks") for isolation in programs.ISOLATIONS],
        (programs.each_second(), "1 dag, 1 task"),
        (programs.each_minute(3), "3 dags, 3 tasks"),
        (programs.yearly(3), "3 dags, 3 tasks"),
        (graph.source(40, 10), "1 dag, 40 tasks"),
    ],
)
def test_its_sources_are_sound(
    source: str,
    contents: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("steps.py").write_text(programs.STEPS, encoding="utf-8")
    Path("pipeline.ppd").write_text(source, encoding="utf-8")
    assert main(["check", "pipeline.ppd"]) == 0
    assert capsys.readouterr().out == f"pipeline.ppd: {contents}, no errors\n"


@pytest.mark.slow
def test_a_long_past_is_one_that_the_program_could_have_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finished, "_TASKS_PER_RUN", 20)
    file = programs.build(tmp_path / "full", programs.wide("async"))
    finished.fill(file, 100)
    for table, rows in (("runs", 5), ("tasks", 5 * 22), ("attempts", 5 * 21)):
        assert programs.read(file, f"SELECT count(*) FROM {table}") == [(rows,)]
    assert programs.read(file, "PRAGMA foreign_key_check") == []
    assert programs.read(file, "PRAGMA integrity_check") == [("ok",)]
    with programs.running(file) as program:
        assert len(program.get("/api/v1/runs?limit=20")["runs"]) == 5
        program.trigger(programs.WIDE, count=3)
        program.wait(programs.WIDE)
    assert programs.span_seconds(file, programs.WIDE) > 0
    assert len(programs.attempts(file, programs.WIDE)) == 4


@pytest.mark.slow
def test_many_runs_of_many_dags_are_copies_of_one(tmp_path: Path) -> None:
    file = programs.build(tmp_path / "program", programs.yearly(3))
    page.fill(file, 30, 3)
    assert programs.read(file, "SELECT dag, count(*) FROM runs GROUP BY dag ORDER BY dag") == [
        ("d0", 10),
        ("d1", 10),
        ("d2", 10),
    ]
    with programs.running(file) as program:
        found = program.get("/api/v1/dags")["dags"]
        assert isinstance(found, list)
        assert [[run["status"] for run in dag["last_runs"]] for dag in found] == [["success"] * 10] * 3
        [run] = program.get("/api/v1/runs?dag=d2&limit=1")["runs"]  # type: ignore[misc]
        assert [task["status"] for task in program.get(f"/api/v1/runs/{run['id']}")["tasks"]] == ["success"]  # type: ignore[attr-defined]


def test_the_files_in_the_editor_are_sound_and_as_long_as_they_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert editor.large(editor.LINES).count("\n") == editor.LINES
    Path("shop.py").write_text(editor.SHOP, encoding="utf-8")
    Path("base.ppd").write_text(editor.BASE, encoding="utf-8")
    Path("large.ppd").write_text(editor.large(150), encoding="utf-8")
    Path("one.ppd").write_text(editor.member("one"), encoding="utf-8")
    assert main(["check", "large.ppd"]) == main(["check", "one.ppd"]) == 0


def test_a_row_says_whether_its_mark_is_reached() -> None:
    slow = Row("speed", 2.0, "tasks/s", 3, 4.0, more_is_better=True)
    assert (slow.reached, slow.ratio) == (False, 0.5)
    assert Row("time", 2.0, "s", 3, None).reached
    assert Row("time", 2.0, "s", None, None).reached is None
    assert markdown([slow]).endswith("| speed | 2.00 tasks/s | ≥ 3.00 tasks/s | missed | 4.00 tasks/s | 0.50 |\n")


def test_the_peers_are_pinned_and_have_their_drivers(capsys: pytest.CaptureFixture[str]) -> None:
    names = [peer.name for peer in PEERS]
    assert names[0] == "ppacer"
    assert len(set(names)) == len(names)
    for peer in PEERS[1:]:
        assert bool(peer.requirements) != bool(peer.command)
        assert all(re.fullmatch(r"[\w.-]+==[\d.]+", each) for each in peer.requirements)
        assert not peer.driver or (DRIVERS / f"{peer.driver}.py").is_file()
        assert peer.name in (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    assert compare(["--list"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == names


def test_peers_stand_beside_the_first_of_them() -> None:
    one, other = PEERS[:2]
    first, second = Measured("1", 2.0, 50.0, 0.5, 60.0, 0.1, 0.25), Measured("2", 4.0, 25.0, 0.1, 30.0, 0.0)
    shown = beside([(one, first), (other, second)])
    assert shown.splitlines()[2:] == [
        f"| {one.name} 1 | 2.0 | 1.00 | 50.0 | 1.00 | 0.50 | 60 | 0.1 | 0.25 |",
        f"| {other.name} 2 | 4.0 | 2.00 | 25.0 | 0.50 | 0.10 | 30 | 0.0 | – |",
    ]


def test_a_peer_that_cannot_be_had_is_told_with_the_command_and_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PLACES", tmp_path)
    absent = peers.Peer("absent", "", command=("sh", "-c", "echo no such module >&2; echo more >&2; exit 3"))
    assert install(absent) == f"`{' '.join(absent.command)}` ended with 3: no such module"
    assert str(install(peers.Peer("never", "", command=("no-such-command",)))).startswith("`no-such-command`: ")


def test_forty_mistakes_are_made_on_each_peer_or_the_reason_is_told() -> None:
    found = mistakes()
    assert found[0].key == SOUND
    assert len({mistake.key for mistake in found}) == len(found) == 41
    assert set(STAGES) <= {peer.name for peer in PEERS}
    for mistake in found:
        assert list(mistake.cases) == list(STAGES), mistake.key
        for peer, case in mistake.cases.items():
            main = f"{mistake.key}.{'ppd' if peer == 'ppacer' else 'py'}"
            assert bool(case.reason) != (main in case.files), (mistake.key, peer)
            assert not case.reason or not case.files, (mistake.key, peer)


@pytest.mark.parametrize("peer", STAGES)
def test_their_files_do_not_overwrite_each_other(peer: str) -> None:
    cases = [mistake.cases[peer] for mistake in mistakes()]
    names = ["steps.py", *STAGES[peer].extras, *(name for case in cases for name in case.files)]
    assert sorted(names) == sorted(set(names))


def test_each_program_parses_apart_from_the_one_that_must_not() -> None:
    files = [pair for mistake in mistakes() for case in mistake.cases.values() for pair in case.files.items()]
    for name, text in files:
        if name.endswith(".py") and name != "broken_steps.py":
            compile(text, name, "exec")


def test_what_tells_is_found_in_what_a_command_says() -> None:
    traceback = "Traceback (most recent call last):\n  File …\nKeyError: 'rwos'\n"
    assert first_line(1, traceback, set()) == "KeyError: 'rwos'"
    assert first_line(0, "INFO run 7 finished, no failed tasks\n", {"INFO run # finished, no failed tasks"}) is None
    assert first_line(0, "WARNING retries is 3\n", set()) == "WARNING retries is 3"
    assert first_line(0, "done\n", set()) is None
    assert first_line(3, "", set()) == "exit status 3"
    assert first_line(None, traceback, set()) is None
    stamped = "2026-11-27T21:17:10.940012Z [warning  ] it waits for ever          [a.scheduler] loc=b.py:7\n"
    assert first_line(0, stamped, set()) == "warning: it waits for ever [a.scheduler] loc=b.py:7"


def test_the_files_of_a_mistake_are_there_while_it_is_looked_at(tmp_path: Path) -> None:
    [cycle] = [mistake for mistake in mistakes() if mistake.key == "cycle"]
    with written(tmp_path, cycle.cases["airflow"]):
        assert [file.name for file in tmp_path.iterdir()] == ["cycle.py"]
    assert list(tmp_path.iterdir()) == []


def test_the_table_of_mistakes_counts_what_was_told() -> None:
    told = {mistake.key: Told() for mistake in mistakes() if mistake.key != SOUND}
    told["cycle"] = Told("check", "error: a -> b -> a")
    told["not_storable"] = Told("run", "TypeError", checker="no")
    told["no_tasks"] = Told(reason="it needs none")
    shown = defects.table({"one 1": told})
    assert "| two tasks wait for each other | check |" in shown
    assert "| an output that cannot be stored, an open connection | run † |" in shown
    assert [line for line in shown.splitlines() if line.startswith("| **")] == [
        "| **told by a check** | **1** |",
        "| **told at load** | **0** |",
        "| **told at run** | **1** |",
        "| **never told** | **37** |",
        "| **cannot be made** | **1** |",
        "| **told by mypy** | **1** |",
    ]
    assert "- **one**, run: `TypeError`\n  - mypy: `no`" in defects.lines({"one": told})
