"""The fixtures of the browser tests: one program and one browser for all of them (in each process of pytest).

Playwright's pages belong to the thread that began it, and occupy its event loop, which would keep other tests of the
process from running theirs. So it has a thread of its own, in which the tests of this folder run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.visits import PATIENCE_SECONDS, Visits
from tests.e2e.serving import Serving, serving
from tests.e2e.world import World, wait_until

PIPELINE = Path(__file__).parent / "pipelines" / "page.ppd"
SHOTS = "PPACER_SHOTS"
"""The environment variable that names the folder for screenshots; without it they go to pytest's temporary folder."""

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


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Calls a test of this folder in the browser's thread, if it has a browser."""
    thread = pyfuncitem.funcargs.get("browser_thread")
    if not isinstance(thread, ThreadPoolExecutor):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    thread.submit(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names}).result()
    return True


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "browser") as thread:
        yield thread


@pytest.fixture(scope="session")
def browser(browser_thread: ThreadPoolExecutor) -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    assert path is not None, "there is no Chromium: `sh .ci/servers.sh` installs it"

    def start() -> tuple[Playwright, Browser]:
        playwright = sync_playwright().start()
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        return playwright, playwright.chromium.launch(executable_path=path, args=_FLAGS)

    def stop() -> None:
        browser.close()
        playwright.stop()

    playwright, browser = browser_thread.submit(start).result()
    yield browser
    browser_thread.submit(stop).result()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The program of `pipelines/page.ppd`, serving; what a test changes in it, it changes in a dag of its own."""
    world = World(tmp_path_factory.mktemp("page"))
    try:
        with serving(world, PIPELINE, "--drain", "1") as running:
            _seed(running)
            yield running
    finally:
        world.end()


def _seed(served: Serving) -> None:
    """A past to look at: more runs than a page holds, of each kind and outcome."""
    client = served.client
    client.pause("paused_one", reason="nobody needs it")
    past = client.start_backfill("daily_sales", "2026-01-05", "2026-03-01", parallel=8)
    runs = [served.trigger(dag) for dag in ("flaky", "broken_import", "wide", "loud", "flaky", "broken_import")]
    runs += [
        served.trigger("daily_sales"),
        served.trigger("asked", needed=3),
        *(served.trigger("flaky") for _ in range(8)),
    ]
    for run in runs:
        served.ended(run, 120)
    wait_until(lambda: client.backfill(past.id).finished_at is not None, "the past to be made up for", 120)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.end()


@pytest.fixture
def visits(
    browser: Browser, browser_thread: ThreadPoolExecutor, served: Serving, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visits]:
    """Opens pages of the program. A console error, a failed or a refused request in any of them fails the test."""
    kept = os.environ.get(SHOTS)
    made = Visits(browser, served.url, Path(kept) if kept else tmp_path_factory.getbasetemp() / "shots")
    yield made
    faults = browser_thread.submit(made.end).result()
    assert not faults, "\n".join(faults)
