"""The login: a page without a script, what the page does under a login, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ppacer.core.accounts import Role
from ppacer.services import passwords
from ppacer.store.accounts import AuditFilter
from tests.browser.visits import LAPTOP, PHONE, WALL, Visits
from tests.runtime.web.conftest import Server, start

_ALL = AuditFilter()
PASSWORD = "correct horse battery"


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A program with a user of each role. Tests ask for it before `visits`, so that it ends after the pages that follow
    it: a stream that breaks off is a fault of a page."""
    monkeypatch.setattr(passwords, "_LOG_N", 4)
    server = start(tmp_path)
    for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER):
        server.call(server.site.scheduler.accounts.add_user(role.value, role, PASSWORD))
    yield server
    server.stop()


def test_it_is_fit_to_be_seen(guarded: Server, visits: Visits) -> None:
    for width, scheme in ((PHONE, "dark"), (LAPTOP, "light"), (WALL, "dark")):
        page = visits.open("/runs?status=failed", width=width, scheme=scheme, url=guarded.url)
        expect(page.get_by_label("User")).to_be_focused()
        visits.shot(page, "login")
    visits.check(page)


def test_somebody_logs_in_works_and_logs_out(guarded: Server, visits: Visits) -> None:
    visits.allow("401")
    page = visits.open("/", url=guarded.url)
    page.get_by_label("User").fill("operator")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This user and password, or this token, are not known.")
    expect(page.get_by_label("User")).to_have_value("operator")
    visits.shot(page, "login-refused")
    visits.check(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="daily", exact=True)).to_be_visible()
    # What the page itself asks with; after another login in another tab it finds out by itself what that takes.
    pause = "import('/static/api.js').then(({ post }) => post('/dags/daily/pause', {})).then(({ paused }) => paused)"
    resume = pause.replace("pause'", "resume'")
    assert page.evaluate(pause) is True
    other = page.context.new_page()
    other.goto(f"{guarded.url}/login")
    expect(other.get_by_text("You are logged in as operator, with the role operator.")).to_be_visible()
    visits.shot(other, "login-known")
    visits.check(other)
    other.get_by_role("button", name="Log out").click()
    other.get_by_label("User").fill("admin")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    expect(other.get_by_role("link", name="daily", exact=True)).to_be_visible()
    visits.allow("403|/api/v1/dags/daily/resume")
    assert page.evaluate(resume) is False
    entries = guarded.call(guarded.site.scheduler.journal.read(guarded.site.store.accounts.audit, _ALL, 20))
    assert [
        (each.actor, each.action, each.outcome) for each in entries[::-1] if each.action in ("pause", "resume")
    ] == [
        ("operator", "pause", 200),
        ("admin", "resume", 403),
        ("admin", "resume", 200),
    ]
