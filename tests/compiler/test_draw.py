"""What a dag is drawn as: every task and edge, groups in frames, nothing that a drawing could misread."""

from __future__ import annotations

import itertools
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from ppacer import spec as s
from ppc.draw_svg import svg
from ppc.draw_text import dot, groups_around, mermaid
from ppc.layout import lay_out

HERE = s.At(1, 1)
SVG = "{http://www.w3.org/2000/svg}"
ODD = 'x["</text>\u202e&\\"#quot;\x07🎉"]'


def dag(
    tasks: Iterable[str],
    edges: Sequence[tuple[str, str]] = (),
    *,
    name: str = "d",
    groups: Sequence[str] = (),
    more: Mapping[str, Mapping[str, object]] | None = None,
) -> s.Dag:
    ids = list(tasks)
    place = {task: number for number, task in enumerate(ids)}
    parents: list[list[int]] = [[] for _ in ids]
    children: list[list[int]] = [[] for _ in ids]
    for parent, child in edges:
        parents[place[child]].append(place[parent])
        children[place[parent]].append(place[child])
    layout = lay_out(parents, children)
    made = tuple(
        s.Task(
            ids[node],
            "shop.etl:load",
            HERE,
            parents=tuple(ids[parent] for parent in parents[node]),
            children=tuple(ids[child] for child in children[node]),
            x=layout.layers[node],
            y=layout.rows[node],
            **(more or {}).get(ids[node], {}),  # type: ignore[arg-type]
        )
        for node in layout.order
    )
    return s.Dag(name, HERE, made, groups=tuple(s.Group(group, HERE) for group in groups))


SALES = dag(
    ['raw["eu"]', "orders.dump", "orders.up.a", "orders.up.b", "store", "check", "mail", "page", ODD],
    [('raw["eu"]', "store"), ("orders.dump", "orders.up.a"), ("orders.up.b", "store"), ("store", "check"),
     ('raw["eu"]', "mail"), ("store", "mail"), ("mail", "page"), (ODD, "page"), (ODD, "mail")],
    name="daily_sales",
    groups=["orders", "orders.up"],
    more={
        "check": {"fan_out": s.FanOut("f", s.Output("store", HERE))},
        "mail": {"when": s.ParamValue("full", HERE)},
        "page": {"handler": s.HandlerKind.FAILURE},
    },
)  # fmt: skip


def boxes(text: str) -> dict[str, ET.Element]:
    """The task's groups of an SVG by the first line of their titles."""
    root = ET.fromstring(text)
    found = {}
    for group in root.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and title.text:
            found[title.text.split("\n")[0]] = group
    return found


def test_the_picture_has_every_task_and_edge_and_needs_nothing_else() -> None:
    text = svg([SALES])
    found = boxes(text)
    assert len(found) == len(SALES.tasks)
    assert text.count('class="edge"') == 9
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|<image|<script|<foreignObject|url\((?!#)", text)
    assert "prefers-color-scheme: dark" in text
    assert found["check"].get("class") == "task family"
    assert found["mail"].get("class") == "task when"
    assert found["page"].get("class") == "task handler"
    assert "on failure" in "".join(found["page"].itertext())


def test_names_are_shown_as_they_are_and_nothing_in_them_is_read() -> None:
    found = boxes(svg([SALES]))
    shown = 'x["</text>\\u202e&\\"#quot;\\x07🎉"]'
    assert shown in found
    name = found[shown].find(f"{SVG}text")
    assert name is not None
    assert "".join(name.itertext()) == shown
    name = found["orders.up.a"].find(f"{SVG}text")
    assert name is not None
    assert [part.text for part in name] == ["orders.up."]


def test_no_two_boxes_overlap_and_all_stand_inside() -> None:
    generator = random.Random(7)
    ids = [f"t{n}" * generator.randrange(1, 12) for n in range(120)]
    edges = list(
        dict.fromkeys(
            (ids[generator.randrange(n)], ids[n]) for n in range(1, 120) for _ in range(generator.randrange(3))
        )
    )
    root = ET.fromstring(svg([dag(ids, edges), SALES]))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    places: list[tuple[float, float, float]] = []
    for group in root.iter(f"{SVG}g"):
        if (place := re.match(r"translate\(([\d.]+) ([\d.]+)\)", group.get("transform", ""))) is not None:
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            places.append((float(place[1]), float(place[2]), float(rect.get("width", 0))))
    assert len(places) == 120 + len(SALES.tasks)
    for n, (x, y, w) in enumerate(places):
        assert 0 < x < x + w < width
        assert 0 < y < y + 44 < height
        for other_x, other_y, other_w in places[:n]:
            assert x + w < other_x or other_x + other_w < x or abs(y - other_y) >= 50


def test_mermaid_frames_groups_and_escapes_labels() -> None:
    text = mermaid([SALES])
    assert text.startswith("flowchart LR\n")
    assert text.count("-->") == 9
    assert re.findall(r'subgraph \w+\["(.*)"\]', text) == ["orders", "up"]
    assert text.count("end\n") == 2
    assert '["dump"]' in text
    assert '(["page"])' in text
    assert '["x[#34;#60;/text#62;#92;u202e#38;#92;#34;#35;quot;#92;x07🎉#34;]"]' in text
    for line in text.splitlines():
        labels = re.findall(r'\["(.*?)"\]', line)
        assert not any(set(label) & set('"<>&`') for label in labels)


def test_dot_frames_groups_and_escapes_names() -> None:
    text = dot([SALES])
    assert text.count(" -> ") == 9
    assert text.count("{") == text.count("}") == 3
    assert '"daily_sales.raw[\\"eu\\"]" -> "daily_sales.store";' in text
    assert 'label="up"' in text
    strings = re.findall(r'"(?:[^"\\]|\\.)*"', text)
    assert not re.search(r'["\\]', re.sub(r'"(?:[^"\\]|\\.)*"', "", text))
    assert any("</text>" in string for string in strings)


@pytest.mark.parametrize("draw", [svg, mermaid, dot])
def test_several_dags_stand_side_by_side(draw: Callable[[Sequence[s.Dag]], str]) -> None:
    text = draw([SALES, dag(["only"], name="one")])
    assert text.index("daily_sales") < text.index("only")
    if draw is mermaid:
        assert re.findall(r'subgraph \w+\["(.*)"\]', text) == ["daily_sales", "orders", "up", "one"]


@pytest.mark.parametrize("draw", [svg, mermaid, dot])
def test_one_task_and_two_thousand(draw: Callable[[Sequence[s.Dag]], str]) -> None:
    assert "only" in draw([dag(["only"])])
    ids = [f"t{n}" for n in range(2000)]
    chain = dag(ids, [*itertools.pairwise(ids), *((ids[0], other) for other in ids[2:])])
    wide = dag(ids, [(ids[0], other) for other in ids[1:]])
    assert len(draw([chain])) < 12_000_000
    assert len(draw([wide])) < 4_000_000


def test_a_task_knows_the_groups_around_it() -> None:
    around = groups_around(dag(['g["a.b"].x', "g.x", "x.y.z"], groups=['g["a.b"]', "x", "x.y"]))
    assert around == {'g["a.b"].x': ('g["a.b"]',), "g.x": (), "x.y.z": ("x", "x.y")}
