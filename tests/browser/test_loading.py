"""How a page comes to a browser: in few steps, each thing asked for once, and none of it again the next time."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, Route, expect

from tests.browser.visits import Visits
from tests.e2e.serving import Serving
from tests.e2e.world import wait_until

API = "/api/v1"
LIST = f"{API}/dags?limit=40"

NAMED = """() => [...document.querySelectorAll("link[rel=modulepreload]")].map((link) => new URL(link.href).pathname)"""
FROM_THE_NETWORK = """() => performance.getEntriesByType("resource")
  .filter(({ name, transferSize }) => name.includes("/static/") && transferSize > 0).map(({ name }) => name)"""


def address(request: Request) -> str:
    parts = urlsplit(request.url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@pytest.mark.parametrize(
    ("path", "shows", "early"),
    [
        ("/", "tbody .tile", [f"{API}/me", LIST]),
        ("/dags/flaky/graph", ".graph .node", [f"{API}/me", f"{API}/dags/flaky"]),
        ("/runs/RUN", ".graph .node", [f"{API}/me", f"{API}/runs/RUN?logs=false"]),
        ("/runs/RUN/gantt?task=use", ".panel h2", [f"{API}/me", f"{API}/runs/RUN?logs=false"]),
        ("/runs", "tbody tr", [f"{API}/me"]),
    ],
)
def test_nothing_is_asked_for_twice_or_late(
    visits: Visits, served: Serving, path: str, shows: str, early: list[str]
) -> None:
    active = ("queued", "running")
    wait_until(lambda: not served.client.runs(statuses=active).runs, "what would have the page look again to end")
    run = served.client.runs(dag="flaky").runs[0].id
    page = visits.open("about:blank")
    asked: list[str] = []

    def hold(_: Route) -> None:
        """What the stream says first has each view look once more, whenever that is."""

    page.on("request", lambda request: asked.append(address(request)))
    page.route(f"**{API}/stream", hold)
    page.goto(path.replace("RUN", run))
    expect(page.locator(shows).first).to_be_visible()
    modules = Counter(name for name in asked if name.endswith(".js") and not name.endswith("/first.js"))
    assert modules == Counter(page.evaluate(NAMED)), "the document names all of them"
    assert len([name for name in asked if name.endswith(".css")]) == 1
    assert [asked.count(name.replace("RUN", run)) for name in early] == [1] * len(early)


def test_what_is_shown_first_does_not_wait_for_the_modules(visits: Visits) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = visits.open("about:blank")
    page.route("**/app.js", hold, times=1)
    with page.expect_request("**/app.js"), page.expect_response(lambda response: address(response.request) == LIST):
        page.goto("/", wait_until="commit")
    while not held:  # the request is told of a moment before it is held
        page.wait_for_timeout(20)
    with page.expect_response("**/app.js"):
        held[0].continue_()
    expect(page.get_by_role("link", name="daily_sales", exact=True)).to_be_visible()


def test_the_files_of_the_page_come_once(visits: Visits) -> None:
    page = visits.open("/")
    name = page.get_by_role("link", name="daily_sales", exact=True)
    expect(name).to_be_visible()
    assert page.evaluate(FROM_THE_NETWORK)
    page.goto("/")
    expect(name).to_be_visible()
    assert page.evaluate(FROM_THE_NETWORK) == []


def test_a_document_of_another_version_of_the_program_is_loaded_again(visits: Visits) -> None:
    visits.allow("404|Failed to load resource")
    page = visits.open("/")
    expect(page.get_by_role("link", name="daily_sales", exact=True)).to_be_visible()
    page.evaluate("window.kept = true")
    page.route("**/runs.js", lambda route: route.fulfill(status=404, json={}), times=1)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Runs")
    assert page.evaluate("window.kept") is None
    assert page.url == f"{visits.url}/runs"
