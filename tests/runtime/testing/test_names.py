"""What the name that a test gives stands for."""

from __future__ import annotations

import pytest

from ppacer.testing.names import Name, Shown

PLAIN = Shown("load")
STATIC = Shown('raw["eu"]')
PRODUCT = Shown('t["eu", 1]')
INSIDE = Shown("orders.dump")
DEEP = Shown('part["eu"].raw["a.b"]')
MEMBER = Shown("check", 1, "b.csv")
KEYED = Shown('look["eu"]', 0, "a")
FAMILY = Shown("check")
ANY_MEMBER = Shown("check", open=True)

FITS = [
    ("load", PLAIN, True),
    ("loa", PLAIN, False),
    ("load.dump", PLAIN, False),
    ("*", PLAIN, True),
    ("*", INSIDE, True),
    ("*", MEMBER, True),
    ('raw["eu"]', STATIC, True),
    ("raw", STATIC, True),
    ("raw[*]", STATIC, True),
    ('raw["us"]', STATIC, False),
    ("raw[eu]", STATIC, False),
    ('raw["eu"][0]', STATIC, False),
    ('t["eu", 1]', PRODUCT, True),
    ('t["eu",1]', PRODUCT, True),
    ('t["eu", *]', PRODUCT, True),
    ("t[*, 1]", PRODUCT, True),
    ("t[*, 2]", PRODUCT, False),
    ('t["eu"]', PRODUCT, True),
    ("t", PRODUCT, True),
    ("orders.dump", INSIDE, True),
    ("orders.*", INSIDE, True),
    ("orders", INSIDE, False),
    ("dump", INSIDE, False),
    ("order.*", INSIDE, False),
    ("load.*", PLAIN, False),
    ('part["eu"].*', DEEP, True),
    ("part.*", DEEP, True),
    ("part.raw", DEEP, True),
    ('part["us"].raw', DEEP, False),
    ('part.raw["a.b"]', DEEP, True),
    ("check", MEMBER, True),
    ("check[1]", MEMBER, True),
    ("check[0]", MEMBER, False),
    ('check["b.csv"]', MEMBER, True),
    ('check["a.csv"]', MEMBER, False),
    ("check[*]", MEMBER, True),
    ("check[1][1]", MEMBER, False),
    ("check", FAMILY, True),
    ("check[1]", FAMILY, False),
    ("check[*]", FAMILY, False),
    ("check[7]", ANY_MEMBER, True),
    ('check["x"]', ANY_MEMBER, True),
    ('look["eu"][0]', KEYED, True),
    ('look["eu"]["a"]', KEYED, True),
    ('look["eu"]', KEYED, True),
    ("look", KEYED, True),
    ('look["us"][0]', KEYED, False),
]


@pytest.mark.parametrize(("text", "task", "fits"), FITS)
def test_a_name_stands_for_a_task(text: str, task: Shown, fits: bool) -> None:
    name = Name.parse(text)
    assert name is not None
    assert name.fits(task) is fits


@pytest.mark.parametrize(
    "text",
    [
        "",
        " load",
        "load ",
        "load.",
        ".load",
        "load..x",
        "raw[",
        "raw[]",
        'raw["eu]',
        'raw["\\q"]',
        "*.x",
        "*[0]",
        "a-b",
        "a[1]b",
    ],
)
def test_what_is_no_name_of_a_task(text: str) -> None:
    assert Name.parse(text) is None


def test_the_name_that_says_more_is_the_greater_one() -> None:
    names = [
        "*",
        "orders.*",
        'orders["eu"].*',
        "orders.dump",
        "orders.dump[*]",
        'orders["eu"].dump',
        'orders["eu"].dump[0]',
    ]
    parsed = [Name.parse(text) for text in names]
    exactness = [name.exactness for name in parsed if name is not None]
    assert exactness == sorted(exactness)
    assert len({*exactness}) == len(names) - 1  # a `*` for a key says nothing
