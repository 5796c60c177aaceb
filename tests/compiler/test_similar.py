"""Which name somebody probably meant, among few names and among many."""

from __future__ import annotations

import pytest

from ppc.similar import Similar

FEW = ("extract", "transform", "load_rows", "retries", "retry_delay", "etl")
MANY = (*(f"task_{i:04}" for i in range(5000)), *FEW)


@pytest.mark.parametrize("names", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("extrct", "extract"),
        ("exttract", "extract"),
        ("extrakt", "extract"),
        ("extarct", "extract"),
        ("Extract", "extract"),
        ("loadrows", "load_rows"),
        ("elt", "etl"),
        ("report", None),
        ("x", None),
    ],
)
def test_finds_what_differs_by_a_slip(names: tuple[str, ...], name: str, meant: str | None) -> None:
    assert Similar(names).to(name) == meant


def test_among_few_names_more_is_forgiven() -> None:
    assert Similar(FEW).to("retry") == "retries"
    assert Similar(FEW).to("transforms_all") == "transform"


def test_a_name_is_not_similar_to_itself() -> None:
    assert Similar(["extract"]).to("extract") is None


def test_very_long_names_are_not_indexed() -> None:
    assert Similar(["a" * 200 + str(i) for i in range(100)]).to("a" * 201) is None
