"""Takes the pictures of the README anew, `page.png` and `error.png` in `screenshots/`, from what the tutorial makes.

python docs/make_screenshots.py

Needs the extra `dev` and a Chromium (`sh .ci/servers.sh` installs one).
"""

from __future__ import annotations

import html
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from playwright.sync_api import Browser, sync_playwright

from ppacer.client import Client
from ppacer.runfile import read_run_file

T = TypeVar("T")
HERE: Final = Path(__file__).parent
PICTURES: Final = HERE / "screenshots"
_FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
_STYLES: Final = {"1": "font-weight:bold", "31": "color:#ff7b72", "33": "color:#e3b341", "34": "color:#79c0ff"}
_WAIT: Final = 120
"""Seconds after which something that should come is held to be missing."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pipelines-") as place, sync_playwright() as playwright:
        folder = Path(place)
        _write_sources(folder)
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        _take_error(browser, folder)
        _take_page(browser, folder)
        browser.close()


def _write_sources(folder: Path) -> None:
    """The files of the tutorial, as they are at its end."""
    text = (HERE / "tutorial.md").read_text(encoding="utf-8")
    for above, code in re.findall(r"^([^\n]*:)\n\n```(?:python|ppd)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        (name,) = re.findall(r"`([\w.]+\.\w+)`", above)[-1:]
        file = folder / name
        before = file.read_text(encoding="utf-8") + "\n\n" if "end of" in above else ""
        file.write_text(before + code, encoding="utf-8")


# --- the error -------------------------------------------------------------------------------------------------------


def _take_error(browser: Browser, folder: Path) -> None:
    said = _on_a_terminal([sys.executable, "-m", "ppc.cli", "check", "mistakes.ppd"], folder)
    body = f"<span style='color:#8b949e'>$</span> ppc check mistakes.ppd\n{_as_html(said)}"
    page = browser.new_page(viewport={"width": 900, "height": 200}, device_scale_factor=2)
    page.set_content(
        "<body style='margin:0;background:#0d1117'>"
        "<pre style='margin:0;padding:18px 22px;display:inline-block;color:#e6edf3;font:14px/1.45 DejaVu Sans Mono'>"
        f"{body}</pre></body>"
    )
    page.locator("pre").screenshot(path=PICTURES / "error.png")


def _on_a_terminal(command: list[str], folder: Path) -> str:
    """What the command prints where it can use colours."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not part:
            break
        found += part
    program.wait()
    return found.decode().replace("\r\n", "\n").rstrip("\n")


def _as_html(text: str) -> str:
    made, opened = "", 0
    for part in re.split(r"(\x1b\[[\d;]*m)", text):
        if not part.startswith("\x1b"):
            made += html.escape(part)
            continue
        codes = part[2:-1].split(";")
        styles = ";".join(_STYLES[code] for code in codes if code in _STYLES)
        made += f"<span style='{styles}'>" if styles else "</span>" * opened
        opened = opened + 1 if styles else 0
    return made + "</span>" * opened


# --- the page --------------------------------------------------------------------------------------------------------


def _take_page(browser: Browser, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "ppc.cli", "build", "sales.ppd"], cwd=folder, check=True)
    program = subprocess.Popen(
        [sys.executable, "sales.py", "--port", "0", "--name", "laptop"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        found = _awaited(lambda: read_run_file(folder / "sales.run.json"))
        client = Client(found.url, actor="ana")
        run = client.trigger("sales", params={"day": "2026-03-05"})
        _awaited(lambda: client.run(run.id).run.status == "failed" or None)
        page = browser.new_page(viewport={"width": 1340, "height": 560}, device_scale_factor=2)
        page.goto(f"{client.url}/runs/{run.id}?task=checked")
        page.get_by_text("is the shop down").first.wait_for()
        page.get_by_text("It wrote nothing.").wait_for()
        page.get_by_text("Inputs").wait_for()
        page.screenshot(path=PICTURES / "page.png")
    finally:
        program.terminate()
        program.wait()


def _awaited(look: Callable[[], T | None]) -> T:
    """What a look finds, as soon as it does."""
    until = time.monotonic() + _WAIT
    while time.monotonic() < until:
        found = look()
        if found is not None:
            return found
        time.sleep(0.2)
    raise TimeoutError("the program did not come to where a picture can be taken")


if __name__ == "__main__":
    main()
