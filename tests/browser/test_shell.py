"""What surrounds every view: the way from one to another, keys, colours, and what the page says when it is alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from ppacer.client import Client
from tests.browser.visits import LAPTOP, PHONE, Visits
from tests.e2e.running import start
from tests.e2e.world import EXAMPLES, PATIENCE_SECONDS, World


def test_each_view_has_an_address_and_a_title(visits: Visits) -> None:
    page = visits.open("/")
    expect(page).to_have_title("Dags · page")
    main = page.get_by_role("navigation", name="Main")
    main.get_by_role("link", name="Runs").click()
    expect(page).to_have_url(f"{visits.url}/runs")
    expect(page).to_have_title("Runs · page")
    expect(main.get_by_role("link", name="Runs")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dags")
    page.get_by_role("link", name="daily_sales", exact=True).click()
    expect(page).to_have_title("daily_sales · page")
    page.get_by_role("link", name="Source").click()
    expect(page).to_have_title("Source · daily_sales · page")
    page.reload()
    expect(page.get_by_role("heading", name="The dag")).to_be_visible()


@pytest.mark.parametrize("path", ["/dags/nothing", "/dags/daily_sales/nothing", "/runs/nothing"])
def test_what_there_is_not_is_said_with_a_way_out(visits: Visits, path: str) -> None:
    visits.allow(r"404|Failed to load resource|has no view")
    page = visits.open(path)
    expect(page.locator("main")).to_contain_text(re.compile("There is no|no view"))
    page.get_by_role("link", name="All dags").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dags")


def test_keys_lead_through_the_page(visits: Visits) -> None:
    page = visits.open("/")
    expect(page.get_by_role("link", name="paused_one", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="broken_import", exact=True)).to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="daily_sales", exact=True)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("sales")
    expect(page).to_have_url(re.compile(r"\?q=sales$"))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{visits.url}/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and marks")).to_be_visible()
    visits.check(page)
    visits.shot(page, "help")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(f"{visits.url}/runs")
    page.goto("/dags/daily_sales")
    expect(page.get_by_role("link", name="Grid")).to_have_attribute("aria-current", "page")
    page.keyboard.press("]")
    expect(page).not_to_have_url(re.compile("daily_sales$"))
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile("daily_sales$"))


def test_the_colours_that_are_chosen_stay(visits: Visits) -> None:
    page = visits.open("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    switch = page.locator("#theme")
    expect(switch).to_have_accessible_name("Colours: as the system has them")
    switch.click()
    switch.click()
    expect(switch).to_have_accessible_name("Colours: dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    expect(switch).to_have_accessible_name("Colours: dark")
    assert page.evaluate(ground) == dark
    switch.click()
    assert page.evaluate(ground) == light


def test_a_page_that_is_alone_says_so_and_goes_on_when_the_program_is_back(visits: Visits, world: World) -> None:
    visits.allow("ERR_CONNECTION_|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED")
    program = world.build(EXAMPLES / "hello.ppd")
    process, url = start(world, program)
    page = visits.open("/", url=url)
    said = page.locator("#link")
    expect(said).to_have_text("live")
    page.evaluate("window.kept = true")
    process.kill()
    expect(said).to_have_text("not connected")
    expect(page.locator("main").get_by_role("link", name="hello", exact=True)).to_be_visible()
    visits.shot(page, "away")
    start(world, program, port=int(url.rsplit(":", 1)[1]))
    expect(said).to_have_text("live")
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        made = client.trigger("hello").id
    expect(page.locator(f"[data-key='{made}']")).to_be_visible()
    assert page.evaluate("window.kept")


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_a_viewer_sees_no_actions(visits: Visits, width: int) -> None:
    page = visits.open("about:blank", width=width)
    page.route("**/api/v1/me", lambda route: route.fulfill(json={"user": "ada", "role": "viewer", "how": "session"}))
    page.goto("/")
    expect(page.get_by_role("link", name="daily_sales", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Run daily_sales")).to_have_count(0)
    page.goto("/dags/daily_sales")
    expect(page.get_by_role("link", name="Schedule")).to_be_visible()
    expect(page.get_by_role("link", name="Run", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Pause|Silence"))).to_have_count(0)
