"""The picture of a run of 2,000 tasks, in a browser: when it is painted, how evenly it moves, also while it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import browser, programs
from benchmarks.reference import Reference
from benchmarks.table import Row

TASKS = 2000
WIDTH = 50
DAG = "large"
NODE = ".graph .node"
SECONDS = 5.0

_MOVES = """() => {
  const picture = document.querySelector(".graph .picture");
  const frame = picture.getBoundingClientRect();
  const at = (type, x, y) => picture.dispatchEvent(new PointerEvent(type, {
    bubbles: true, pointerId: 1, button: 0, buttons: 1, clientX: frame.left + x, clientY: frame.top + y,
  }));
  picture.setPointerCapture = () => {}; // there is no such pointer
  picture.hasPointerCapture = () => true;
  window.pan = (number) => {
    if (!number) at("pointerdown", 600, 300);
    at("pointermove", 600 - 8 * (number % 400), 300 - 4 * (number % 400));
  };
  window.zoom = (number) => picture.dispatchEvent(new WheelEvent("wheel", {
    bubbles: true, cancelable: true, ctrlKey: true, deltaY: number % 120 < 60 ? 20 : -20,
    clientX: frame.left + 400, clientY: frame.top + 200,
  }));
}"""


def source(tasks: int = TASKS, width: int = WIDTH) -> str:
    """A dag in layers, each task but those of the first after two of the layer before."""
    lines = ["from steps import step", "", f"dag {DAG} {{"]
    lines += [f"  task t{number} = step()" for number in range(tasks)]
    for number in range(width, tasks):
        above = number - width
        beside = above + (1 if number % width == 0 else -1)
        lines.append(f"  [t{above}, t{beside}] -> t{number}")
    return "\n".join([*lines, "}", ""])


def graph(folder: Path, _: Reference) -> Iterator[Row]:
    file = programs.build(folder / "graph", source())
    with programs.running(file) as program, browser.browser() as opened:
        first = program.trigger(DAG)
        program.wait(DAG)
        url = f"{program.url}/runs/{first}"
        what = f"a run of {TASKS:,} tasks as a graph"
        yield Row(f"{what}: painted after", browser.painted(opened, url, NODE), "s", 1.0, None)
        page = browser.open_page(opened, url, NODE)
        page.evaluate(_MOVES)
        for name in ("pan", "zoom"):
            found = browser.frames(page, SECONDS, name)
            yield Row(f"{what}, {name}: a frame, p50", found.half, "ms", 20, None)
            yield Row(f"{what}, {name}: a frame, p95", found.most, "ms", 50, None)
        page.close()
        second = program.trigger(DAG)
        page = browser.open_page(opened, f"{program.url}/runs/{second}", NODE)
        found = browser.frames(page, SECONDS)
        yield Row(f"{what}, while it goes: a frame, p50", found.half, "ms", 20, None)
        yield Row(f"{what}, while it goes: a frame, p95", found.most, "ms", 50, None)
        program.wait(DAG)
