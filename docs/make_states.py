"""Writes `states.md` beside this file, and the pictures in `states/`: the tables of `ppacer.core.state`.

python docs/make_states.py

The document has them as Mermaid, which code hosts draw. The site shows the pictures instead (`conf.py`): they are drawn
here, ahead, by `dot` of Graphviz, which has to be installed for that alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import Final

from ppacer.core.state import ATTEMPT_MOVES, FAMILY_MOVES, RUN_MOVES, TASK_MOVES

FILE: Final = Path(__file__).with_name("states.md")
PICTURES: Final = Path(__file__).with_name("states")

INTRODUCTION: Final = """\
# States

What a run, a task, a run-time family and an attempt can be, and how one becomes the other. These pictures are made of
the tables in `ppacer.core.state` by `docs/make_states.py`; a test sees to it that they are current. The theory stands
at the top of that module.

What has ended never changes. To do part of a run again opens a new *epoch* of it: there what is done again waits once
more, in new rows, and the run itself is queued if it had ended.
"""

Words = Mapping[tuple[str, str], str]

RUN: Final[Words] = {
    ("queued", "running"): "its turn has come",
    ("queued", "failed"): "its build can no longer be read",
    ("queued", "cancelled"): "cancelled",
    ("running", "success"): "all ordinary tasks have succeeded or were skipped",
    (
        "running",
        "failed",
    ): "an ordinary task failed, was cancelled by itself or never ran for that, or the run took too long",
    ("running", "cancelled"): "cancelled",
}

TASK: Final[Words] = {
    ("waiting", "queued"): "its trigger and its condition say run",
    ("waiting", "failed"): "its condition has no value",
    ("waiting", "skipped"): "its condition is false, or its trigger says skip",
    ("waiting", "upstream_failed"): "its trigger can no longer hold",
    ("waiting", "cancelled"): "cancelled",
    ("queued", "running"): "claimed by an executor",
    ("queued", "failed"): "no value for its arguments, or no executor with its code",
    ("queued", "cancelled"): "cancelled",
    ("running", "success"): "its attempt succeeded",
    ("running", "failed"): "its last attempt failed, took too long or was lost",
    ("running", "retrying"): "its attempt failed or took too long",
    ("running", "queued"): "its attempt was lost, or is retried without a delay",
    ("running", "cancelled"): "cancelled",
    ("retrying", "queued"): "its delay has passed",
    ("retrying", "cancelled"): "cancelled",
}

FAMILY: Final[Words] = {
    ("waiting", "running"): "its list is known",
    ("waiting", "success"): "its list is empty",
    ("waiting", "failed"): "its list has no value",
    ("waiting", "skipped"): "its trigger says skip",
    ("waiting", "upstream_failed"): "its trigger can no longer hold",
    ("waiting", "cancelled"): "cancelled",
    ("running", "failed"): "a member failed",
    ("running", "cancelled"): "else, a member was cancelled",
    ("running", "upstream_failed"): "else, a member never ran",
    ("running", "success"): "else, a member succeeded",
    ("running", "skipped"): "all members were skipped",
}

ATTEMPT: Final[Words] = {
    ("queued", "running"): "claimed, under a lease",
    ("queued", "failed"): "no value for its arguments, or no executor with its code",
    ("queued", "cancelled"): "cancelled",
    ("running", "deferred"): "waits without an executor",
    ("running", "success"): "reported",
    ("running", "failed"): "reported",
    ("running", "timed_out"): "reported",
    ("running", "lost"): "its lease has run out, or its executor gave it up",
    ("running", "cancelled"): "reported",
    ("deferred", "queued"): "what it waited for has come",
    ("deferred", "success"): "what it waited for has come, and nothing is left to do",
    ("deferred", "failed"): "the run that it waited for did not succeed",
    ("deferred", "timed_out"): "its time-out has passed",
    ("deferred", "cancelled"): "cancelled",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """What one kind of thing can be: the picture `name`, its `title`, its `moves` and the `words` of each.

    `direction` is where its arrows go, as Graphviz has it: that in which it is less wide.
    """

    name: str
    title: str
    moves: Mapping[StrEnum, frozenset[StrEnum]]
    words: Words
    direction: str = "TB"

    def mermaid(self) -> str:
        """Each move with its words, and there are no others. States that nothing leads to are left out."""
        found = {(old.value, new.value) for old, ways in self.moves.items() for new in ways}
        if found != self.words.keys():
            raise ValueError(f"{self.title}: these moves lack words or are none: {sorted(found ^ self.words.keys())}")
        lines = ["stateDiagram-v2", f"    [*] --> {self.first}"]
        lines += [f"    {old} --> {new}: {why}" for (old, new), why in self.words.items()]
        lines += [f"    {status} --> [*]" for status in self.ends]
        return "\n".join(lines)

    def graph(self) -> str:
        """The same in the language of Graphviz. An arrow that would say no more than the state it leads to is bare."""
        lines = [f"rankdir={self.direction}", *_LOOKS, f"start -> {self.first}"]
        lines += [f"{status} [peripheries=2]" for status in self.ends]
        for (old, new), why in self.words.items():
            label = "\\n".join(textwrap.wrap(why, _LABEL)) if why != new else ""
            lines.append(f'{old} -> {new} [label="{label}"]')
        return "digraph {\n" + ";\n".join(lines) + "\n}"

    @property
    def first(self) -> str:
        return next(iter(self.moves)).value

    @property
    def ends(self) -> list[str]:
        """The states that nothing leads out of."""
        led_to = {new for _, new in self.words}
        return [status.value for status, ways in self.moves.items() if not ways and status.value in led_to]


CHARTS: Final = (
    Chart("run", "A run", RUN_MOVES, RUN),
    Chart("task", "A task, or a member of a family", TASK_MOVES, TASK),
    Chart("family", "A run-time family as a whole", FAMILY_MOVES, FAMILY, direction="LR"),
    Chart("attempt", "An attempt", ATTEMPT_MOVES, ATTEMPT),
)

_LABEL: Final = 17
"""How many characters a line of an arrow's words may have."""

_FONT: Final = 'fontname="Helvetica,sans-serif"'
_LOOKS: Final = (
    "bgcolor=transparent",
    "nodesep=0.18",
    "ranksep=0.38",
    f'node [shape=box, style=rounded, {_FONT}, fontsize=12, margin="0.15,0.08", height=0.4]',
    f"edge [{_FONT}, fontsize=11, arrowsize=0.7]",
    'start [shape=circle, style=filled, fillcolor=black, label="", width=0.12, height=0.12, fixedsize=true]',
)


def text() -> str:
    """The whole of `states.md`."""
    parts = [f"## {chart.title}\n\n```mermaid\n{chart.mermaid()}\n```\n" for chart in CHARTS]
    return "\n".join((INTRODUCTION, *parts))


def picture(chart: Chart) -> str:
    """The chart as SVG, to stand in a page and have its colours. `desc` is the Mermaid that it is the picture of: so
    the site finds it, readers that cannot see it are told, and a test sees whether it is current."""
    drawn = subprocess.run(["dot", "-Tsvg"], input=chart.graph(), capture_output=True, text=True, check=True).stdout
    head, shapes = drawn.split('<g id="graph0"')
    width, height = re.findall(r'viewBox="0\.00 0\.00 ([\d.]+) ([\d.]+)"', head)[0]
    shapes = re.sub(r"<title>.*?</title>\n|<!--.*?-->\n| id=\"\w+\"", "", f"<g{shapes}".rstrip().removesuffix("</svg>"))
    return "\n".join(
        (
            f'<svg role="img" aria-labelledby="{chart.name}-title" aria-describedby="{chart.name}-moves"'
            f' viewBox="0 0 {width} {height}" width="{width}pt" height="{height}pt" xmlns="http://www.w3.org/2000/svg">',
            f'<title id="{chart.name}-title">{chart.title}: its states, and what leads from one to the other</title>',
            f'<desc id="{chart.name}-moves">{escape(chart.mermaid(), quote=False)}</desc>',
            shapes.rstrip().replace('"black"', '"currentColor"').replace("<text", '<text fill="currentColor"'),
            "</svg>",
            "",
        )
    )


if __name__ == "__main__":
    if shutil.which("dot") is None:
        sys.exit("error: `dot`, which draws the pictures, is not installed\nhelp: apt-get install graphviz")
    FILE.write_text(text(), encoding="utf-8")
    for chart in CHARTS:
        (PICTURES / f"{chart.name}.svg").write_text(picture(chart), encoding="utf-8")
