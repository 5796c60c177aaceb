"""The page in which VS Code shows a graph, in a real browser and under its own policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ppc.cli import main
from tests.editors.node import node

pytestmark = pytest.mark.slow

EXTENSION = Path(__file__).parents[2] / "grammar/vscode"
PIPELINE = """\
dag daily {
  param full: bool = false
  group orders { task dump = print("dump") }
  task report = print("report") when params.full
  orders -> report
}
"""
ORIGIN = "http://editor.test"
NONCE = "0123456789abcdef"
EDITOR = "window.told = []; window.acquireVsCodeApi = () => ({ postMessage: (message) => window.told.push(message) });"
THEME = """
for (const [name, colour] of Object.entries({"editor-background": "rgb(1, 2, 3)", "charts-blue": "rgb(4, 5, 6)"}))
  document.documentElement.style.setProperty(`--vscode-${name}`, colour);
"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("graph")
    (folder / "daily.ppd").write_text(PIPELINE, encoding="utf-8")
    assert main(["graph", str(folder / "daily.ppd"), "-o", str(folder / "daily.svg")]) == 0
    return (folder / "daily.svg").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document() -> str:
    parts = {"script": f"{ORIGIN}/preview.js", "style": f"{ORIGIN}/preview.css", "source": ORIGIN, "nonce": NONCE}
    made = f"import {{ page }} from {json.dumps((EXTENSION / 'client/page.mjs').as_uri())};"
    return node("--input-type=module", "--eval", f"{made} process.stdout.write(page({json.dumps(parts)}))")


class Preview:
    """The page, and what the browser has complained of."""

    def __init__(self, page: Page, document: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

        def answer(route: Route) -> None:
            name = route.request.url.rpartition("/")[2]
            kinds = {".js": "text/javascript", ".css": "text/css"}
            if name:
                body = (EXTENSION / "media" / name).read_text(encoding="utf-8")
                route.fulfill(body=body, content_type=kinds[Path(name).suffix])
            else:
                route.fulfill(body=document, content_type="text/html")

        page.add_init_script(EDITOR)
        page.route(f"{ORIGIN}/**", answer)
        page.goto(f"{ORIGIN}/")
        page.evaluate(THEME)

    def show(self, **message: str) -> None:
        """As the extension sends it."""
        self.page.evaluate("(message) => window.postMessage(message)", message)

    def told(self) -> object:
        """All that the page has told the extension."""
        return self.page.evaluate("window.told")


@pytest.fixture
def preview(browser: Browser, browser_thread: ThreadPoolExecutor, document: str) -> Iterator[Preview]:
    pages: list[Page] = []

    def opened() -> Preview:
        pages.append(browser.new_page())
        return Preview(pages[0], document)

    yield browser_thread.submit(opened).result()
    browser_thread.submit(pages[0].close).result()


def test_it_shows_the_picture_in_the_colours_of_the_theme(preview: Preview, picture: str) -> None:
    assert preview.told() == [{"ready": True}]
    preview.show(dag="daily", svg=picture)
    page = preview.page
    expect(page.locator("g.task")).to_have_count(2)
    expect(page.locator("rect.ground")).to_have_css("fill", "rgb(1, 2, 3)")
    expect(page.locator("g.task .bar").first).to_have_css("fill", "rgb(4, 5, 6)")
    expect(page.locator("g.when .box")).to_have_css("stroke-dasharray", "4px, 3px")
    assert preview.complaints == []


def test_a_click_or_enter_tells_the_task(preview: Preview, picture: str) -> None:
    preview.show(dag="daily", svg=picture)
    preview.page.locator("g.task", has_text="dump").first.click()
    preview.page.locator("g.when").focus()
    preview.page.keyboard.press("Enter")
    preview.page.locator(".title").click()
    assert preview.told() == [{"ready": True}, {"task": "orders.dump"}, {"task": "report"}]


def test_a_fault_is_told_above_the_last_picture(preview: Preview, picture: str) -> None:
    preview.show(dag="daily", svg=picture)
    preview.show(error="the file has errors")
    expect(preview.page.locator("#error")).to_have_text("the file has errors")
    expect(preview.page.locator("#picture.old g.task")).to_have_count(2)
    preview.show(dag="daily", svg=picture.replace("report", "summary"))
    expect(preview.page.locator("#error")).to_be_hidden()
    expect(preview.page.locator("g.when .name")).to_have_text("summary")
    expect(preview.page.locator("#picture.old")).to_have_count(0)
