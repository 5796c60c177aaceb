"""The form that asks for a run: made from the types of the dag's parameters."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.visits import Visits
from tests.e2e.serving import Serving

DEFAULTS = {
    "text": "a text",
    "number": "7",
    "rate": "0.5",
    "flag": "true",
    "day": "2026-01-31",
    "moment": "2026-01-31T02:15",
    "span": "1h30m",
    "anything": '{"a":[1,null]}',
    "days": '["2026-01-01"]',
    "mode": "fast",
    "maybe": "",
    "needed": "",
}


def test_each_parameter_has_the_field_of_its_type_and_the_default_in_it(visits: Visits, served: Serving) -> None:
    page = visits.open("/dags/asked/run")
    for name, default in DEFAULTS.items():
        expect(page.get_by_label(name, exact=True)).to_have_value(re.compile(f"^{re.escape(default)}(:00|\\.000)?$"))
    visits.shot(page, "form")
    visits.check(page)
    button = page.get_by_role("button", name="Run now")
    button.click()
    needed = page.get_by_label("needed", exact=True)
    expect(needed).to_be_focused()
    expect(needed).to_have_accessible_description(re.compile("A value is needed"))
    needed.fill("many")
    page.get_by_label("days", exact=True).fill("[")
    button.click()
    expect(page.get_by_text("This is no JSON")).to_be_visible()
    expect(page.get_by_text("Expected a whole number.")).to_be_visible()
    visits.check(page)
    visits.shot(page, "form-faults")
    needed.fill("12")
    page.get_by_label("days", exact=True).fill('["2026-02-30"]')
    page.get_by_label("mode", exact=True).select_option("slow")
    page.get_by_label("span", exact=True).fill("2d")
    page.get_by_label("day", exact=True).fill("2026-05-01")
    visits.allow("422")
    button.click()
    days = page.get_by_label("days", exact=True)
    expect(days).to_be_focused()  # the program has refused it, and named it
    expect(days).to_have_accessible_description(re.compile("2026-02-30"))
    days.fill('["2026-02-28", "2026-03-01"]')
    page.get_by_label("logical time").fill("2026-04-01T06:30")
    button.click()
    expect(page).to_have_url(re.compile("/runs/[0-9a-f-]{36}$"))
    made = served.ended(page.url.rsplit("/", 1)[1])
    assert made.run.scheduled_at.startswith("2026-04-01T04:30:00")
    assert made.params["needed"] == 12
    assert made.params["mode"] == "slow"
    assert made.params["maybe"] is None
    assert made.params["anything"] == {"a": [1, None]}
    assert [day["v"] for day in made.params["days"]] == ["2026-02-28", "2026-03-01"]


def test_what_is_left_out_is_worked_out(visits: Visits, served: Serving) -> None:
    page = visits.open("/dags/daily_sales/run")
    expect(page.get_by_label("day", exact=True)).to_have_value("")
    expect(page.get_by_text("worked out when the run is made")).to_be_visible()
    page.get_by_label("full", exact=True).select_option("true")
    page.get_by_role("button", name="Run now").click()
    expect(page).to_have_url(re.compile("/runs/[0-9a-f-]{36}$"))
    made = served.ended(page.url.rsplit("/", 1)[1])
    assert made.params["full"] is True
    assert made.params["day"]["$"] == "date"
