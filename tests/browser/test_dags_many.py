"""A long list of dags: what of it is asked for and made when. The dags are made up, the page is the program's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.visits import LAPTOP, PHONE, Visits

MANY = 300
TILES = 3


class Listing:
    """Answers of a program with that many dags, page by page; `asked` is what for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        runs = [
            {"id": f"00000000-0000-7000-8000-00000000000{number}", "status": "success", "kind": "manual"}
            | dict.fromkeys(("scheduled_at", "created_at", "started_at", "finished_at"), "2026-01-01T02:15:00.000000Z")
            for number in range(TILES)
        ]
        dag = {"doc": "One of many.", "schedules": ["every 7 d"], "timezone": "UTC", "owner": "", "tasks": 1}
        dag |= {"next_run_at": None, "paused": False, "silenced_until": None, "problem": None}
        dag |= {"active_runs": 0, "queued_runs": 0, "last_runs": runs}
        self.dags = [dag | {"id": f"dag_{n}", "tags": ["last"] if n >= MANY - 5 else []} for n in range(MANY)]

    def answer(self, route: Route) -> None:
        text = urlsplit(route.request.url).query
        self.asked.append(text)
        query = {name: value for name, [value] in parse_qs(text).items()}
        begin = int(query["after"].removeprefix("dag_")) + 1 if "after" in query else 0
        end = begin + int(query.get("limit", MANY))
        shown = [] if "since" in query else self.dags[begin:end]
        more = bool(shown) and end < MANY
        told = {"dags": shown, "removed": [], "mark": "there.1", "complete": False, "total": MANY}
        route.fulfill(json=told | {"program": "many", "build": "", "next": shown[-1]["id"] if more else None})


@pytest.fixture
def listing() -> Iterator[Listing]:
    return Listing()


def opened(visits: Visits, listing: Listing, width: int = LAPTOP) -> Page:
    """The page, with the whole list in it."""
    page = visits.open("about:blank", width=width)
    page.route(re.compile(r"/api/v1/dags\?"), listing.answer)
    page.goto("/")
    expect(page.locator("main [role=status]")).to_have_text(f"{MANY} dags shown")
    return page


def row(page: Page, dag: str) -> object:
    return page.locator(f"tr[data-key='{dag}']")


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_what_is_far_off_is_but_a_name_until_it_comes_near(visits: Visits, listing: Listing, width: int) -> None:
    page = opened(visits, listing, width)
    expect(page.locator("tbody a.row")).to_have_count(MANY)
    expect(row(page, "dag_0").locator(".tile")).to_have_count(TILES)
    assert page.locator("tbody tr.bare").count() > MANY / 2
    expect(row(page, "dag_299").locator("td")).to_have_count(1)
    row(page, "dag_298").locator("a.row").focus()
    page.keyboard.press("j")
    expect(row(page, "dag_299").locator("a.row")).to_be_focused()
    expect(row(page, "dag_299").locator(".tile")).to_have_count(TILES)
    expect(row(page, "dag_299").locator("a.row")).to_be_focused()  # the row was made whole around it
    expect(row(page, "dag_299")).to_be_in_viewport()
    expect(row(page, "dag_150").locator("td")).to_have_count(1)
    if width == PHONE:  # on a wide screen the whole page would be in the picture
        visits.shot(page, "dags-many")


def test_the_first_screen_waits_for_the_first_dags_alone(visits: Visits, listing: Listing) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = visits.open("about:blank")
    page.route(re.compile(r"/api/v1/dags\?"), listing.answer)
    page.route(re.compile(r"/api/v1/dags\?after="), hold, times=1)
    with page.expect_request(re.compile(r"/api/v1/dags\?after=")):
        page.goto("/")
    expect(row(page, "dag_12").locator(".tile")).to_have_count(TILES)
    expect(page.locator("h1")).to_have_text(f"Dags {MANY}")
    expect(page.locator("tbody tr")).to_have_count(40)
    page.get_by_role("searchbox").fill("dag_299")
    expect(page.locator("tbody tr")).to_have_count(0)
    expect(page.get_by_text("No dag fits.")).to_be_hidden()  # that is not known yet
    listing.answer(held[0])
    expect(row(page, "dag_299").locator(".tile")).to_have_count(TILES)
    expect(page.locator("tbody tr")).to_have_count(1)
    pages = [text for text in listing.asked if "since" not in text]
    assert pages == ["limit=40", "after=dag_39&limit=250", "after=dag_289&limit=250"]


def test_what_is_found_is_shown_whole(visits: Visits, listing: Listing) -> None:
    page = opened(visits, listing)
    page.get_by_role("group", name="Tag").get_by_role("link", name="last").click()
    expect(page.locator("tbody a.row")).to_have_text([f"dag_{n}" for n in range(MANY - 5, MANY)])
    expect(page.locator("tbody .tile")).to_have_count(5 * TILES)
    page.get_by_role("group", name="Tag").get_by_role("link", name="last").click()
    expect(page.locator("tbody a.row")).to_have_count(MANY)
    assert page.locator("tbody a.row").all_text_contents()[-1] == "dag_299"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("tbody .tile")).to_have_count(MANY * TILES)
