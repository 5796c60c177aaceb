"""Order and coordinates of tasks: laws over any graph, and a few pictures."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ppc.layout import lay_out


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Edges between numbers in any order, without a cycle."""
    count = draw(st.integers(1, 12))
    names = draw(st.permutations(range(count)))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    chosen = draw(st.sets(pairs, max_size=30)) if count > 1 else set()
    return [(names[a], names[b]) for a, b in sorted(chosen)]


def neighbours(edges: list[tuple[int, int]], count: int) -> tuple[list[list[int]], list[list[int]]]:
    parents: list[list[int]] = [[] for _ in range(count)]
    children: list[list[int]] = [[] for _ in range(count)]
    for parent, child in edges:
        parents[child].append(parent)
        children[parent].append(child)
    return parents, children


@given(graphs())
def test_parents_come_first_and_stand_to_the_left(edges: list[tuple[int, int]]) -> None:
    layout = lay_out(*neighbours(edges, 12))
    assert sorted(layout.order) == list(range(12))
    position = {node: i for i, node in enumerate(layout.order)}
    for parent, child in edges:
        assert position[parent] < position[child]
        assert layout.layers[parent] < layout.layers[child]


@given(graphs())
def test_no_two_stand_in_one_place(edges: list[tuple[int, int]]) -> None:
    layout = lay_out(*neighbours(edges, 12))
    assert len(set(zip(layout.layers, layout.rows, strict=True))) == 12
    for layer in set(layout.layers):
        rows = sorted(row for row, of in zip(layout.rows, layout.layers, strict=True) if of == layer)
        assert rows == list(range(len(rows)))


@given(graphs(), st.randoms())
def test_the_order_of_the_edges_does_not_matter(edges: list[tuple[int, int]], shuffler: random.Random) -> None:
    shuffled = edges.copy()
    shuffler.shuffle(shuffled)
    assert lay_out(*neighbours(edges, 12)) == lay_out(*neighbours(shuffled, 12))


def test_where_edges_leave_a_choice_the_lower_number_comes_first() -> None:
    assert lay_out(*neighbours([(3, 0)], 4)).order == [1, 2, 3, 0]


def test_children_stand_beside_their_parents() -> None:
    layout = lay_out(*neighbours([(0, 3), (1, 2)], 4))
    assert (layout.layers, layout.rows) == ([0, 0, 1, 1], [0, 1, 1, 0])


def test_nodes_in_a_cycle_and_after_it_are_left_out() -> None:
    assert lay_out(*neighbours([(0, 1), (1, 2), (2, 1), (2, 3)], 5)).order == [0, 4]


def test_nothing() -> None:
    assert lay_out([], []).order == []


@given(graphs(), st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_sections_follow_each_other(edges: list[tuple[int, int]], sections: list[int]) -> None:
    inside = [(parent, child) for parent, child in edges if sections[parent] == sections[child]]
    layout = lay_out(*neighbours(inside, 12), sections)
    assert sorted(layout.order) == list(range(12))
    assert [sections[node] for node in layout.order] == sorted(sections)
    for one in range(12):
        for other in range(12):
            if sections[one] < sections[other]:
                assert layout.layers[one] < layout.layers[other]


def test_a_section_begins_right_after_the_one_before() -> None:
    layout = lay_out(*neighbours([(0, 1), (2, 3)], 5), [0, 0, 1, 1, 2])
    assert (layout.order, layout.layers) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
