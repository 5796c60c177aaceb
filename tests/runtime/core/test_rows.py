"""Which rows of a run's tasks count, when it has more epochs than one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer.core.model import FAMILY, TaskRow, TaskStatus
from ppacer.core.rows import current_rows


def row(name: str) -> TaskRow:
    """`load/2` is task load in epoch 2, `each#/2` a family's own row, `each#0/2` its first member's."""
    named, epoch = name.split("/")
    task, is_of_family, position = named.partition("#")
    number = 0 if not is_of_family else int(position) if position else FAMILY
    return TaskRow("run", int(epoch), task, number, TaskStatus.SUCCESS)


@pytest.mark.parametrize(
    ("rows", "counting"),
    [
        ("", ""),
        ("b/1 a/1", "a/1 b/1"),
        ("a/1 a/3 a/2 b/2", "a/3 b/2"),
        ("f#/1", "f#/1"),
        ("f#/1 f#0/1 f#1/1", "f#/1 f#0/1 f#1/1"),
        ("f#/1 f#0/1 f#1/1 a/2", "a/2 f#/1 f#0/1 f#1/1"),
        ("f#/1 f#0/1 f#1/1 f#/2", "f#/2"),
        ("f#/1 f#0/1 f#1/1 f#/2 f#0/2", "f#/2 f#0/2"),
        ("f#/1 f#0/1 f#/2 f#0/2 f#1/2", "f#/2 f#0/2 f#1/2"),
        ("f#/1 f#0/1 f#/2 f#0/2 f#/3 f#0/3 f#1/3 g#/1 g#0/1", "f#/3 f#0/3 f#1/3 g#/1 g#0/1"),
        ("f#2/1 f#10/1 f#/1", "f#/1 f#2/1 f#10/1"),
    ],
)
def test_the_rows_that_count(rows: str, counting: str) -> None:
    assert current_rows(map(row, rows.split())) == [row(name) for name in counting.split()]


_rows = st.lists(
    st.builds(
        lambda task, number, epoch: (task, number, epoch), st.sampled_from("ab"), st.integers(-1, 2), st.integers(1, 3)
    ),
    unique=True,
)


@given(keys=_rows, random=st.randoms())
def test_neither_order_nor_what_does_not_count_matters(keys: list[tuple[str, int, int]], random: object) -> None:
    rows = [TaskRow("run", epoch, task, position, TaskStatus.SUCCESS) for task, position, epoch in keys]
    counting = current_rows(rows)
    assert current_rows(random.sample(rows, len(rows))) == counting  # type: ignore[attr-defined]
    assert current_rows(counting) == counting
    for each in counting:
        assert each.epoch == max(
            other.epoch for other in rows if (other.task, other.position) == (each.task, each.position)
        )
