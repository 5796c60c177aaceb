"""Each crash point is hit by a real kill, and nothing that was acknowledged is lost or done twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.crash.points import POINTS, Point
from tests.crash.run import Trial, attempt, series
from tests.crash.world import built

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc"),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, compiled once."""
    return built(tmp_path_factory.mktemp("template"))


@pytest.mark.parametrize("points", series(list(POINTS.values())), ids=lambda points: points[0].series)
def test_killed_and_started_again(template: Path, tmp_path: Path, points: tuple[Point, ...]) -> None:
    result = attempt(template, tmp_path / "world", Trial(points))
    assert not result.faults, "\n".join(result.faults)
    assert result.hits == len(points)


@pytest.mark.parametrize(
    ("plant", "point", "told"),
    [
        ("answers before it commits", "apart:commit.report.before", ["accepted was success"]),
        ("swallows a report", "apart:request.claim.before", ["accepted was success"]),
        ("succeeds without running", "apart:handover.process.before", ["a success that did not happen"]),
        ("forgets a commit", "apart:commit.report.after", ["commit.report.after was not where the kill fell"]),
        ("leaves workers behind", "apart:request.renewal.before", ["done under two tokens", "processes are left"]),
    ],
)
def test_a_planted_fault_is_found(template: Path, tmp_path: Path, plant: str, point: str, told: list[str]) -> None:
    """The checker can fail: with the same kill, of a program that is wrong, it says what is wrong."""
    result = attempt(template, tmp_path / "world", Trial((POINTS[point],), plant=plant))
    for words in told:
        assert any(words in fault for fault in result.faults), result.faults
