"""The mail of a real SMTP server holds the week, and a server that is away gets it later."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from ppacer.testing import fails, in_turn, real
from tests.examples.conftest import Example


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (its name)
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """What a server on a free port is sent; it serves in a thread of its own."""
    made = Mailbox()
    connections: list[SMTP] = []
    loop = asyncio.new_event_loop()

    def connection() -> SMTP:
        connections.append(SMTP(made, loop=loop))
        return connections[-1]

    async def end() -> None:
        server.close()
        while any(each.transport is not None for each in connections):  # noqa: ASYNC110 (they tell nobody)
            await asyncio.sleep(0.01)

    server = loop.run_until_complete(loop.create_server(connection, "127.0.0.1", 0))
    monkeypatch.setenv("SMTP_SERVER", f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield made
    asyncio.run_coroutine_threadsafe(end(), loop).result(120)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(120)
    loop.close()


def test_a_week_by_mail(example: Callable[[str], Example], mailbox: Mailbox) -> None:
    reports = example("mail_report").load()
    result = reports.run(
        "mail_report",
        at="2026-03-09T07:00",
        params={"to": ["ada@shop.example", "bob@shop.example"]},
        secrets={"SMTP_PASSWORD": ""},
        tasks={"mail": in_turn(fails(ConnectionError("the server is away")), real())},
    )
    assert result.status == "success", result
    assert result["mail"].attempts == 2
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Sales of the week of 02 March 2026: 2,221.10 EUR"
    assert mail["To"] == "ada@shop.example, bob@shop.example"
    assert mail["Message-ID"] == result["mail"].output
    body = mail.get_body(("plain",))
    assert body is not None
    assert "together                68    2,221.10" in body.get_content()
    assert "The week before it was 3,419.80 EUR." in body.get_content()
    (table,) = mail.iter_attachments()
    assert table.get_filename() == "sales-2026-03-02.csv"
    assert table.get_content().splitlines()[1] == "Fountain pen,23,1104.00"


def test_a_week_without_sales_is_no_mail(example: Callable[[str], Example], mailbox: Mailbox) -> None:
    result = example("mail_report").load().run("mail_report", at="2026-06-01T07:00", secrets={"SMTP_PASSWORD": ""})
    assert result.statuses() == {"week": "success", "table": "skipped", "mail": "skipped"}
    assert mailbox.mails == []
