"""The login: a page without a script, what the page does under a login, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ppacer.core.accounts import How, Role
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


def test_a_user_sees_who_they_are_changes_their_password_and_logs_out(guarded: Server, visits: Visits) -> None:
    accounts = guarded.site.scheduler.accounts
    _, elsewhere = guarded.call(accounts.begin_session(How.SESSION, "viewer"))
    visits.allow("401|403")
    page = visits.open("/", url=guarded.url)
    page.get_by_label("User").fill("viewer")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    user = page.get_by_role("button", name="viewer viewer")  # the name and the role
    expect(user).to_be_visible()
    user.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="viewer")
    expect(dialog).to_contain_text("may look at everything but users, tokens and the audit log")
    visits.check(page)
    visits.shot(page, "account")
    page.keyboard.press("Shift+Tab")
    expect(dialog.get_by_role("button", name="Change password…")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Change your password")
    old, new, again = (dialog.get_by_label(name) for name in ("Password until now", "New password 12", "again"))
    expect(old).to_be_focused()
    for field, text in ((old, "not the password"), (new, "another long one"), (again, "another long on")):
        field.fill(text)
    page.keyboard.press("Enter")
    expect(again).to_be_focused()
    expect(again).to_have_accessible_description("This is not what stands above.")
    again.fill("another long one")
    page.keyboard.press("Enter")
    expect(old).to_be_focused()
    expect(old).to_have_accessible_description("This is not the password that holds until now.")
    visits.check(page)
    visits.shot(page, "password")
    old.fill(PASSWORD)
    visits.listen(page)
    page.keyboard.press("Enter")
    visits.heard(page, "Your password is changed, and your other logins have ended.")
    assert accounts.session(elsewhere) is None
    assert guarded.call(accounts.check_password("viewer", "another long one")) is not None
    page.reload()  # this login goes on
    page.get_by_role("button", name="viewer viewer").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{guarded.url}/login")
    expect(page.get_by_label("User")).to_be_focused()


def test_whose_login_has_ended_elsewhere_is_shown_where_to_log_in(guarded: Server, visits: Visits) -> None:
    visits.allow("401")
    page = visits.open("/runs", url=guarded.url)
    page.get_by_label("User").fill("viewer")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_text("live")
    guarded.call(guarded.site.scheduler.accounts.set_password("viewer", "another long one"))
    expect(page).to_have_url(f"{guarded.url}/login?next=/runs")


def test_whoever_came_in_by_a_token_has_no_password(guarded: Server, visits: Visits) -> None:
    _, secret = guarded.call(guarded.site.scheduler.accounts.add_token("reader-of-all-things", Role.VIEWER, by="test"))
    page = visits.open("/", url=guarded.url, width=PHONE, scheme="dark")
    page.get_by_label("Password").fill(secret)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="token:reader-of-all-things").click()
    dialog = page.get_by_role("dialog", name="token:reader-of-all-things")
    expect(dialog.get_by_role("button", name="Log out")).to_be_visible()
    expect(dialog.get_by_role("button", name="Change password…")).to_have_count(0)
    visits.check(page, schemes=("dark",))
    visits.shot(page, "account")
