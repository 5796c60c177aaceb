"""Dags as a picture: one SVG file that needs nothing else, in light or dark as its surroundings are.

Tasks stand where the spec's coordinates say: a layer a column, a row a row, each column centred. An edge that passes
columns on its way goes through the gaps between their tasks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from ppacer import spec
from ppacer.records import dataclass
from ppc.notation import callable_text, expression_text, handler_text, schedule_text, shown_text

_MARGIN: Final = 24
_HEAD: Final = 54
"""Height of a dag's title and what is said under it."""
_BOX: Final = 44
_ROW: Final = 60
"""From one task to the next below."""
_GAP: Final = 56
"""Between two columns; more between columns with many edges."""
_WIDEST: Final = 34
"""How many characters of a name are shown."""
_COLUMN: Final = 7.9
_SMALL_COLUMN: Final = 6.7
"""Width of a character of a name, and of what stands below it."""
_LONGEST_WAY: Final = 48
"""An edge over more columns goes straight."""

_STYLE: Final = """\
svg { color-scheme: light dark; background: var(--ground);
  --ground: #ffffff; --box: #f6f8fa; --line: #d1d9e0; --text: #1f2328; --soft: #59636e; --edge: #848d97;
  --task: #0969da; --family: #8250df; --handler: #bc4c00; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --box: #161b22; --line: #3d444d; --text: #f0f6fc;
  --soft: #9198a1; --edge: #656c76; --task: #4493f8; --family: #ab7df8; --handler: #db6d28; } }
.ground { fill: var(--ground); }
.title { font: 600 17px system-ui, sans-serif; fill: var(--text); }
.about { font: 13px system-ui, sans-serif; fill: var(--soft); }
.box { fill: var(--box); stroke: var(--line); }
.when .box { stroke-dasharray: 4 3; stroke: var(--edge); }
.bar { fill: var(--task); } .family .bar { fill: var(--family); } .handler .bar { fill: var(--handler); }
.name { font: 600 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--text); }
.name .group { font-weight: 400; fill: var(--soft); }
.calls { font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--soft); }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.4; }
.head { fill: var(--edge); }
"""


@dataclass(frozen=True, slots=True)
class _Box:
    """A task in the picture. `x`, `y` are its upper left corner."""

    task: spec.Task
    name: str
    below: str
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + _BOX / 2


@dataclass(frozen=True, slots=True)
class _Column:
    """A layer: its left and right edge, the top of its first task and how many stand in it."""

    left: float
    right: float
    top: float
    count: int

    def gap(self, y: float) -> float:
        """The middle of the gap between two tasks, or beside the outer ones, that is nearest to `y`."""
        first = self.top - (_ROW - _BOX) / 2
        return first + _ROW * min(max(round((y - first) / _ROW), 0), self.count)


def svg(dags: Sequence[spec.Dag]) -> str:
    """The picture of the dags, one below the other."""
    top = float(_MARGIN)
    widest = 0.0
    parts: list[str] = []
    for dag in dags:
        width, height, text = _dag(dag, top)
        parts.append(text)
        widest = max(widest, width)
        top += height + _MARGIN
    width = widest + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(top)}" width="{_n(width)}" '
        f'height="{_n(top)}" role="img">\n'
        f"<title>{_xml(', '.join(dag.id for dag in dags))}</title>\n"
        f"<style>\n{_STYLE}</style>\n"
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0.8 8 4 0 7.2z"/></marker></defs>\n'
        f'<rect class="ground" width="{_n(width)}" height="{_n(top)}"/>\n' + "".join(parts) + "</svg>\n"
    )


def _dag(dag: spec.Dag, top: float) -> tuple[float, float, str]:
    """Width, height and elements of one dag that begins at `top`."""
    columns, boxes = _place(dag, top + _HEAD)
    about = " · ".join([*(schedule_text(schedule) for schedule in dag.schedules), *_counts(dag)])
    about = _shortened(about, 100)
    lines = [
        f'<g><text class="title" x="{_MARGIN}" y="{_n(top + 16)}">{_xml(dag.id)}</text>',
        f'<text class="about" x="{_MARGIN}" y="{_n(top + 34)}">{_xml(about)}</text>',
    ]
    for task in dag.tasks:
        lines += [_edge(boxes[parent], boxes[task.id], columns) for parent in task.parents]
    lines += [_box(box) for box in boxes.values()]
    lines.append("</g>\n")
    width = max((column.right for column in columns), default=0.0) - _MARGIN
    width = max(width, _columns(dag.id) * 11.0, _columns(about) * 7.2)
    height = _HEAD + _ROW * max((column.count for column in columns), default=0)
    return width, height, "\n".join(lines)


def _counts(dag: spec.Dag) -> list[str]:
    return [f"{len(dag.tasks):,} task{'' if len(dag.tasks) == 1 else 's'}"]


# --- where things stand ----------------------------------------------------------------------------------------------


def _place(dag: spec.Dag, top: float) -> tuple[list[_Column], dict[str, _Box]]:
    layers: list[list[spec.Task]] = [[] for _ in range(max((task.x for task in dag.tasks), default=-1) + 1)]
    for task in dag.tasks:
        layers[task.x].append(task)
    arriving = [sum(len(task.parents) for task in layer) for layer in layers]
    rows = [max((task.y for task in layer), default=-1) + 1 for layer in layers]
    tallest = max(rows, default=0)
    columns: list[_Column] = []
    boxes: dict[str, _Box] = {}
    left = float(_MARGIN)
    for number, layer in enumerate(layers):
        if number:
            left += _GAP + min(arriving[number] * 1.5, 64)
        texts = {task.id: (_shortened(shown_text(task.id)), _shortened(_below(task))) for task in layer}
        width = 34 + max(
            (max(_columns(name) * _COLUMN, _columns(below) * _SMALL_COLUMN) for name, below in texts.values()),
            default=0.0,
        )
        column = _Column(left, left + width, top + (tallest - rows[number]) * _ROW / 2, rows[number])
        columns.append(column)
        for task in layer:
            boxes[task.id] = _Box(task, *texts[task.id], left, column.top + task.y * _ROW, width)
        left += width
    return columns, boxes


def _below(task: spec.Task) -> str:
    """What is said of a task under its name."""
    parts = [] if task.handler is spec.HandlerKind.NONE else [handler_text(task.handler)]
    if task.fan_out is not None:
        parts.append(f"each {task.fan_out.variable}")
    if task.trigger is not spec.Trigger.ALL_SUCCESS:
        parts.append(str(task.trigger))
    return shown_text(" · ".join([*parts, callable_text(task.callable).rpartition(".")[2]]))


# --- elements --------------------------------------------------------------------------------------------------------


def _box(box: _Box) -> str:
    task = box.task
    kinds = ["task"]
    if task.when is not None:
        kinds.append("when")
    if task.fan_out is not None:
        kinds.append("family")
    if task.handler is not spec.HandlerKind.NONE:
        kinds.append("handler")
    behind = ""
    if task.fan_out is not None:
        behind = f'<rect class="box" x="5" y="5" width="{_n(box.width)}" height="{_BOX}" rx="7"/>'
    group, dot, name = box.name.rpartition(".") if "[" not in box.name else ("", "", box.name)
    prefix = f'<tspan class="group">{_xml(group + dot)}</tspan>' if dot else ""
    return (
        f'<g class="{" ".join(kinds)}" transform="translate({_n(box.x)} {_n(box.y)})">'
        f"<title>{_xml(_about(task))}</title>{behind}"
        f'<rect class="box" width="{_n(box.width)}" height="{_BOX}" rx="7"/>'
        f'<rect class="bar" x="7" y="9" width="3" height="{_BOX - 18}" rx="1.5"/>'
        f'<text class="name" x="19" y="19">{prefix}{_xml(name)}</text>'
        f'<text class="calls" x="19" y="34">{_xml(box.below)}</text></g>'
    )


def _about(task: spec.Task) -> str:
    lines = [shown_text(task.id), callable_text(task.callable)]
    if task.fan_out is not None:
        lines.append(f"one for each {task.fan_out.variable} in {expression_text(task.fan_out.over)}")
    if task.when is not None:
        lines.append(f"when {expression_text(task.when)}")
    return "\n".join([*lines, *task.doc.split("\n\n")[:1]]).strip()


def _edge(start: _Box, end: _Box, columns: Sequence[_Column]) -> str:
    x, y = start.x + start.width, start.middle
    to_x, to_y = end.x - 2, end.middle
    path = [f"M{_n(x)} {_n(y)}"]
    passed = range(start.task.x + 1, end.task.x)
    if len(passed) <= _LONGEST_WAY:
        length = to_x - x
        for number in passed:
            column = columns[number]
            gap = column.gap(start.middle + (to_y - start.middle) * (column.left - start.x - start.width) / length)
            path += [_curve(x, y, column.left, gap), f"H{_n(column.right)}"]
            x, y = column.right, gap
    path.append(_curve(x, y, to_x, to_y))
    return f'<path class="edge" marker-end="url(#arrow)" d="{"".join(path)}"/>'


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_x - x) / 2
    return f"C{_n(x + bend)} {_n(y)} {_n(to_x - bend)} {_n(to_y)} {_n(to_x)} {_n(to_y)}"


# --- text ------------------------------------------------------------------------------------------------------------


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _xml(text: str) -> str:
    """Escaped; what XML cannot hold as a replacement sign."""
    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))


def _shortened(text: str, columns: int = _WIDEST) -> str:
    """The text, or its beginning and end."""
    if _columns(text) <= columns:
        return text
    head = _taken(text, columns // 2)
    return f"{head}…{_taken(text[::-1], columns - columns // 2 - 1)[::-1]}"


def _taken(text: str, columns: int) -> str:
    """As much of the text as goes into so many columns."""
    used = 0
    for place, character in enumerate(text):
        used += _columns(character)
        if used > columns:
            return text[:place]
    return text


def _columns(text: Iterable[str]) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
