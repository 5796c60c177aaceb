"""The views of one dag."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visits import LAPTOP, PHONE, WALL, Scheme, Visits
from tests.e2e.serving import Serving

PAGE = Path(__file__).parent / "pipelines" / "page.ppd"

VIEWS = {
    "grid": lambda page: page.get_by_role("rowheader", name='load.raw["eu"]'),
    "graph": lambda page: page.get_by_role("application", name=re.compile("The tasks of daily_sales")),
    "calendar": lambda page: page.get_by_role("heading", name=re.compile("The last twelve months")),
    "durations": lambda page: page.get_by_role("group", name=re.compile("How long the last")),
    "tasks": lambda page: page.get_by_role("cell", name=re.compile("pool warehouse")).first,
    "source": lambda page: page.get_by_text("group load"),
    "versions": lambda page: page.get_by_text("The first version"),
    "schedule": lambda page: page.get_by_role("heading", name="Next 10 runs"),
    "history": lambda page: page.get_by_text("backfill finished"),
    "run": lambda page: page.get_by_role("button", name="Run now"),
}


def opened(
    visits: Visits, view: str, *, width: int = LAPTOP, scheme: Scheme = "light", dag: str = "daily_sales"
) -> Page:
    page = visits.open(f"/dags/{dag}/{view}", width=width, scheme=scheme)
    expect(page.get_by_role("heading", level=1)).to_have_text(dag)
    return page


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_in_light_and_dark_has_no_barrier(visits: Visits, view: str) -> None:
    page = opened(visits, view)
    expect(VIEWS[view](page)).to_be_visible()
    visits.shot(page, f"dag-{view}")
    visits.check(page)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_a_phone(visits: Visits, view: str) -> None:
    page = opened(visits, view, width=PHONE, scheme="dark")
    expect(VIEWS[view](page)).to_be_visible()
    visits.shot(page, f"dag-{view}")


@pytest.mark.parametrize("view", ["grid", "calendar"])
def test_a_view_uses_a_wall(visits: Visits, view: str) -> None:
    page = opened(visits, view, width=WALL)
    expect(VIEWS[view](page)).to_be_visible()
    visits.shot(page, f"dag-{view}")


def test_durations_stand_beside_the_lines_that_they_are_of(visits: Visits) -> None:
    page = opened(visits, "durations")
    amounts, lines = page.locator(".amounts span"), page.locator(".bars .rule")
    expect(VIEWS["durations"](page)).to_be_visible()
    expect(amounts).to_have_count(lines.count())
    tops = [box["y"] + box["height"] / 2 for each in amounts.all() if (box := each.bounding_box())]
    levels = sorted(box["y"] for each in lines.all() if (box := each.bounding_box()))
    assert len(tops) == len(levels) > 2
    assert all(abs(top - level) < 4 for top, level in zip(tops, levels, strict=True))


def test_the_grid_shows_what_each_task_did(visits: Visits, served: Serving) -> None:
    page = opened(visits, "grid", dag="broken_import")
    cell = page.get_by_role("link", name=re.compile("^parse, failed")).last
    expect(cell).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^store, upstream failed")).last).to_be_visible()
    cell.focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("link", name=re.compile("^fetch, success")).last).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]{36}\?task=parse$"))
    page = opened(visits, "grid", dag="flaky")
    expect(page.locator(".again").first).to_have_accessible_name(re.compile("^fetch, success, .*2 attempts"))
    shown = page.locator("thead a")
    expect(shown.first).to_be_visible()
    made = served.run("flaky").run.id
    expect(shown.last).to_have_attribute("href", f"/runs/{made}")
    page = opened(visits, "grid", dag="wide")
    expect(page.get_by_role("link", name=re.compile("^each, .*150 success"))).to_be_visible()


def test_the_graph_tells_of_the_task_that_is_picked(visits: Visits) -> None:
    page = opened(visits, "graph", dag="broken_import")
    page.get_by_role("button", name=re.compile("^parse, failed")).click()
    expect(page).to_have_url(re.compile(r"/graph\?task=parse$"))
    card = page.locator(".of-task")
    expect(card.get_by_role("heading")).to_have_text("parse")
    expect(card).to_contain_text("work:wrong")
    visits.shot(page, "dag-graph-picked")
    card.get_by_role("link", name="Its source").click()
    expect(page.locator(".code")).to_contain_text("def wrong")


def test_a_day_leads_to_its_runs(visits: Visits) -> None:
    page = opened(visits, "calendar")
    year = page.get_by_role("navigation", name="Years").get_by_role("link").first
    expect(year).to_have_attribute("href", re.compile(r"\?year=20\d\d$"))
    page.goto("/dags/daily_sales/calendar?year=2026")
    expect(page.get_by_role("heading", name=re.compile("^2026"))).to_be_visible()
    day = page.get_by_role("link", name=re.compile("^Tuesday,? 6 January 2026: 1 run"))
    day.click()
    expect(page).to_have_url(f"{visits.url}/runs?dag=daily_sales&day=2026-01-06")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("6 Jan")
    page.get_by_role("link", name="planned for 6 Jan 2026: any day").click()
    expect(page.locator("tbody tr").nth(30)).to_be_visible()


def test_the_source_is_that_of_the_build(visits: Visits) -> None:
    page = opened(visits, "source")
    expect(page.locator(".t-name").filter(has_text="daily_sales")).to_be_visible()
    page.get_by_role("navigation", name="Sources").get_by_role("link", name='load.raw["eu"]').click()
    expect(page.get_by_role("heading", name='load.raw["eu"]')).to_be_visible()
    expect(page.locator(".code .t-keyword").first).to_have_text("def")
    expect(page.locator(".code .line").first).to_have_attribute("data-line", re.compile(r"\d+"))
    page.get_by_role("link", name="Versions").click()
    page.locator(".versions a").first.click()
    expect(page).to_have_url(re.compile(r"/source\?version=[0-9a-f]+$"))
    expect(page.get_by_role("link", name="Show the one in force")).to_be_visible()


def test_the_next_times_are_told_here_and_there(visits: Visits) -> None:
    page = opened(visits, "schedule", dag="paused_one")
    expect(page.get_by_text("The dag is paused")).to_be_visible()
    page = opened(visits, "schedule", dag="broken_import")
    expect(page.get_by_role("columnheader", name="there UTC")).to_be_visible()
    expect(page.locator(".times tbody tr")).to_have_count(10)
    expect(page.locator(".times tbody tr").first).to_contain_text(re.compile(r":00 CES?T.*:00 UTC", re.DOTALL))


def test_a_backfill_is_asked_for_and_cancelled(visits: Visits, served: Serving) -> None:
    page = opened(visits, "schedule", dag="broken_import")
    page.get_by_role("button", name="New backfill").click()
    dialog = page.get_by_role("dialog", name="Backfill broken_import")
    dialog.get_by_label("From").fill("2026-02-01T00:00")
    dialog.get_by_label("To before").fill("2026-01-01T00:00")
    dialog.get_by_role("button", name="Make the runs").click()
    visits.allow("422|409")
    expect(dialog.locator(".fault")).to_be_visible()
    visits.shot(page, "backfill")
    expect(dialog.get_by_label("From")).to_have_value("2026-02-01T00:00")
    dialog.get_by_label("To before").fill("2026-03-01T00:00")
    dialog.get_by_role("button", name="Make the runs").click()
    row = page.locator(".backfills tbody tr")
    expect(row).to_contain_text(re.compile(r"of 4 runs went well, 4 failed"))
    expect(row).to_contain_text("done")


def test_a_backfill_under_way_is_cancelled(visits: Visits, served: Serving) -> None:
    made = served.client.start_backfill("endless", "2020-01-01", "2026-01-02", parallel=2).id
    page = opened(visits, "schedule", dag="endless")
    row = page.locator(".backfills tbody tr")
    expect(row).to_contain_text("0 of 7 runs went well, 2 under way")
    row.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel this backfill of endless?")
    expect(dialog).to_contain_text("5 runs will not be made, and 2 runs under way are cancelled.")
    visits.check(page)
    visits.shot(page, "backfill-cancel")
    dialog.get_by_role("button", name="Back", exact=True).click()
    expect(dialog).to_have_count(0)
    assert served.client.backfill(made).finished_at is None
    row.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel the backfill").click()
    expect(row).to_contain_text("cancelled")
    expect(row.get_by_role("button")).to_have_count(0)
    page.goto("/system")
    done = page.get_by_role("row").filter(has_text="cancel backfill").get_by_role("link")
    expect(done).to_have_attribute("href", f"/runs?backfill={made}")
    runs = served.client.runs(backfill=made).runs
    assert {served.ended(run.id).run.status for run in runs} == {"cancelled"}
    assert len(runs) == 2


def test_a_source_is_copied(visits: Visits) -> None:
    page = opened(visits, "source")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visits.listen(page)
    page.get_by_role("button", name="Copy").click()
    visits.heard(page, "Copied.")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text == PAGE.read_text(encoding="utf-8")


PLAIN = """
const { clipboard } = navigator;
window.copied = () => clipboard.readText();
Object.defineProperty(navigator, "clipboard", { value: undefined });
Object.defineProperty(crypto, "randomUUID", { value: undefined });
"""
"""What a browser keeps from a page that came over plain http from another machine."""


def test_over_plain_http_from_afar_a_page_copies_and_asks_for_runs(visits: Visits) -> None:
    page = visits.open("about:blank")
    page.add_init_script(PLAIN)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=visits.url)
    page.goto("/dags/flaky/source?task=use")
    visits.listen(page)
    page.get_by_role("button", name="Copy").click()
    visits.heard(page, "Copied.")
    assert page.evaluate("copied()").startswith("def say(")
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("button", name="Run now").click()
    expect(page).to_have_url(re.compile("/runs/[0-9a-f-]{36}$"))


def test_alerts_are_silenced_for_a_while(visits: Visits, served: Serving) -> None:
    page = opened(visits, "history", dag="loud")
    page.get_by_role("button", name="Silence").click()
    dialog = page.get_by_role("dialog", name="Silence loud?")
    dialog.get_by_role("combobox").select_option("8 hours")
    dialog.get_by_role("button", name="Silence").click()
    expect(page.locator(".heading .state")).to_contain_text("silenced until")
    assert served.client.dag("loud").dag.silenced_until
    page.get_by_role("button", name="Alert again").click()
    page.get_by_role("dialog").get_by_role("button", name="Alert again").click()
    expect(page.locator(".heading .state")).to_have_count(0)
