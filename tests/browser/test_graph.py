"""The picture of a dag: what it shows, how it is moved, what it costs."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.visits import PHONE, Visits
from tests.e2e.serving import Serving

TASKS = 2000
WIDTH = 50
"""Of the big graph: so many tasks in each layer."""

MAKE = """async ([tasks, width]) => {
  const { Graph } = await import("/static/graph.js");
  const made = Array.from({ length: tasks }, (_, n) => {
    const x = Math.floor(n / width), y = n % width;
    const parents = x ? [n - width, n - width + (y ? -1 : 1)].map((each) => `task_${each}`) : [];
    return { id: `task_${n}`, parents, x, y, below: "number", kind: "task" };
  });
  window.picked = [];
  window.graph = new Graph({ tasks: made, pick: (id) => window.picked.push(id), label: "A big dag" });
  document.getElementById("main").replaceChildren(window.graph.element);
}"""
"""Puts a graph of tasks that no program has in the place of the view: the component alone."""

CHANGE = """async () => {
  const changed = new Set();
  const seen = new MutationObserver((all) => all.forEach(({ target }) => {
    const node = (target.nodeType === 1 ? target : target.parentElement).closest(".node");
    if (node) changed.add(node.dataset.task);
  }));
  seen.observe(graph.element, { subtree: true, childList: true, attributes: true, characterData: true });
  graph.show(new Map([["task_0", { status: "running" }], ["task_1999", { status: "failed" }]]));
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  seen.disconnect();
  return [...changed];
}"""


def test_a_graph_tells_the_state_of_each_task(visits: Visits, served: Serving) -> None:
    run = served.run("broken_import").run.id
    page = visits.open(f"/runs/{run}")
    graph = page.get_by_role("application")
    expect(graph.get_by_role("button", name="fetch, success")).to_be_visible()
    expect(graph.get_by_role("button", name="parse, failed, wrong, after fetch")).to_be_visible()
    expect(graph.get_by_role("button", name="store, upstream failed")).to_be_visible()
    expect(graph.get_by_role("button", name="page, handler, success, on failure")).to_be_visible()
    expect(page.locator(".graph .node.failed .sign text")).to_have_text("✕")  # told by more than a colour
    visits.check(page)
    visits.shot(page, "graph")


def test_arrow_keys_follow_the_edges(visits: Visits, served: Serving) -> None:
    run = served.run("broken_import").run.id
    page = visits.open(f"/runs/{run}")
    expect(page.locator(".graph .node")).to_have_count(4)
    page.locator('.graph [data-task="fetch"]').focus()
    for key, name in [("ArrowRight", "parse"), ("ArrowRight", "store"), ("ArrowLeft", "parse"), ("ArrowLeft", "fetch")]:
        page.keyboard.press(key)
        expect(page.locator(f'.graph [data-task="{name}"]')).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator('.graph [data-task="page"]')).to_be_focused()
    page.keyboard.press("ArrowRight")  # nothing follows it
    expect(page.locator('.graph [data-task="page"]')).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?task=parse$"))
    expect(page.locator(".graph .node.picked")).to_have_attribute("data-task", "parse")
    expect(page.locator(".graph .node.related")).to_have_count(2)
    expect(page.locator(".panel h2")).to_contain_text("parse")
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_hidden()
    expect(page).to_have_url(re.compile(rf"/runs/{run}$"))


def test_a_graph_follows_the_run(visits: Visits, served: Serving) -> None:
    run = served.trigger("held")
    page = visits.open(f"/runs/{run}")
    expect(page.get_by_role("button", name="wait, running")).to_be_visible()
    expect(page.get_by_role("button", name="after, waiting")).to_be_visible()
    visits.shot(page, "graph-running")
    served.client.cancel(run)
    expect(page.get_by_role("button", name="wait, cancelled")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("cancelled")


def test_a_graph_is_zoomed_moved_and_searched(visits: Visits, served: Serving) -> None:
    run = served.run("daily_sales").run.id
    page = visits.open(f"/runs/{run}", width=PHONE, scheme="dark")
    world = page.locator(".picture > g")
    expect(page.locator(".graph .node").first).to_be_visible()
    before = world.get_attribute("transform") or ""
    page.get_by_role("button", name="Zoom in").click()
    expect(world).not_to_have_attribute("transform", before)
    expect(page.locator(".graph .map")).to_be_visible()
    page.get_by_role("button", name="Show all of it").click()
    expect(page.locator(".graph .map")).to_be_hidden()
    found = page.get_by_label("Find a task in the graph")
    found.fill("tidy")
    expect(page.locator(".graph .node.found")).to_have_attribute("data-task", "tidy")
    expect(page.locator('.graph [data-task="tidy"]')).to_be_in_viewport()
    found.fill("no such task")
    expect(page.locator(".graph .node.found")).to_have_count(0)
    before = world.get_attribute("transform") or ""
    frame = page.locator(".picture").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 150, frame["y"] + 150)
    page.mouse.down()
    page.mouse.move(frame["x"] + 90, frame["y"] + 120, steps=4)
    page.mouse.up()
    expect(world).not_to_have_attribute("transform", before)
    expect(page.locator(".panel")).to_be_hidden()  # what is dragged is not picked
    visits.check(page, schemes=("dark",))
    visits.shot(page, "graph")


def test_of_two_thousand_tasks_only_those_in_sight_are_elements(visits: Visits) -> None:
    page = visits.open("/system")
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
    page.evaluate(MAKE, [TASKS, WIDTH])
    expect(page.locator('.graph [data-task="task_0"]')).to_be_visible()
    assert page.locator(".graph .node").count() < 300
    assert page.evaluate(CHANGE) == ["task_0"]  # of the two, the other is out of sight
    visits.shot(page, "graph-big")
    page.get_by_role("button", name="Show all of it").click()
    expect(page.locator(".graph.afar")).to_be_visible()
    assert page.locator(".graph .node").count() < 10
    expect(page.locator(".picture .block.failed")).to_have_attribute("d", re.compile("."))
    visits.shot(page, "graph-afar")
    page.get_by_label("Find a task in the graph").fill("task_1999")
    expect(page.locator('.graph [data-task="task_1999"]')).to_have_class(re.compile("failed"))
    expect(page.locator('.graph [data-task="task_1999"]')).to_be_in_viewport()
    page.locator('.graph [data-task="task_1999"]').click()
    assert page.evaluate("picked") == ["task_1999"]
