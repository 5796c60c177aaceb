"""`ppc show` and `ppc graph` as a person meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppc.cli import main

SALES = """\
import shop.etl

defaults { retries = 1 }

dag sales {
  \"\"\"Load the sales.

  Twice.\"\"\"
  schedule = [cron("15 2 * * *"), every(6h)]
  timezone = "Europe/Warsaw"
  start = 2026-01-01
  tags = ["sales"]
  task raw = shop.etl.load("eu", run.date - 1d)
  task store = shop.etl.load(raw) { retries = 5, retry_delay = 10s }
  raw -> store
}

dag other { task only = print("x") }
"""


@pytest.fixture(autouse=True)
def _a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows" / "shop").mkdir(parents=True)
    Path("flows/sales.ppd").write_text(SALES, encoding="utf-8")
    Path("flows/shop/__init__.py").touch()
    Path("flows/shop/etl.py").write_text("def load(*what: object) -> str: ...\n", encoding="utf-8")
    Path("bad.ppd").write_text("dag d { task a = nosuch() }\n", encoding="utf-8")


def test_show_tells_what_was_worked_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "flows/sales.ppd", "sales"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "dag sales   flows/sales.ppd:5"
    assert lines[1:4] == ["  Load the sales.", "", "  Twice."]
    assert '  schedule        cron("15 2 * * *"), every(6h)' in lines
    assert sum("CET" in line or "CEST" in line for line in lines) == 1
    assert '  tags            ["sales"]' in lines
    assert '  task raw = shop.etl.load("eu", run.date - 1d)   flows/sales.ppd:13' in lines
    at = lines.index("  task store = shop.etl.load(raw)   flows/sales.ppd:14")
    assert lines[at + 1 :] == [
        "    after           raw",
        "    retries         5",
        "    retry_delay     10s",
        "    timeout         10m",
    ]
    assert "    retries         1" in lines[:at]


def test_without_a_name_all_dags_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "flows/sales.ppd"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("dag ")] == [
        "dag sales   flows/sales.ppd:5",
        "dag other   flows/sales.ppd:18",
    ]
    assert "none: by trigger only" in out


@pytest.mark.parametrize("command", ["show", "graph"])
def test_an_unknown_dag_and_faults_are_told(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "flows/sales.ppd", "nosuch"]) == 2
    assert capsys.readouterr() == ("", "error: there is no dag nosuch in flows/sales.ppd; there are sales, other\n")
    assert main([command, "bad.ppd"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "error[E203]" in err


def test_graph_draws_to_the_output_or_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "flows/sales.ppd", "sales"]) == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")
    for place, beginning in (("a.svg", "<svg"), ("b/c.dot", "digraph"), ("d.GV", "digraph"), ("e.mmd", "flowchart")):
        assert main(["graph", "flows/sales.ppd", "-o", place]) == 0
        assert Path(place).read_text(encoding="utf-8").startswith(beginning)
    assert main(["graph", "flows/sales.ppd", "-o", "f.txt", "--format", "svg"]) == 0
    assert Path("f.txt").read_text(encoding="utf-8").startswith("<svg")
    assert capsys.readouterr() == ("", "")


def test_graph_never_writes_over_a_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "flows/sales.ppd", "-o", "flows/sales.ppd"]) == 2
    assert Path("flows/sales.ppd").read_text(encoding="utf-8") == SALES
    assert main(["graph", "flows/sales.ppd", "-o", "flows/"]) == 1
    assert "flows" in capsys.readouterr().err


EVERYTHING = """\
let regions = ["eu", "us"]

notifier ops = log()
pool warehouse { slots = 4 }
label gpu

template copy(table: str) {
  task dump   = shell(f"pg_dump {table}")
  task upload = shell(f"upload {table}")
  dump -> upload
}

dag all {
  schedule    = every(1h)
  overlap     = skip
  run_timeout = 2h
  deadline    = 30m
  notify      = ops
  alert_on    = [failure, late]
  ping        = f"https://example.org/{env("PING")}"
  param full: bool = false
  param day: date = run.date
  task raw[region in regions] = shell(f"get {region}", output = "json") {
    retries = 2, backoff = exponential(initial = 10s, max = 5m), runs_on = gpu, pool = warehouse
  }
  task each[row in raw["eu"]] = print(row)
  task mail = print("x", params.day) when params.full {
    trigger = all_done, env = {"A": f"{run.id}", "B": secret("B")}, cwd = "/srv", memory = "1GB"
  }
  group customers = copy("customers")
  [raw, each] -> customers -> mail
  on failure { task page = print(run.status) { alert_on = [retry], alert = f"{task.id}: {task.error}" } }
}
"""


def test_all_that_a_run_can_do_is_shown_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("all.ppd").write_text(EVERYTHING, encoding="utf-8")
    assert main(["show", "all.ppd"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in [
        "  schedule        every(1h)",
        "  overlap         skip",
        "  run_timeout     2h",
        "  deadline        30m",
        "  notify          ops",
        "  alert_on        [failure, late]",
        '  ping            f"https://example.org/{env("PING")}"',
        "  param           full: bool = false",
        "  param           day: date = run.date",
        '  task raw["eu"] = shell("get eu", output = "json")   all.ppd:23',
        "    backoff         exponential(initial = 10s, max = 5m, factor = 2, jitter = 0)",
        "    runs_on         gpu",
        "    pool            warehouse",
        '  task each = print(row) for each row in raw["eu"]   all.ppd:26',
        '  task mail = print("x", params.day) when params.full   all.ppd:27',
        "    trigger         all_done",
        '    env             A = f"{run.id}", B = secret("B")',
        '    cwd             "/srv"',
        '    memory          "1GB"',
        '  task customers.dump = shell("pg_dump customers")   all.ppd:8',
        "  on failure page = print(run.status)   all.ppd:32",
        "    alert_on        [retry]",
        '    alert           f"{task.id}: {task.error}"',
    ]:
        assert line in lines, line
    for drawing in ("mermaid", "dot", "svg"):
        assert main(["graph", "all.ppd", "--format", drawing]) == 0
        assert "upload" in capsys.readouterr().out
