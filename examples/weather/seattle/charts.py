"""The pictures of the report, as SVG that needs nothing else. Colours are classes of the page's style sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

WIDTH = 960
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 26
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Month(NamedTuple):
    """Precipitation in mm, means of the daily highs and lows in °C."""

    year: int
    month: int
    precipitation: float
    high: float
    low: float

    @property
    def name(self) -> str:
        return f"{MONTHS[self.month - 1]} {self.year}"


def temperatures(months: Sequence[Month]) -> str:
    """A band from the mean low to the mean high of each month."""
    frame = _Frame(len(months), 260, min(0, *(m.low for m in months)), max(m.high for m in months), step=5)
    highs = [(frame.middle(i), frame.y(m.high)) for i, m in enumerate(months)]
    lows = [(frame.middle(i), frame.y(m.low)) for i, m in enumerate(months)]
    return _svg(
        "Mean daily high and low of each month, in degrees Celsius",
        frame,
        [
            *frame.axes(months, "°"),
            f'<polygon class="band" points="{_points([*highs, *reversed(lows)])}"/>',
            f'<polyline class="high" points="{_points(highs)}"/>',
            f'<polyline class="low" points="{_points(lows)}"/>',
            *(
                frame.column(i, "hover", frame.top, f"{m.name}: high {m.high:.1f} °C, low {m.low:.1f} °C")
                for i, m in enumerate(months)
            ),
        ],
    )


def precipitation(months: Sequence[Month]) -> str:
    """A bar for each month."""
    frame = _Frame(len(months), 220, 0, max(m.precipitation for m in months), step=50)
    bars = (
        frame.column(i, "rain", m.precipitation, f"{m.name}: {m.precipitation:.1f} mm") for i, m in enumerate(months)
    )
    return _svg("Precipitation of each month, in millimetres", frame, [*frame.axes(months, ""), *bars])


def shares(kinds: Sequence[tuple[str, int]]) -> str:
    """One bar, cut into the days of each kind of weather."""
    total = sum(days for _, days in kinds)
    parts: list[str] = []
    x = 0.0
    for kind, days in kinds:
        width = WIDTH * days / total
        label = f"{kind}: {days} days, {days / total:.0%}"
        parts.append(
            f'<rect class="kind {escape(kind)}" x="{x:.1f}" y="0" width="{width:.1f}" height="30">'
            f"<title>{escape(label)}</title></rect>"
        )
        x += width
    drawing = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} 30" role="img" preserveAspectRatio="none">{drawing}</svg>'


@dataclass(frozen=True)
class _Frame:
    """A plot of `count` columns over values from `low` to `high`, widened to whole steps of the grid."""

    count: int
    height: int
    low: float
    high: float
    step: int

    @property
    def bottom(self) -> int:
        return int(self.low // self.step) * self.step

    @property
    def top(self) -> int:
        return -int(-self.high // self.step) * self.step

    @property
    def column_width(self) -> float:
        return (WIDTH - LEFT - RIGHT) / self.count

    def x(self, column: int) -> float:
        return LEFT + column * self.column_width

    def middle(self, column: int) -> float:
        return self.x(column) + self.column_width / 2

    def y(self, value: float) -> float:
        room = self.height - TOP - BOTTOM
        return TOP + room * (self.top - value) / (self.top - self.bottom)

    def column(self, number: int, name: str, value: float, label: str) -> str:
        """A bar from the bottom to `value`, with a text that shows when one points at it."""
        return (
            f'<rect class="{name}" x="{self.x(number) + 1:.1f}" y="{self.y(value):.1f}" rx="1.5"'
            f' width="{self.column_width - 2:.1f}" height="{self.y(self.bottom) - self.y(value):.1f}">'
            f"<title>{escape(label)}</title></rect>"
        )

    def axes(self, months: Sequence[Month], unit: str) -> Iterator[str]:
        for value in range(self.bottom, self.top + 1, self.step):
            y = self.y(value)
            name = "zero" if value == 0 else "grid"
            yield f'<line class="{name}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value}{unit}</text>'
        for number, month in enumerate(months):
            if month.month == 1:
                x = self.x(number)
                yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{self.height - 6}"/>'
                yield f'<text class="year" x="{x + 8:.1f}" y="{self.height - 8}">{month.year}</text>'


def _svg(title: str, frame: _Frame, parts: Sequence[str]) -> str:
    drawing = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {frame.height}" role="img" aria-label="{escape(title)}">\n'
        f"{drawing}\n</svg>"
    )  # fmt: skip


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
