"""Writes the page: one file with its pictures and style inside, for any browser, with or without a network."""

import sqlite3
from contextlib import closing
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

from seattle import charts
from seattle.charts import Month
from seattle.files import out, write_whole

PAGE = Path(__file__).with_name("page.html")
KINDS = ("sun", "fog", "drizzle", "rain", "snow")


class Year(NamedTuple):
    """A row of the table `years`."""

    year: int
    days: int
    wet_days: int
    precipitation: float
    high: float
    low: float
    warmest_day: str
    warmest: float
    coldest_day: str
    coldest: float


def write_report(database: Path, title: str) -> Path:
    """Reads what was loaded, writes the page and gives its path."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        years = [Year(*row) for row in connection.execute("SELECT * FROM years ORDER BY year")]
        months = [Month(*row) for row in connection.execute("SELECT * FROM months ORDER BY year, month")]
        weather: dict[tuple[int, str], int] = {
            (year, kind): days for year, kind, days in connection.execute("SELECT year, kind, days FROM weather")
        }
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        first=years[0].year,
        last=years[-1].year,
        days=f"{sum(year.days for year in years):,}",
        cards=_cards(years, months),
        temperatures=charts.temperatures(months),
        precipitation=charts.precipitation(months),
        legend="".join(f'<li><i class="kind {kind}"></i>{kind}</li>' for kind in KINDS),
        shares="".join(_share(year.year, weather) for year in years),
        years="".join(_row(year) for year in years),
    )
    path = out() / "report.html"
    write_whole(path, page)
    return path


def _cards(years: list[Year], months: list[Month]) -> str:
    wettest = max(months, key=lambda month: month.precipitation)
    driest = min(months, key=lambda month: month.precipitation)
    warmest = max(years, key=lambda year: year.warmest)
    coldest = min(years, key=lambda year: year.coldest)
    return "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd><dd>{when}</dd></div>"
        for name, value, when in (
            ("Warmest day", f"{warmest.warmest:.1f} °C", _day(warmest.warmest_day)),
            ("Coldest day", f"{_number(coldest.coldest)} °C", _day(coldest.coldest_day)),
            ("Wettest month", f"{wettest.precipitation:.1f} mm", wettest.name),
            ("Driest month", f"{driest.precipitation:.1f} mm", driest.name),
        )
    )


def _share(year: int, weather: dict[tuple[int, str], int]) -> str:
    kinds = [(kind, weather.get((year, kind), 0)) for kind in KINDS]
    return f"<dt>{year}</dt><dd>{charts.shares(kinds)}</dd>"


def _row(year: Year) -> str:
    cells = (
        f"{year.days}",
        f"{year.wet_days}",
        f"{year.precipitation:.1f}",
        _number(year.high),
        _number(year.low),
        f"{_number(year.warmest)}<small>{_day(year.warmest_day)}</small>",
        f"{_number(year.coldest)}<small>{_day(year.coldest_day)}</small>",
    )
    return f'<tr><th scope="row">{year.year}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>\n'


def _number(value: float) -> str:
    """With the minus sign of typography."""
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day} {charts.MONTHS[day.month - 1]} {day.year}"
