"""Figures beside their marks and beside the baseline's, as text and as a page of the documents."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `baseline` is that of the baseline of the same run, in the same unit; `mark` is what is reached for:
    at least, if more is better, else at most."""

    what: str
    value: float
    unit: str
    mark: float | None
    baseline: float | None
    more_is_better: bool = False

    @property
    def reached(self) -> bool | None:
        if self.mark is None:
            return None
        return self.value >= self.mark if self.more_is_better else self.value <= self.mark

    @property
    def ratio(self) -> float | None:
        return None if not self.baseline else self.value / self.baseline

    def cells(self) -> tuple[str, ...]:
        return (
            self.what,
            f"{_number(self.value)} {self.unit}",
            "" if self.mark is None else f"{'≥' if self.more_is_better else '≤'} {_number(self.mark)} {self.unit}",
            {None: "", True: "reached", False: "missed"}[self.reached],
            "" if self.baseline is None else f"{_number(self.baseline)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
        )


HEAD = ("what", "measured", "mark", "", "baseline", "ratio")


def show(row: Row) -> None:
    what, value, mark, verdict, baseline, ratio = row.cells()
    beside = f"  (baseline {baseline}, ratio {ratio})" if ratio else ""
    print(f"{what:<76} {value:>14}  {mark:>14}  {verdict:<7}{beside}")
    sys.stdout.flush()


def markdown(rows: Iterable[Row]) -> str:
    lines = [f"| {' | '.join(HEAD)} |", "|---|---:|---:|---|---:|---:|"]
    lines += [f"| {' | '.join(row.cells())} |" for row in rows]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
