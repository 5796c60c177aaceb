"""The orders in which an Airflow file puts its tasks, as edges."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import pairwise

from ppc.airflow_tasks import members
from ppc.airflow_values import UNKNOWN, UnknownError, short


def order(node: ast.expr, first: object, second: object) -> None:
    """Edges from each of the first to each of the second. Raises `UnknownError` where one of them is no task; lists may
    have none in them."""
    before, after = members(first), members(second)
    known = all(
        side is not UNKNOWN and (found or isinstance(side, list)) for side, found in ((first, before), (second, after))
    )
    if not known:
        raise UnknownError(node, f"the order {short(node)}")
    for one in after:
        one.tasks.edge([each for each in before if each.tasks is one.tasks], one)


def chain(node: ast.Call, parts: Sequence[object]) -> None:
    """Edges from each part to the next; two lists go pairwise. Raises `UnknownError`."""
    for first, second in pairwise(parts):
        if isinstance(first, list) and isinstance(second, list):
            if len(first) != len(second):
                raise UnknownError(node, "a chain of lists that are not of one length")
            for one, other in zip(first, second, strict=True):
                order(node, one, other)
        else:
            order(node, first, second)


def cross_downstream(node: ast.Call, parts: Sequence[object]) -> None:
    """Edges from each of the first part to each of the second. Raises `UnknownError`."""
    if len(parts) != 2:
        raise UnknownError(node, f"what {short(node)} does")
    order(node, *parts)
