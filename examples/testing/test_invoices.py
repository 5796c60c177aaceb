"""How the pipeline behaves, without a shop, without waiting: `pytest examples/testing`."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import Mock

import pytest

from ppacer.testing import Pipeline, fails, in_turn, load, takes

ORDERS = [
    {"number": 1, "customer": "Ada", "amount": Decimal("12.50")},
    {"number": 2, "customer": "Bob", "amount": Decimal("3.00")},
]
BROKEN = {"number": 3, "customer": "Eve", "amount": Decimal(-1)}


@pytest.fixture(scope="session")
def invoices() -> Pipeline:
    return load(Path(__file__).with_name("invoices.ppd"))


def test_orders_become_invoices(invoices: Pipeline) -> None:
    fetch, send = Mock(return_value=ORDERS), Mock(return_value=None)
    result = invoices.run(
        "invoices", at="2026-03-02T06:30", tasks={"orders": fetch, "report": send}, secrets={"SHOP_KEY": "a key"}
    )
    assert result.status == "success"
    fetch.assert_called_once_with(date(2026, 3, 1), key="a key")
    assert result["invoice"].output == [Decimal("12.50"), Decimal(10)]
    assert result["invoice[1]"].log_text == "invoice 2: Bob pays 10"
    assert result["report"].args == ({"invoices": 2, "amount": Decimal("22.50")},)


def test_the_minimum_is_a_parameter(invoices: Pipeline) -> None:
    result = invoices.run("invoices", params={"minimum": 1}, tasks={"orders": ORDERS, "report": None})
    assert result["total"].output == {"invoices": 2, "amount": Decimal("15.50")}


def test_no_orders_are_no_report(invoices: Pipeline) -> None:
    result = invoices.run("invoices", tasks={"orders": []})
    assert result.statuses() == {
        "orders": "success",
        "invoice": "success",
        "total": "success",
        "report": "skipped",
        "hold": "skipped",
    }


def test_a_broken_order_holds_everything_back(invoices: Pipeline) -> None:
    result = invoices.run("invoices", tasks={"orders": [*ORDERS, BROKEN], "report": None})
    assert result.status == "failed"
    assert result.statuses() == {
        "orders": "success",
        "invoice[0]": "success",
        "invoice[1]": "success",
        "invoice[2]": "failed",
        "total": "upstream_failed",
        "report": "upstream_failed",
        "hold": "success",
    }
    assert "order 3 of Eve has a negative amount" in (result["invoice[2]"].error or "")
    assert result["hold"].output == "nothing is sent: invoice[2]"
    assert [(alert.event, alert.task, alert.notifiers) for alert in result.alerts] == [
        ("failure", "invoice[2]", ("accounts",))
    ]


def test_a_shop_that_is_down_is_asked_again_ten_minutes_later(invoices: Pipeline) -> None:
    down = fails(ConnectionError("the shop is down"))
    back = invoices.run("invoices", tasks={"orders": in_turn(down, down, ORDERS), "report": None})
    assert (back.status, back["orders"].attempts, back.took) == ("success", 3, timedelta(minutes=20))
    gone = invoices.run("invoices", tasks={"orders": down})
    assert (gone.status, gone["orders"].attempts) == ("failed", 3)


def test_accounts_are_told_when_it_is_late(invoices: Pipeline) -> None:
    slow = in_turn(takes("6m", fails()), ORDERS)
    result = invoices.run("invoices", tasks={"orders": slow, "report": None})
    assert (result.status, result.took, result.late) == ("success", timedelta(minutes=16), True)
    assert [(alert.event, alert.task, alert.notifiers) for alert in result.alerts] == [("late", None, ("accounts",))]


def test_it_is_due_on_weekday_mornings(invoices: Pipeline) -> None:
    friday, monday = invoices.next_times("invoices", "2026-03-05T12:00", 2)
    assert (friday.date(), monday.date()) == (date(2026, 3, 6), date(2026, 3, 9))
    assert f"{monday:%H:%M %Z}" == "06:30 CET"
