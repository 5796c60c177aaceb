"""Logs in the page: coloured, searched, filtered, long, and never taken for HTML."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visits import PHONE, Visits
from tests.e2e.serving import Serving

LINES = 5000


@pytest.fixture(scope="module")
def loud(served: Serving) -> str:
    return served.run("loud").run.id


@pytest.fixture(scope="module")
def long(served: Serving) -> str:
    return served.run("loud", lines=LINES).run.id


PIECES = "async (line) => (await import('/static/ansi.js')).pieces(line).parts.map(({ text, style }) => [text, style])"
"""The pieces of a line as the page has them."""


TO_THE_END = """last => {
  const log = document.querySelector(".log");
  log.scrollTop = log.scrollHeight;
  return log.textContent.includes(last);
}"""
"""Scrolls to the end of a log, which is laid out by and by, and says whether that is what is shown."""


TERMINAL: dict[str, list[tuple[str, dict[str, object]]]] = {
    "plain": [("plain", {})],
    "\x1b[1;31mred\x1b[22m thin\x1b[0m.": [("red", {"fore": 1, "bold": True}), (" thin", {"fore": 1}), (".", {})],
    "\x1b[38;5;196mone of 256\x1b[39m": [("one of 256", {"fore": 1})],
    "\x1b[38;2;0;0;190mtrue colour": [("true colour", {"fore": 4})],
    "\x1b[97;44mon blue": [("on blue", {"fore": 15, "back": 4})],
    "\x1b[7;4mturned": [("turned", {"inverse": True, "underline": True})],
    "10%\r50%\r100%\r": [("100%", {})],
    "\x1b]8;;http://x\x07a link\x1b]8;;\x07 \x1b[2J\x1b(Bend\x07": [("a link", {}), (" ", {}), ("end", {})],
    "\x1b[38;5mcut off\x1b[": [("cut off", {})],
}
"""Lines with the pieces that are shown of them, each with what its style says."""


def lines(page: Page) -> list[str]:
    return page.locator(".log .text").all_inner_texts()


def test_a_log_is_coloured_and_never_html(visits: Visits, loud: str) -> None:
    page = visits.open(f"/runs/{loud}?task=talk")
    expect(page.locator(".log .fore-2")).to_have_text("green")
    expect(page.locator(".log .fore-1.bold")).to_have_text("bold red")
    expect(page.get_by_text("45 lines", exact=True)).to_be_visible()
    expect(page.locator(".log .text").nth(1)).to_have_text('<img src=x onerror="document.title=1"> is only text')
    expect(page.locator(".log img")).to_have_count(0)
    expect(page).to_have_title(re.compile("run"))
    assert not any("\x1b" in line for line in lines(page))
    visits.check(page)
    visits.shot(page, "log")


def test_levels_times_and_width_of_a_log(visits: Visits, loud: str) -> None:
    page = visits.open(f"/runs/{loud}/tasks?task=talk", width=PHONE, scheme="dark")
    expect(page.locator(".log .line").first).to_be_visible()
    page.get_by_label("Levels").select_option("40")
    expect(page.locator(".log .line")).to_have_count(1)
    expect(page.locator(".log .line")).to_contain_text("the till is broken")
    page.get_by_label("Levels").select_option("30")
    expect(page.locator(".log .line")).to_have_count(2)
    page.get_by_label("Times").select_option("utc")
    first = page.locator(".log time").first
    moment = first.get_attribute("datetime")
    assert moment is not None
    expect(first).to_have_text(moment[11:23])
    page.get_by_label("Wrap").uncheck()
    expect(page.locator(".log.wraps")).to_have_count(0)
    visits.shot(page, "log")
    page.reload()  # what was chosen is kept
    expect(page.get_by_label("Times")).to_have_value("utc")
    expect(page.get_by_label("Wrap")).not_to_be_checked()


def test_a_long_log_holds_few_elements(visits: Visits, long: str) -> None:
    page = visits.open(f"/runs/{long}?task=talk")
    expect(page.get_by_text(f"{LINES + 5:,} lines")).to_be_visible()
    assert page.locator(".log .line").count() < 400
    page.wait_for_function(TO_THE_END, arg=f"line {LINES - 1} of {LINES}")
    page.get_by_label("Search the log").fill("line 2500 of")
    expect(page.locator(".log-tools .found")).to_have_text("1 of 1")
    expect(page.locator(".log .line.here")).to_contain_text("line 2500 of")
    expect(page.locator(".log .line.here")).to_be_in_viewport()
    expect(page.locator(".log mark").first).to_have_text("line 2500 of")
    visits.shot(page, "log-search")
    page.get_by_label("Search the log").fill("99 of")
    expect(page.locator(".log-tools .found")).to_have_text("1 of 50")
    page.get_by_label("Search the log").press("Enter")
    expect(page.locator(".log-tools .found")).to_have_text("2 of 50")
    page.get_by_label("Search the log").press("Shift+Enter")
    page.get_by_role("button", name="Match before").click()
    expect(page.locator(".log-tools .found")).to_have_text("50 of 50")
    assert page.locator(".log .line").count() < 400


def test_a_log_is_downloaded_as_text(visits: Visits, loud: str) -> None:
    page = visits.open(f"/runs/{loud}?task=talk")
    expect(page.get_by_text("45 lines", exact=True)).to_be_visible()
    with page.expect_download() as found:
        page.get_by_role("button", name="Download the log as text").click()
    assert found.value.suggested_filename == "loud-talk-1.log"
    text = found.value.path().read_text(encoding="utf-8")
    assert "green and bold red and orange\n" in text
    assert len(text.splitlines()) == 45


def test_a_log_comes_while_its_task_runs(visits: Visits, served: Serving) -> None:
    run = served.trigger("held")
    page = visits.open(f"/runs/{run}?task=wait")
    expect(page.locator(".log .line")).to_contain_text("holding on")
    expect(page.get_by_label("Follow", exact=True)).to_be_checked()
    served.client.cancel(run)
    expect(page.locator(".panel h2")).to_contain_text("cancelled")
    expect(page.get_by_label("Follow", exact=True)).to_be_hidden()


def test_what_programs_write_to_colour_a_terminal(visits: Visits) -> None:
    page = visits.open("/system")
    for line, shown in TERMINAL.items():
        found = page.evaluate(PIECES, line)
        assert [
            (text, {name: value for name, value in style.items() if value not in (None, False)})
            for text, style in found
        ] == shown, repr(line)
