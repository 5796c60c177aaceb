"""What a page costs in a real browser: when it has painted, and how evenly it moves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles

from playwright.sync_api import Browser, Page, sync_playwright

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_PATIENCE_MS = 120_000
_VIEW = {"width": 1280, "height": 800}

_NOTE_PAINT = """(selector) => {
  const seen = new MutationObserver(() => {
    if (!document.querySelector(selector)) return;
    seen.disconnect();
    // The frame that holds it is drawn after this one's callbacks; what follows that has been painted.
    requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.painted = performance.now(); }));
  });
  seen.observe(document, { subtree: true, childList: true });
}"""

_FRAMES = """async ([seconds, moves]) => {
  const step = moves ? window[moves] : () => {};
  const frames = [];
  const end = performance.now() + 1000 * seconds;
  let last = await new Promise(requestAnimationFrame);
  for (let number = 0; last < end; number += 1) {
    step(number);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


@dataclass(frozen=True, slots=True)
class Frames:
    """Milliseconds from one frame to the next, half and 95 of 100 of them at most."""

    half: float
    most: float


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless, without a GPU."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        raise SystemExit("there is no Chromium: `sh .ci/servers.sh` installs it")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield opened
        opened.close()


def painted(opened: Browser, url: str, selector: str, times: int = 5) -> float:
    """Seconds from the beginning of a navigation to when what the selector names is painted: the median of so many
    visits, each with nothing in the browser's cache."""
    return median(_visit(opened, url, selector) for _ in range(times))


def open_page(opened: Browser, url: str, selector: str) -> Page:
    """The page, once it has what the selector names."""
    page = opened.new_context(viewport=_VIEW).new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(url)
    page.wait_for_selector(selector)
    return page


def frames(page: Page, seconds: float, moves: str | None = None) -> Frames:
    """Frames for so long. `moves` names a function of the page's window that is called before each, with its number."""
    found = page.evaluate(_FRAMES, [seconds, moves])
    return Frames(median(found), quantiles(found, n=20)[-1])


def _visit(opened: Browser, url: str, selector: str) -> float:
    context = opened.new_context(viewport=_VIEW)
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.add_init_script(f"({_NOTE_PAINT})({selector!r})")
    page.goto(url)
    page.wait_for_selector("html[data-painted]")
    taken = float(page.evaluate("document.documentElement.dataset.painted"))
    context.close()
    return taken / 1000
