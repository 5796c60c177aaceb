"""Pages of a running program in a real browser, and what is asked of each: no error, no refused request, no barrier."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

PHONE, LAPTOP, WALL = 360, 1280, 2560
"""The widths that each view has to be good at, in CSS pixels."""

PATIENCE_SECONDS = 120
"""How long a page may take to show what is expected: far more than it needs, for machines that do much at once."""

_HEIGHTS = {PHONE: 740, LAPTOP: 800, WALL: 1440}
_TALLEST = 20_000
Scheme = Literal["light", "dark"]


_LISTEN = """() => {
  window.said = new Set();
  new MutationObserver(() => {
    for (const each of document.querySelectorAll("[role=alert]:not([hidden])")) window.said.add(each.textContent);
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}"""


@dataclass
class Visits:
    """The visits of one test. What goes wrong in any page of it is noted, and fails the test at its end."""

    browser: Browser
    url: str
    shots: Path
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Errors that fit are what the test is about."""
        self.allowed.append(re.compile(pattern))

    def open(self, path: str, *, width: int = LAPTOP, scheme: Scheme = "light", url: str | None = None) -> Page:
        """A page of its own, as a person in Warsaw with an English browser has it, with the address loaded."""
        context = self.browser.new_context(
            base_url=url or self.url,
            viewport={"width": width, "height": _HEIGHTS.get(width, 800)},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Warsaw",
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error in the page: {error.stack or error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.goto(path)
        return page

    def shot(self, page: Page, name: str) -> None:
        """Keeps a picture of the whole page as `NAME-WIDTH-SCHEME.png`, or of the window where a dialog is open.
        Nothing may stick out at the side."""
        width, height, wider, dark, asks = page.evaluate(
            "(root => [innerWidth, root.scrollHeight, root.scrollWidth - innerWidth,"
            " matchMedia('(prefers-color-scheme: dark)').matches,"
            " document.querySelector('dialog[open]') !== null])(document.documentElement)"
        )
        file = self.shots / f"{name}-{width}-{'dark' if dark else 'light'}.png"
        self.shots.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=file, full_page=height < _TALLEST and not asks)
        assert wider <= 0, f"{name} is {wider} px wider than the window of {width} px"

    def check(self, page: Page, *, schemes: tuple[Scheme, ...] = ("light", "dark")) -> None:
        """No barrier that axe-core knows of, in each colour scheme."""
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page)
            assert found.violations_count == 0, f"{page.url} ({scheme})\n{found.generate_report()}"

    def listen(self, page: Page) -> None:
        """From now on `heard` knows of what the page says for a moment, however late it looks."""
        page.evaluate(_LISTEN)

    def heard(self, page: Page, text: str) -> None:
        """The page has said so since `listen`, or does now."""
        page.wait_for_function("text => window.said.has(text)", arg=text)

    def end(self) -> list[str]:
        """Closes the pages; what went wrong in them."""
        for context in self.contexts:
            context.close()
        return [fault for fault in self.faults if not any(pattern.search(fault) for pattern in self.allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # by the page itself, which needs the answer no more
            self.faults.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"request refused: {response.request.method} {response.url}: {response.status}")
