"""The list of dags."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.visits import LAPTOP, PHONE, WALL, Scheme, Visits
from tests.e2e.serving import Serving


def row(page: Page, dag: str) -> object:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=dag, exact=True))


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (LAPTOP, "light"), (WALL, "light")])
def test_the_list_at_a_glance(visits: Visits, width: int, scheme: Scheme) -> None:
    page = visits.open("/", width=width, scheme=scheme)
    sales = row(page, "daily_sales")
    expect(sales).to_contain_text("Yesterday's sales of each region")
    expect(sales.locator(".c-next")).to_contain_text(re.compile(r"in \d+ (s|min|h|days?).*02:15 CES?T", re.DOTALL))
    expect(sales.locator(".tile")).to_have_count(12)
    expect(row(page, "broken_import").locator(".tile.failed").first).to_have_accessible_name(re.compile("^failed, "))
    expect(row(page, "paused_one").locator(".c-next")).to_have_text("paused")
    visits.shot(page, "dags")
    if width == LAPTOP:
        visits.check(page)


def test_filters_are_in_the_address(visits: Visits) -> None:
    page = visits.open("/")
    page.get_by_role("link", name="last run failed").click()
    expect(page).to_have_url(f"{visits.url}/?state=failing")
    expect(page.locator("tbody a.row")).to_have_text(["broken_import"])
    page.reload()
    expect(page.locator("tbody a.row")).to_have_text(["broken_import"])
    page.get_by_role("group", name="Tag").get_by_role("link", name="sales").click()
    expect(page.get_by_text("No dag fits.")).to_be_visible()
    page.get_by_role("link", name="Show all dags").click()
    expect(page.locator("tbody a.row")).to_have_count(9)
    page.get_by_role("searchbox").fill("warehouse SALES")
    expect(page.locator("tbody a.row")).to_have_text(["daily_sales"])
    expect(page).to_have_url(f"{visits.url}/?q=warehouse+SALES")
    expect(page.locator("main [role=status]")).to_have_text("1 dag shown")


def test_pausing_asks_first_and_says_what_it_touches(visits: Visits, served: Serving) -> None:
    page = visits.open("/")
    page.get_by_role("button", name="Pause broken_import").click()
    dialog = page.get_by_role("dialog", name="Pause broken_import?")
    expect(dialog).to_contain_text(re.compile(r"The run due .* is not made"))
    visits.check(page)
    visits.shot(page, "pause")
    dialog.get_by_role("button", name="Back").click()
    assert not served.client.dag("broken_import").dag.paused
    page.get_by_role("button", name="Pause broken_import").click()
    dialog.get_by_label("Reason").fill("the file is late")
    dialog.get_by_role("button", name="Pause").click()
    expect(row(page, "broken_import").locator(".c-next")).to_have_text("paused")
    assert served.client.dag("broken_import").dag.paused
    page.get_by_role("button", name="Resume broken_import").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(row(page, "broken_import").locator(".c-next")).to_contain_text(re.compile(r"in \d+"))
    page.goto("/dags/broken_import/history")
    expect(page.get_by_role("row").filter(has_text="the file is late")).to_contain_text("paused")


def test_what_is_refused_is_said_in_the_dialog_which_stays(visits: Visits, served: Serving) -> None:
    page = visits.open("/")
    page.get_by_role("button", name="Pause broken_import").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Pause broken_import?")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("the file is late")
    visits.allow("503")
    page.route("**/pause", _stalled)
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("The disk is full.")
    expect(dialog.get_by_label("Reason")).to_have_value("the file is late")
    visits.check(page)
    visits.shot(page, "refused")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Pause broken_import")).to_be_focused()
    assert not served.client.dag("broken_import").dag.paused


def test_running_a_dag_from_the_list(visits: Visits) -> None:
    page = visits.open("/")
    page.get_by_role("button", name="Run flaky").click()
    dialog = page.get_by_role("dialog", name="Run flaky now?")
    expect(dialog).to_contain_text("one run with 2 tasks")
    dialog.get_by_role("button", name="Run now").click()
    expect(page).to_have_url(re.compile("/runs/[0-9a-f-]{36}$"))
    page.goto("/")
    page.get_by_role("button", name="Run asked").click()
    expect(page).to_have_url(re.compile("/dags/asked/run$"))


def test_a_dag_is_run_and_paused_by_keys(visits: Visits) -> None:
    page = visits.open("/")
    expect(page.get_by_role("link", name="paused_one", exact=True)).to_be_visible()
    page.keyboard.press("r")  # no row is picked, so it means nothing
    for _ in range(2):
        page.keyboard.press("j")
    page.keyboard.press("p")
    expect(page.get_by_role("dialog", name="Pause broken_import?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Run flaky now?")
    expect(dialog.get_by_role("button", name="Back")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/[0-9a-f-]{36}$"))
    page.goto("/dags/daily_sales")
    expect(page.get_by_role("link", name="Run", exact=True)).to_be_visible()
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile("/dags/daily_sales/run$"))
    expect(page.get_by_label("day", exact=True)).to_be_focused()


def test_the_list_is_live_and_touches_only_what_changed(visits: Visits, served: Serving) -> None:
    page = visits.open("/")
    tiles = row(page, "flaky").locator(".tile")
    expect(tiles.first).to_be_visible()
    page.evaluate(
        """() => {
          window.touched = new Set();
          new MutationObserver((records) => {
            for (const { target } of records) {
              const row = (target instanceof Element ? target : target.parentElement).closest("tr");
              if (row && !target.closest?.("[data-relative], [data-due]")) window.touched.add(row.dataset.key);
            }
          }).observe(document.querySelector("tbody"), { subtree: true, childList: true, attributes: true });
        }"""
    )
    made = served.run("flaky").run.id
    expect(row(page, "flaky").locator(f"[data-key='{made}'].success")).to_be_visible()
    assert "daily_sales" not in page.evaluate("[...window.touched]")


def _stalled(route: Route) -> None:
    route.fulfill(status=503, json={"status": 503, "title": "Service Unavailable", "detail": "the disk is full"})
