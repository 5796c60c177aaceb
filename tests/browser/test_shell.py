"""What surrounds every view."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.visits import Visits


def test_the_first_page_shows_the_dags(visits: Visits) -> None:
    page = visits.open("/")
    expect(page.get_by_role("link", name="daily_sales", exact=True)).to_be_visible()
    visits.shot(page, "dags")
