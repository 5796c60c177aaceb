"""A run: its views, the panel of a task, and all that can be done with it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.visits import LAPTOP, PHONE, WALL, Scheme, Visits
from tests.e2e.serving import Serving

VIEWS = {
    # the path of each, and what is there only once it is shown
    "graph": ("", ".graph .picture .name"),
    "gantt": ("/gantt", ".gantt .segment"),
    "tasks": ("/tasks", ".tasks tbody tr"),
    "events": ("/events", ".events tbody tr"),
}


@pytest.fixture(scope="module")
def failed(served: Serving) -> str:
    """A run of which one task has failed, which stays as it is."""
    return served.run("broken_import").run.id


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (LAPTOP, "light"), (WALL, "dark")])
def test_each_view_of_a_run(visits: Visits, served: Serving, failed: str, width: int, scheme: Scheme) -> None:
    page = visits.open(f"/runs/{failed}", width=width, scheme=scheme)
    for name, (path, proof) in VIEWS.items():
        page.get_by_role("navigation", name="Views of the run").get_by_role("link", name=name).click()
        expect(page).to_have_url(re.compile(rf"/runs/{failed}{path}$"))
        expect(page.locator(".view").locator(proof).first).to_be_visible()
        expect(page.locator(".view").get_by_text("parse", exact=True).first).to_be_visible()
        visits.shot(page, f"run-{name}")
        if width != WALL:
            visits.check(page, schemes=(scheme,))
    facts = page.locator(".run-head")
    for text in ("broken_import", "failed", "manual", "local", "4 of 4", failed):
        expect(facts).to_contain_text(text)


def test_a_time_line_has_the_queue_and_each_try_apart(visits: Visits, served: Serving) -> None:
    run = served.run("flaky")
    tries = next(task for task in run.tasks if task.id == "fetch").attempts
    page = visits.open(f"/runs/{run.run.id}/gantt")
    lane = page.locator(".gantt .rows li").filter(has=page.get_by_text("fetch", exact=True)).locator(".lane")
    kinds = ["run" if each.started_at else "queue" for each in tries]
    expect(lane.locator(".segment.run")).to_have_count(kinds.count("run"))
    expect(lane.locator(".segment.queue")).to_have_count(len(tries))
    expect(lane.locator(".segment.pause")).to_have_count(len(tries) - 1)
    wide = page.locator(".plane").evaluate("plane => plane.clientWidth")
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function("wide => document.querySelector('.plane').clientWidth > wide", arg=wide)
    page.get_by_role("button", name="Show all of it").click()
    page.wait_for_function("wide => document.querySelector('.plane').clientWidth === wide", arg=wide)
    visits.shot(page, "run-gantt-tries")


def test_a_task_shows_each_try_and_its_error(visits: Visits, served: Serving, failed: str) -> None:
    page = visits.open(f"/runs/{failed}/tasks")
    page.get_by_role("link", name="parse").click()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.locator("pre.error")).to_contain_text("No such file or directory: '/nowhere/3.csv'")
    expect(panel.locator("pre.error")).to_contain_text("page.ppd:")  # where it is in the source
    expect(panel.get_by_role("link", name="fetch")).to_have_attribute("href", re.compile(r"task=fetch"))
    panel.get_by_text("Inputs", exact=True).click()
    expect(panel.locator(".inputs")).to_contain_text("fetch")
    expect(panel.locator(".inputs pre")).to_have_text("3")
    panel.get_by_role("link", name="fetch").click()
    panel.get_by_text("Output", exact=True).click()
    expect(panel.locator("pre[aria-label=Output]")).to_have_text("3")
    visits.shot(page, "run-task")
    run = served.run("flaky").run.id
    served.client.rerun(run, "fetch")
    served.ended(run)
    page = visits.open(f"/runs/{run}?task=fetch")
    tries = page.get_by_role("navigation", name="Attempts").get_by_role("link")
    expect(tries.last).to_contain_text("epoch 2")
    expect(tries.last).to_have_attribute("aria-current", "true")
    tries.first.click()
    expect(tries.first).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(r"attempt=1&epoch=1"))


def test_tasks_are_filtered_by_name_and_status(visits: Visits, failed: str) -> None:
    page = visits.open(f"/runs/{failed}/tasks")
    rows = page.locator(".tasks tbody tr:visible")
    expect(rows).to_have_count(4)
    page.get_by_label("Filter tasks by name").fill("p")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="failed 1", exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("parse")
    page.get_by_label("Filter tasks by name").fill("store")
    expect(page.get_by_text("No task of that name or status.")).to_be_visible()


def test_members_of_a_family_come_a_page_at_a_time(visits: Visits, served: Serving) -> None:
    run = served.run("wide").run.id
    page = visits.open(f"/runs/{run}?task=each")
    panel = page.get_by_role("complementary", name="Task")
    expect(page.get_by_role("button", name="each, family, success, 150/150 done")).to_be_visible()
    expect(panel.locator(".member-table tbody tr")).to_have_count(100)
    panel.get_by_role("button", name="More").click()
    expect(panel.locator(".member-table tbody tr")).to_have_count(150)
    expect(panel.get_by_role("button", name="More")).to_be_hidden()
    visits.check(page, schemes=("light",))
    panel.get_by_role("button", name="success 150").click()
    expect(panel.locator(".member-table tbody tr")).to_have_count(100)
    page.goto(f"/runs/{run}?task=each[149]")  # one that the run's own answer leaves out
    expect(panel.locator("h2")).to_contain_text("each[149]")
    visits.shot(page, "run-member")


def test_a_history_says_who_did_what(visits: Visits, served: Serving, failed: str) -> None:
    page = visits.open(f"/runs/{failed}/events")
    rows = page.locator(".events tbody tr")
    expect(rows.first).to_contain_text("run created")
    expect(rows.first).to_contain_text("local")
    expect(rows.last).to_contain_text("run finished failed")
    page.get_by_label("every step of every task").check()
    expect(rows).to_have_count(len(served.client.run_events(failed).events))


# --- what can be done ------------------------------------------------------------------------------------------------


def test_a_run_is_cancelled(visits: Visits, served: Serving) -> None:
    run = served.trigger("held")
    page = visits.open(f"/runs/{run}/tasks")
    expect(page.locator(".tasks tbody tr", has=page.get_by_role("link", name="wait"))).to_contain_text("running")
    page.get_by_role("button", name="Cancel run…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_contain_text(["wait", "after"])
    visits.check(page)
    visits.shot(page, "run-cancel")
    dialog.get_by_role("button", name="Back").click()
    expect(dialog).to_be_hidden()
    assert served.client.run(run).run.status == "running"
    page.get_by_role("button", name="Cancel run…").click()
    dialog.get_by_role("button", name="Cancel run").click()
    expect(page.locator("h1")).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="Cancel run…")).to_be_hidden()
    assert served.ended(run).run.status == "cancelled"


def test_a_task_is_cancelled(visits: Visits, served: Serving) -> None:
    run = served.trigger("held")
    page = visits.open(f"/runs/{run}?task=wait")
    page.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem").first).to_contain_text("wait")
    dialog.get_by_role("button", name="Cancel task").click()
    expect(page.locator(".panel h2")).to_contain_text("cancelled")
    assert {task.id: task.status for task in served.ended(run).tasks}["wait"] == "cancelled"


def test_what_failed_is_restarted(visits: Visits, served: Serving) -> None:
    run = served.run("broken_import").run.id
    page = visits.open(f"/runs/{run}")
    page.get_by_role("button", name="Restart failed…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_contain_text(["parse", "store", "page"])
    dialog.get_by_role("button", name="Restart").click()
    expect(page.locator(".run-head")).to_contain_text("epoch2")
    detail = served.ended(run)
    assert {task.id: len(task.attempts) for task in detail.tasks} == {"fetch": 1, "parse": 2, "store": 0, "page": 2}


def test_a_task_is_run_again_without_what_follows(visits: Visits, served: Serving) -> None:
    run = served.run("flaky").run.id
    page = visits.open(f"/runs/{run}?task=fetch")
    page.get_by_role("button", name="Run again…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_contain_text(["fetch", "use"])
    dialog.get_by_label("and what follows it").uncheck()
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    visits.shot(page, "run-again")
    dialog.get_by_role("button", name="Run again").click()
    expect(page.locator(".run-head")).to_contain_text("epoch2")
    detail = served.ended(run)
    assert [task.attempts[-1].epoch for task in detail.tasks] == [2, 1]


def test_a_task_is_marked_with_a_reason(visits: Visits, served: Serving) -> None:
    run = served.run("broken_import").run.id
    page = visits.open(f"/runs/{run}?task=parse", width=PHONE)
    page.get_by_role("button", name="Mark…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Say why")).to_be_visible()
    dialog.get_by_label("Reason").fill("the file came by mail")
    expect(dialog.get_by_role("listitem")).to_contain_text(["parse", "store"])
    dialog.get_by_label("Output").fill("not JSON")
    expect(dialog.get_by_role("alert")).to_contain_text("The output is not JSON")
    expect(dialog.get_by_role("button", name="Mark")).to_be_disabled()
    dialog.get_by_label("Output").fill('"by hand"')
    expect(dialog.get_by_role("listitem")).to_contain_text(["parse", "store"])
    visits.check(page)
    visits.shot(page, "run-mark")
    dialog.get_by_role("button", name="Mark").click()
    expect(page.locator(".panel h2")).to_contain_text("success")
    expect(page.locator(".panel")).to_contain_text("the file came by mail")
    assert served.ended(run).run.status == "success"


def test_what_is_refused_says_why(visits: Visits, served: Serving) -> None:
    run = served.run("flaky").run.id
    page = visits.open(f"/runs/{run}?task=use")
    visits.allow("409")
    page.route("**/rerun", _refuse)
    page.get_by_role("button", name="Run again…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_have_text("The run has been taken away.")
    expect(dialog.get_by_role("button", name="Run again")).to_be_disabled()


def test_who_may_only_look_sees_no_actions(visits: Visits, failed: str) -> None:
    page = visits.open("/system")
    page.route("**/api/v1/me", lambda route: route.fulfill(json={"user": "eve", "role": "viewer", "how": "session"}))
    page.goto(f"/runs/{failed}?task=parse")
    expect(page.locator(".panel h2")).to_contain_text("parse")
    expect(page.locator(".panel pre.error")).to_be_visible()
    for name in ("Restart failed…", "Run again…", "Mark…"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_what_there_is_not_is_said(visits: Visits) -> None:
    visits.allow("404")
    page = visits.open("/runs/00000000-0000-0000-0000-000000000000")
    expect(page.get_by_text(re.compile("There is no run"))).to_be_visible()


def _refuse(route: Route) -> None:
    route.fulfill(status=409, json={"status": 409, "title": "Conflict", "detail": "the run has been taken away"})
