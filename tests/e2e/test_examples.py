"""The examples, built with `ppc build` and run as a person would, and their results checked."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """What the command printed on both streams. It must succeed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_hello_is_built_alike_each_time_and_keeps_its_order(tmp_path: Path) -> None:
    build = tmp_path / "build" / "hello.py"
    run("-m", "ppc.cli", "build", EXAMPLES / "hello.ppd", "-o", "build/", cwd=tmp_path)
    first = build.read_bytes()
    run("-m", "ppc.cli", "build", EXAMPLES / "hello.ppd", "-o", "build/", cwd=tmp_path)
    assert build.read_bytes() == first
    run(build, "run", "hello", cwd=tmp_path)
    ended = tasks_in_order_of_start(build.with_suffix(".db"))
    assert sorted(ended) == ["bar", "finish", "foo", "start"]
    assert ended[0] == "start"
    assert ended.index("bar") < ended.index("finish")


def tasks_in_order_of_start(database: Path) -> list[str]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return [task for (task,) in connection.execute("SELECT task FROM attempts ORDER BY started_at, task")]


# --- weather ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, built elsewhere and run twice: its tasks may be repeated."""
    home = tmp_path_factory.mktemp("weather")
    shutil.copytree(EXAMPLES / "weather", home / "example", ignore=shutil.ignore_patterns("out", "__pycache__"))
    run("-m", "ppc.cli", "build", "example/weather.ppd", "-o", "build/", cwd=home)
    for _ in range(2):
        run("build/weather.py", "run", "weather", cwd=home)
    return home / "build" / "out"


@pytest.fixture(scope="module")
def measurements() -> Iterator[sqlite3.Connection]:
    """The raw table in SQL, which is another way to its figures than the pipeline's own."""
    package = importlib.util.find_spec("vega_datasets")
    assert package is not None
    assert package.submodule_search_locations
    raw = Path(package.submodule_search_locations[0], "_data", "seattle-weather.csv").read_text(encoding="utf-8")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE raw (year, month, day, tenths_of_mm, high, low, kind)")
        for line in raw.splitlines()[1:]:
            date, precipitation, high, low, _, kind = line.split(",")
            tenths = [int(Decimal(value) * 10) for value in (precipitation, high, low)]
            row = [*map(int, date.split("/")), *tenths, kind]
            connection.execute("INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        yield connection


def test_the_report_holds_the_right_figures(weather: Path, measurements: sqlite3.Connection) -> None:
    expected = measurements.execute(
        "SELECT year, count(*), sum(tenths_of_mm > 0), sum(tenths_of_mm), sum(high), sum(low), max(high), min(low)"
        " FROM raw GROUP BY year ORDER BY year"
    ).fetchall()
    rows = Table.read(weather / "report.html", "years")[1:]
    assert [int(row[0]) for row in rows] == [year for year, *_ in expected] == [2012, 2013, 2014, 2015]
    for row, (year, days, wet, rain, highs, lows, warmest, coldest) in zip(rows, expected, strict=True):
        assert row[1:3] == [str(days), str(wet)]
        assert number(row[3]) == Decimal(rain) / 10
        assert abs(number(row[4]) - Decimal(highs) / days / 10) <= Decimal("0.05")
        assert abs(number(row[5]) - Decimal(lows) / days / 10) <= Decimal("0.05")
        assert extreme(row[6]) in extremes(measurements, year, "high", warmest)
        assert extreme(row[7]) in extremes(measurements, year, "low", coldest)


def test_the_cards_hold_the_right_figures(weather: Path, measurements: sqlite3.Connection) -> None:
    page = (weather / "report.html").read_text(encoding="utf-8")
    cards = dict(re.findall(r"<dt>(\w+ \w+)</dt><dd>(.*?) (?:°C|mm)</dd>", page))
    warmest, coldest = measurements.execute("SELECT max(high), min(low) FROM raw").fetchone()
    wettest, driest = measurements.execute(
        "SELECT max(rain), min(rain) FROM (SELECT sum(tenths_of_mm) AS rain FROM raw GROUP BY year, month)"
    ).fetchone()
    assert {name: number(value) * 10 for name, value in cards.items()} == {
        "Warmest day": warmest,
        "Coldest day": coldest,
        "Wettest month": wettest,
        "Driest month": driest,
    }
    (days,) = measurements.execute("SELECT count(*) FROM raw").fetchone()
    assert f"{days:,} days of measurements" in page


def test_the_pictures_hold_the_right_figures(weather: Path, measurements: sqlite3.Connection) -> None:
    page = (weather / "report.html").read_text(encoding="utf-8")
    months = measurements.execute(
        "SELECT year, month, sum(tenths_of_mm) / 10.0 FROM raw GROUP BY year, month ORDER BY year, month"
    ).fetchall()
    bars = re.findall(r"<title>(\w{3}) (\d{4}): ([\d.]+) mm</title>", page)
    assert [(int(year), float(rain)) for _, year, rain in bars] == [(year, rain) for year, _, rain in months]
    assert [datetime.strptime(name, "%b").month for name, *_ in bars] == [month for _, month, _ in months]  # noqa: DTZ007
    heights = [float(height) for height in re.findall(r'<rect class="rain"[^>]* height="([\d.]+)"', page)]
    scale = max(heights) / max(rain for *_, rain in months)
    assert heights == pytest.approx([rain * scale for *_, rain in months], abs=0.1)
    kinds = measurements.execute("SELECT year, kind, count(*) FROM raw GROUP BY year, kind").fetchall()
    shown = re.findall(r"<title>(\w+): (\d+) days", page)
    assert sorted((kind, int(days)) for kind, days in shown if days != "0") == sorted((k, d) for _, k, d in kinds)


def test_the_report_needs_nothing_from_elsewhere(weather: Path) -> None:
    page = (weather / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=|url\(|@import|<script""", page)
    assert sorted(entry.name for entry in weather.iterdir()) == ["days.csv", "report.html", "weather.sqlite"]


def test_the_database_holds_every_day_once(weather: Path, measurements: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(weather / "weather.sqlite")) as connection:
        loaded = connection.execute("SELECT day, precipitation, high, low, weather FROM days ORDER BY day").fetchall()
    raw = measurements.execute(
        "SELECT printf('%d-%02d-%02d', year, month, day), tenths_of_mm / 10.0, high / 10.0, low / 10.0, kind"
        " FROM raw ORDER BY 1"
    ).fetchall()
    assert loaded == raw


def number(text: str) -> Decimal:
    return Decimal(text.replace("\N{MINUS SIGN}", "-"))


def extreme(cell: str) -> tuple[Decimal, datetime]:
    """`34.4 16 Aug 2012`."""
    degrees, _, day = cell.partition(" ")
    return number(degrees), datetime.strptime(day, "%d %b %Y")  # noqa: DTZ007


def extremes(connection: sqlite3.Connection, year: int, column: str, tenths: int) -> Iterable[tuple[Decimal, datetime]]:
    """The days of the year on which it was so warm or cold: there may be several."""
    days = connection.execute(f"SELECT month, day FROM raw WHERE year = ? AND {column} = ?", (year, tenths))
    return [(Decimal(tenths) / 10, datetime.fromisoformat(f"{year}-{month:02}-{day:02}")) for month, day in days]


class Table(HTMLParser):
    """The text of the cells of the table with an id, row by row."""

    def __init__(self, id_: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._id = id_
        self._inside = False
        self._in_cell = False

    @classmethod
    def read(cls, page: Path, id_: str) -> list[list[str]]:
        table = cls(id_)
        table.feed(page.read_text(encoding="utf-8"))
        return table.rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._inside = ("id", self._id) in attrs
        elif self._inside and tag == "tr":
            self.rows.append([])
        elif self._inside and tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._inside = False
        elif tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._inside and self._in_cell:
            self.rows[-1][-1] = f"{self.rows[-1][-1]} {data}".strip()
