"""The view of the program itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visits import LAPTOP, PHONE, WALL, Scheme, Visits
from tests.e2e.serving import Serving


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (LAPTOP, "light"), (WALL, "light")])
def test_what_the_program_does(visits: Visits, served: Serving, width: int, scheme: Scheme) -> None:
    page = visits.open("/system", width=width, scheme=scheme)
    health = served.client.health()
    expect(page.locator(".system-health")).to_contain_text("works")
    for text in (health.version, health.build[:12], "durability"):
        expect(page.locator(".system-health")).to_contain_text(text)
    (executor,) = served.client.executors().executors
    row = page.locator(".system-executors tbody tr")
    expect(row).to_contain_text(executor.name)
    expect(row).to_contain_text(f"of {executor.capacity}")
    expect(row).to_contain_text("this one")
    expect(row).to_contain_text(re.compile(r"runs nothing|in \d+ s"))
    expect(page.locator(".system-pools tbody tr")).to_contain_text("warehouse")
    expect(page.locator(".system-pools tbody tr")).to_contain_text("0 of 2")
    expect(page.locator(".system-database tbody tr")).to_have_count(2)
    expect(page.locator(".system-database")).to_contain_text(served.client.database().parts[0].name)
    expect(page.get_by_role("heading", name="What nobody could be told")).to_be_visible()
    expect(page.get_by_role("heading", name="What was done lately")).to_be_visible()
    if width != WALL:
        visits.check(page, schemes=(scheme,))
    visits.shot(page, "system")


def test_it_is_live(visits: Visits, served: Serving) -> None:
    page = visits.open("/system")
    expect(page.get_by_role("heading", name="Runs under way")).to_be_visible()
    run = served.trigger("held")
    row = page.locator(".system-runs tbody tr", has_text=run[-8:])
    expect(row).to_contain_text("held")
    expect(page.locator(".system-executors tbody tr")).to_contain_text(re.compile("[1-9] of"))
    expect(page.locator(".system-executors tbody tr")).to_contain_text(re.compile(r"in \d+ s"))  # its lease ends
    served.client.cancel(run)
    expect(row).to_have_count(0)


def test_what_was_done_is_shown_to_admins(visits: Visits, served: Serving) -> None:
    served.client.pause("paused_one")
    page = visits.open("/system")
    expect(page.locator(".system-audit tbody tr").first).to_contain_text("paused_one")
    visits.shot(page, "system-audit")
    page.route("**/api/v1/me", lambda route: route.fulfill(json={"user": "eve", "role": "viewer", "how": "session"}))
    page.reload()
    expect(page.get_by_role("heading", name="What nobody could be told")).to_be_visible()
    expect(page.locator(".system-audit")).to_be_empty()
