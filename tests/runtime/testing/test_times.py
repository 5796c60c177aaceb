"""When a dag is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ppacer.testing import Pipeline, PipelineError


def shown(times: list[datetime]) -> list[str]:
    return [time.isoformat() for time in times]


def test_cron_through_a_change_of_the_clocks(flows: Pipeline) -> None:
    assert shown(flows.next_times("sales", "2026-03-28T02:15", 2)) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:15:00+02:00",
    ]
    after = datetime(2026, 3, 28, 1, 14, tzinfo=UTC)
    assert shown(flows.next_times("sales", after)) == ["2026-03-28T02:15:00+01:00"]


def test_a_schedule_in_python_is_asked_in_this_process(flows: Pipeline) -> None:
    assert shown(flows.next_times("workdays", "2026-01-01", 3)) == [
        "2026-01-01T07:00:00+01:00",
        "2026-01-02T07:00:00+01:00",
        "2026-01-05T07:00:00+01:00",
    ]
    assert shown(flows.next_times("workdays", "2026-01-02T07:00", previous="2026-01-02T07:00")) == [
        "2026-01-05T07:00:00+01:00"
    ]


def test_what_such_a_schedule_raises_comes_out(flows: Pipeline) -> None:
    with pytest.raises(RuntimeError, match="no calendar"):
        flows.next_times("broken", "2026-01-01")


def test_a_dag_that_is_never_due(flows: Pipeline) -> None:
    assert flows.next_times("handled", "2026-01-01", 3) == []
    with pytest.raises(PipelineError, match="there is no dag `sale`"):
        flows.next_times("sale", "2026-01-01")
    with pytest.raises(PipelineError, match="after: 'noon' is no time"):
        flows.next_times("sales", "noon")
