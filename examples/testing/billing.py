"""What the tasks of `invoices.ppd` do: plain Python, which knows nothing of ppacer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.request import Request, urlopen


@dataclass(frozen=True)
class Order:
    number: int
    customer: str
    amount: Decimal


@dataclass(frozen=True)
class Total:
    invoices: int
    amount: Decimal


def fetch_orders(day: date, key: str) -> list[Order]:
    """The orders of a day, as the shop has them."""
    request = Request(f"https://shop.example/orders?day={day}", headers={"Authorization": f"Bearer {key}"})
    with urlopen(request, timeout=30) as answer:
        return [Order(each["number"], each["customer"], Decimal(each["amount"])) for each in json.load(answer)]


def write_invoice(order: Order, minimum: int) -> Decimal:
    """What the order costs, which is never less than the minimum."""
    if order.amount < 0:
        raise ValueError(f"order {order.number} of {order.customer} has a negative amount")
    amount = max(order.amount, Decimal(minimum))
    print(f"invoice {order.number}: {order.customer} pays {amount}")
    return amount


def add_up(amounts: list[Decimal]) -> Total:
    return Total(len(amounts), sum(amounts, Decimal(0)))


def send_report(total: Total) -> None:
    with urlopen(f"https://accounts.example/report?invoices={total.invoices}&amount={total.amount}", timeout=30):
        return


def hold_back(failed: list[dict[str, object]]) -> str:
    return "nothing is sent: " + ", ".join(str(task["id"]) for task in failed)
