"""The sales of a week: added up, written as a table, and sent."""

from __future__ import annotations

import csv
import smtplib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from email.message import EmailMessage
from html import escape
from pathlib import Path

from ppacer.context import TaskContext

SENDER = "reports@shop.example"


@dataclass(frozen=True)
class Line:
    article: str
    pieces: int
    amount: Decimal


@dataclass(frozen=True)
class Week:
    """From `monday` on seven days; `before` is the amount of the week before."""

    monday: date
    lines: list[Line]
    pieces: int
    amount: Decimal
    before: Decimal


def gather(sales: Path, today: date) -> Week:
    monday = today - timedelta(days=today.weekday() + 7)
    lines = _lines(sales, monday)
    before = sum((line.amount for line in _lines(sales, monday - timedelta(days=7))), Decimal(0))
    amount = sum((line.amount for line in lines), Decimal(0))
    return Week(monday, lines, sum(line.pieces for line in lines), amount, before)


def write_table(week: Week, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sales-{week.monday}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["article", "pieces", "amount"])
        table.writerows([line.article, line.pieces, line.amount] for line in week.lines)
    return path


def send(week: Week, table: Path, to: list[str], *, server: str, password: str, context: TaskContext) -> str:
    """Sends the report to all, in one mail, and returns its Message-ID. A password that is not empty logs in, which
    takes a server that speaks TLS.
    """
    mail = EmailMessage()
    mail["Subject"] = f"Sales of the week of {week.monday:%d %B %Y}: {week.amount:,} EUR"
    mail["From"] = SENDER
    mail["To"] = ", ".join(to)
    message_id = f"<{context.idempotency_key}@shop.example>"
    mail["Message-ID"] = message_id
    mail.set_content(_text(week))
    mail.add_alternative(_html(week), subtype="html")
    mail.add_attachment(table.read_text(encoding="utf-8"), subtype="csv", filename=table.name)
    host, _, port = server.partition(":")
    with smtplib.SMTP(host, int(port or 587), timeout=60) as smtp:
        if password:
            smtp.starttls()
            smtp.login(SENDER, password)
        refused = smtp.send_message(mail)
    for address, (code, reason) in refused.items():
        context.logger.warning("%s was refused: %s %r", address, code, reason)
    return message_id


def _lines(sales: Path, monday: date) -> list[Line]:
    """What was sold in the seven days, the article that brought most first."""
    pieces: defaultdict[str, int] = defaultdict(int)
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    with sales.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if monday <= date.fromisoformat(row["day"]) < monday + timedelta(days=7):
                pieces[row["article"]] += int(row["pieces"])
                amounts[row["article"]] += Decimal(row["amount"])
    return [Line(name, pieces[name], amounts[name]) for name in sorted(amounts, key=lambda name: -amounts[name])]


def _text(week: Week) -> str:
    rows = [f"{line.article:<20}{line.pieces:>6}{line.amount:>12,}" for line in week.lines]
    change = f"The week before it was {week.before:,} EUR." if week.before else "There is no week before it."
    return "\n".join([*rows, f"{'together':<20}{week.pieces:>6}{week.amount:>12,}", "", change, ""])


def _html(week: Week) -> str:
    rows = "".join(
        f"<tr><td>{escape(line.article)}<td align=right>{line.pieces}<td align=right>{line.amount:,}"
        for line in week.lines
    )
    return f"<table><tr><th>Article<th>Pieces<th>EUR{rows}</table>"
