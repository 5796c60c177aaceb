"""What a result tells, to tests and to people."""

from __future__ import annotations

import pytest

from ppacer.testing import Pipeline, PipelineError, fails

TABLE = """\
families  failed  planned for 2026-01-02 02:15:00 UTC, took 0s
  task              status           attempts  began after  output, error or reason
  files             success          1         0s           ["a.csv", "b.csv"]
  check             failed           –         0s
  check[0] (a.csv)  success          1         0s           5
  check[1] (b.csv)  failed           1         0s           no route
  mend              upstream_failed  –         0s
  mend[0] (a.csv)   success          1         0s           a.csv:5
  mend[1] (b.csv)   upstream_failed  –         –
  sum               success          1         0s           5
  alert: failure of check[1] to the log alone: The task check[1] of dag families, attempt 1, failed: no ro…
  alert: failure of the run to the log alone: The run of dag families failed
  log of check[1], attempt 1:
    no route
    task check[1] (b.csv) of dag families (flows.ppd:"""


def test_a_table_for_people(flows: Pipeline) -> None:
    stubs = {"files": ["a.csv", "b.csv"], "check[1]": fails("no route")}
    said = str(flows.run("families", at="2026-01-02T02:15", tasks=stubs))
    assert said[: len(TABLE)] == TABLE


def test_the_table_has_the_last_log_of_what_failed(flows: Pipeline) -> None:
    said = str(flows.run("shortly"))
    assert said.count("Traceback (most recent call last):") == 1
    assert "\n  log of flaky, attempt 3:\n    Traceback" in said


def test_a_line_for_messages_of_pytest(flows: Pipeline) -> None:
    assert repr(flows.run("handled", tasks={"work": fails("no route")})) == (
        "<run of handled failed; 1 of 5 succeeded; work: no route; drop: RuntimeError: the broom is gone>"
    )
    many = flows.run("families", tasks={"files": ["x"] * 9, "check": fails("no")})
    assert repr(many).endswith("; check[0]: no; check[1]: no; check[2]: no; and 6 more>")
    assert repr(flows.run("sales")) == "<run of sales success; 6 of 7 succeeded>"
    assert repr(flows.run("sales")["mail"]) == "<task mail skipped (its `when` is false)>"
    assert repr(flows.run("handled", tasks={"work": fails("no")})["work"]) == "<task work failed: no>"


def test_tasks_by_name(flows: Pipeline) -> None:
    result = flows.run("families")
    assert result["check"].members == ("check[0]", "check[1]", "check[2]")
    assert result['check["b.csv"]'] is result["check[1]"] is result.tasks["check[1]"]
    with pytest.raises(PipelineError, match="the run of dag families has no task `chek`; did you mean `check`"):
        result["chek"]
    with pytest.raises(PipelineError, match=r"has no task `check\[3\]`"):
        result["check[3]"]
    with pytest.raises(PipelineError, match=r'`raw` stands for several tasks: raw\["eu"\], raw\["us"\], raw\["apac"\]'):
        flows.run("sales")["raw"]


def test_statuses_of_some_tasks(flows: Pipeline) -> None:
    result = flows.run("sales")
    assert result.statuses("orders.*") == {"orders.dump": "success", "orders.upload": "success"}
    assert result.statuses("raw") == {'raw["eu"]': "success", 'raw["us"]': "success", 'raw["apac"]': "success"}
    assert flows.run("families").statuses("mend") == {
        "mend[0]": "success",
        "mend[1]": "upstream_failed",
        "mend[2]": "success",
    }
    with pytest.raises(PipelineError, match="has no task `order`"):
        result.statuses("order")
