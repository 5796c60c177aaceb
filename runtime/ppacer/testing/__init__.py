"""Dags under pytest: in this process, on a fake clock, with tasks stubbed by name.

    from ppacer.testing import fails, in_turn, load

    sales = load("sales.ppd")


    def test_a_region_that_is_down_is_tried_again():
        result = sales.run("daily_sales", at="2026-01-02T02:15", tasks={"raw": [], 'raw["us"]': in_turn(fails(), [])})
        assert result.status == "success"
        assert result['raw["us"]'].attempts == 2

`docs/testing.md` tells it all.
"""

from __future__ import annotations

from ppacer.testing.calls import UNKNOWN
from ppacer.testing.errors import PipelineError
from ppacer.testing.pipeline import DEFAULT_AT, Moment, Pipeline, load
from ppacer.testing.results import Alert, Called, LogLine, RunEvent, RunResult, TaskResult, Try
from ppacer.testing.stubs import cancelled, fails, in_turn, lost, real, takes, times_out

__all__ = [
    "DEFAULT_AT",
    "UNKNOWN",
    "Alert",
    "Called",
    "LogLine",
    "Moment",
    "Pipeline",
    "PipelineError",
    "RunEvent",
    "RunResult",
    "TaskResult",
    "Try",
    "cancelled",
    "fails",
    "in_turn",
    "load",
    "lost",
    "real",
    "takes",
    "times_out",
]
