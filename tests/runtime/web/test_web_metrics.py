"""What Prometheus is told: true, complete, in its own format, and told of in the documents."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import ppacer
from ppacer.services.measures import Histogram
from ppacer.web.metrics import METRICS, Metric, MetricKind, Sample, snapshot
from ppacer.web.metrics_text import written
from tests.runtime.counting import calls
from tests.runtime.store.executed import executed
from tests.runtime.web.conftest import FakeExecutor, Serve, Server
from tests.runtime.web.test_web_operations import PROGRAM as WITH_FAMILIES

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def metrics(server: Server) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples by their names and the values of their labels."""
    answer = server.ask("/metrics")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_what_has_happened_is_counted(server: Server, executor: FakeExecutor) -> None:
    server.trigger("by_hand")
    executor.work_off(1)
    server.trigger()
    (first,) = executor.claim()
    executor.finish(first, error="no")
    server.trigger("by_hand")
    found = metrics(server)
    assert found["ppacer_runs_total"] == {("by_hand", "success"): 1, ("daily", "failed"): 1}
    assert found["ppacer_tasks_total"] == {
        ("by_hand", "success"): 1,
        ("daily", "failed"): 1,
        ("daily", "upstream_failed"): 1,
    }
    assert found["ppacer_attempts_total"] == {("by_hand", "success"): 1, ("daily", "failed"): 1}
    assert found["ppacer_attempt_duration_seconds_count"] == {("success",): 1, ("failed",): 1}
    assert found["ppacer_attempt_wait_seconds_count"] == {(): 2}
    assert found["ppacer_run_delay_seconds_count"] == {(): 0}, "nothing was scheduled"
    assert (found["ppacer_runs_active"], found["ppacer_attempts_waiting"]) == ({(): 1}, {(): 1})
    assert (found["ppacer_executors"], found["ppacer_executor_slots"]) == ({(): 1}, {(): 4})
    assert found["ppacer_build_info"] == {("ab" * 32, "shop", ppacer.__version__): 1}
    assert found["ppacer_ready"] == {(): 1}
    assert found["ppacer_commit_duration_seconds_count"][()] >= 4
    assert (
        found["ppacer_commit_duration_seconds_bucket"][("+Inf",)] == found["ppacer_commit_duration_seconds_count"][()]
    )
    assert found["ppacer_writes_total"][()] > 10
    assert found["ppacer_database_errors_total"] == {(): 0}
    assert "python_info" in found


def test_tasks_that_a_new_epoch_copies_are_not_counted_again(serving: Serve) -> None:
    server = serving(program=WITH_FAMILIES)
    executor = FakeExecutor(server)
    run_id = server.trigger("wide")
    (files,) = executor.claim()
    executor.finish(files, output='["a","b"]')
    for member in executor.claim(2):
        executor.finish(member, error="no" if member.position else None)
    server.post(f"/api/v1/runs/{run_id}/restart", {})
    executor.work_off(2)
    found = metrics(server)
    # files, check[0], at last check[1], check as a whole, and total; before that check[1], check and total
    assert found["ppacer_tasks_total"] == {
        ("wide", "success"): 5,
        ("wide", "failed"): 2,
        ("wide", "upstream_failed"): 1,
    }
    assert found["ppacer_runs_total"] == {("wide", "failed"): 1, ("wide", "success"): 1}
    assert found["ppacer_pool_slots"] == {("narrow",): 1, ("unused",): 3}


def test_every_metric_is_told_in_the_documents_and_no_other() -> None:
    rows = re.findall(r"^\| `(ppacer_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    told = [(name, kind, tuple(re.findall(r"`(\w+)`", labels)), words) for name, kind, labels, words in rows]
    assert told == [(each.name, each.kind.value, each.labels, each.help) for each in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric: object) -> None:
    assert isinstance(metric, type(METRICS[0]))
    assert metric.name.endswith("_total") is (metric.kind is MetricKind.COUNTER)
    assert metric.name.endswith("_seconds") is (metric.kind is MetricKind.HISTOGRAM)


def test_a_histogram_counts_a_value_at_a_bound_below_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.observe(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 1], 14.0)


def test_a_scraper_needs_the_token_where_all_do(serving: Serve) -> None:
    server = serving(host="0.0.0.0", token="s3cret")
    assert server.ask("/metrics").status == 401
    assert server.ask("/metrics", headers={"Authorization": "Bearer s3cret"}).status == 200


def series(dags: int) -> list[tuple[Metric, list[Sample]]]:
    """What is counted of so many dags."""
    counted = [metric for metric in METRICS if metric.labels == ("dag", "status")]
    labels = [(f"dag_{number}", status) for number in range(dags) for status in ("success", "failed")]
    return [(metric, [Sample(each, number) for number, each in enumerate(labels)]) for metric in counted]


def test_a_look_takes_no_statement_and_no_more_after_more_runs(server: Server, executor: FakeExecutor) -> None:
    def work_off(runs: int) -> None:
        for _ in range(runs):
            server.trigger("by_hand")
            executor.work_off(1)

    work_off(1)
    metrics(server)
    with executed(server.site.store._database) as statements:
        metrics(server)
    assert statements == []
    few = calls(lambda: snapshot(server.site))
    lines = len(server.ask("/metrics").body.splitlines())
    work_off(10)
    assert calls(lambda: snapshot(server.site)) == few
    assert len(server.ask("/metrics").body.splitlines()) == lines


def test_what_a_look_costs_grows_with_the_dags_and_no_faster() -> None:
    written(series(1))
    few, many = (calls(partial(written, series(dags))) for dags in (100, 1000))
    assert many < 11 * few


def test_the_library_is_loaded_only_when_somebody_looks() -> None:
    code = "import sys, ppacer.web.app; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
