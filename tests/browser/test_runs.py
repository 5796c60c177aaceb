"""The list of runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visits import LAPTOP, PHONE, WALL, Scheme, Visits
from tests.e2e.serving import Serving


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (LAPTOP, "dark"), (WALL, "dark")])
def test_runs_at_a_glance(visits: Visits, width: int, scheme: Scheme) -> None:
    page = visits.open("/runs", width=width, scheme=scheme)
    expect(page.locator("tbody tr")).to_have_count(50)
    visits.shot(page, "runs")
    if width == LAPTOP:
        visits.check(page)


def test_filters_and_pages_are_in_the_address(visits: Visits, served: Serving) -> None:
    page = visits.open("/runs")
    rows = page.locator("tbody tr")
    page.get_by_role("link", name="failed").click()
    expect(page).to_have_url(f"{visits.url}/runs?status=failed")
    expect(rows.first).to_contain_text("broken_import")
    page.goto("/runs?dag=daily_sales&kind=backfill")
    expect(page.get_by_label("Dag", exact=True)).to_have_value("daily_sales")
    expect(rows.first).to_contain_text("backfill")
    page.goto("/runs")
    expect(rows).to_have_count(50)
    first = rows.first.get_attribute("data-key")
    page.get_by_role("link", name="Older").click()
    expect(page).to_have_url(re.compile(r"\?before="))
    expect(rows.first).not_to_have_attribute("data-key", first or "")
    page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(50)
    wanted = served.client.runs(dag="wide").runs[0].id
    page.get_by_role("searchbox").fill(wanted[-12:])
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("wide")
    page.get_by_role("searchbox").fill("no such id")
    expect(page.get_by_text("No run fits.")).to_be_visible()


def test_the_runs_of_one_backfill(visits: Visits, served: Serving) -> None:
    made = served.client.backfills(dag="daily_sales").backfills[-1]
    page = visits.open("/dags/daily_sales/schedule")
    page.locator(".backfills tbody tr").last.get_by_role("link").click()
    expect(page).to_have_url(f"{visits.url}/runs?backfill={made.id}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(made.made)
    expect(rows.first).to_contain_text("backfill")
    page.get_by_role("group", name="Status").get_by_role("link", name="failed").click()
    expect(page).to_have_url(f"{visits.url}/runs?backfill={made.id}&status=failed")
    expect(page.get_by_text("No run fits.")).to_be_visible()
    page.get_by_role("link", name="of one backfill: all runs").click()
    expect(page).to_have_url(f"{visits.url}/runs?status=failed")
    expect(rows.first).to_contain_text("broken_import")


def test_a_new_run_comes_in_by_itself(visits: Visits, served: Serving) -> None:
    page = visits.open("/runs?dag=flaky")
    expect(page.locator("tbody tr").first).to_be_visible()
    made = served.run("flaky").run.id
    expect(page.locator(f"tbody tr[data-key='{made}']")).to_contain_text("success")
