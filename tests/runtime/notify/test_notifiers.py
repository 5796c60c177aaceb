"""Notifiers in workers: the built-in ones, and what an author's callable is given."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from ppacer import spec
from ppacer.core.gist import gist
from ppacer.core.model import NoticeEvent, Notification, NotificationStatus, UpdateNotification
from ppacer.notifiers import Message, log
from ppacer.services.caller import Caller, CallError
from ppacer.services.notices import Outgoing
from ppacer.services.notification_sender import NotificationSender
from ppacer.services.worker_requests import DELIVER

AT = spec.At(3, 1)
MESSAGE = Message(
    subject="sales: load failed",
    text="The task load of dag sales failed\n\nrun: r1",
    event="failure",
    dag="sales",
    run="r1",
    scheduled_at=datetime(2026, 1, 1, tzinfo=UTC),
    task="load",
    attempt=2,
    error="ValueError: no rows",
)

SHOP = """
    import asyncio, os
    from enum import Enum
    from pathlib import Path
    from ppacer.context import TaskContext
    from ppacer.notifiers import Message

    class Level(Enum):
        HIGH = "high"

    def _tell(*parts):
        with Path(os.environ["TOLD"]).open("a") as file:
            print(*parts, sep="|", file=file)

    def plain(message, *channels, level="low"):
        _tell(type(message).__name__, message.subject, message.task, message.attempt, message.error, *channels, level)

    def annotated(message: Message, level: Level):
        _tell(type(message).__name__, message.scheduled_at.isoformat(), level)

    def text(message: str, folder: Path):
        _tell(repr(message), repr(folder))

    async def later(message):
        await asyncio.sleep(0)
        _tell("later", message.dag)

    class Desk:
        def __init__(self, channel, loud=False):
            self.channel, self.loud = channel, loud

        def __call__(self, message):
            _tell("desk", self.channel, self.loud, message.event)

    class Mute:
        pass

    def talkative(message):
        return object()

    def broken(message, token):
        raise OSError(f"no route with {token}")

    def wants_context(message, context: TaskContext):
        pass

    number = 7
"""
NAMES = (
    *("Desk", "Mute", "annotated", "broken", "later", "number", "plain", "talkative", "text", "wants_context"),
    "gone",
)


@pytest.fixture
def told(bench, tmp_path, monkeypatch):
    """Calls a notifier, and gives what it told."""
    bench.module("shop", SHOP)
    file = tmp_path / "told.txt"
    monkeypatch.setenv("TOLD", str(file))
    monkeypatch.setenv("CHANNEL", "#etl")

    async def call(name: str, *args: object, **kwargs: object) -> str:
        async with bench.caller(*(f"shop:{each}" for each in NAMES)) as caller:
            await caller.call(DELIVER, (f"shop:{name}", MESSAGE, *args), kwargs, seconds=600, where="notifier ops")
        return file.read_text().rstrip("\n") if file.exists() else ""

    return call


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "expected"),
    [
        ("plain", [], {}, "Message|sales: load failed|load|2|ValueError: no rows|low"),
        ("plain", ["a", "b"], {"level": "high"}, "Message|sales: load failed|load|2|ValueError: no rows|a|b|high"),
        ("annotated", ["high"], {}, "Message|2026-01-01T00:00:00+00:00|Level.HIGH"),
        ("text", ["a/b"], {}, r"'The task load of dag sales failed\n\nrun: r1'|PosixPath('a/b')"),
        ("later", [], {}, "later|sales"),
        ("Desk", ["#etl"], {"loud": True}, "desk|#etl|True|failure"),
        ("Desk", [spec.Env("CHANNEL", AT)], {}, "desk|#etl|False|failure"),
        ("talkative", [], {}, ""),
    ],
)
async def test_an_authors_callable_gets_the_message_and_its_arguments(told, name, args, kwargs, expected) -> None:
    assert await told(name, *args, **kwargs) == expected


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("broken", ["t"], "OSError: no route with t"),
        ("annotated", [], "missing a required argument: 'level'"),
        ("annotated", ["huge"], "'huge' is no Level (one of 'high')"),
        ("number", [], "shop:number is not callable"),
        ("Mute", [], "objects of class shop:Mute cannot be called: the class has no __call__ method"),
        ("wants_context", [], "a notifier is given a ppacer.notifiers.Message, and no TaskContext"),
        ("gone", [], "module 'shop' has no attribute 'gone'"),
        ("unknown", [], "this program has no notifier shop:unknown"),
        ("plain", [spec.Env("NOWHERE", AT)], 'env("NOWHERE") has no value'),
    ],
)
async def test_what_goes_wrong_is_told(told, name, args, message) -> None:
    with pytest.raises(CallError) as caught:
        await told(name, *args)
    assert message in str(caught.value)


# --- log -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "level"),
    [("failure", "ERROR"), ("retry", "WARNING"), ("late", "WARNING"), ("success", "INFO"), ("message", "INFO")],
)
def test_log_tells_the_first_paragraph(caplog: pytest.LogCaptureFixture, event: str, level: str) -> None:
    caplog.set_level(logging.INFO, logger="ppacer.notices")
    log(Message("subject", "first\n\nsecond", event, "sales", "r1", datetime(2026, 1, 1, tzinfo=UTC)))
    [record] = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("ppacer.notices", level, "alert: subject: first")


# --- apprise ---------------------------------------------------------------------------------------------------------


async def deliver(caller: Caller, *urls: object) -> None:
    await caller.call(DELIVER, ("ppacer.notifiers:apprise", MESSAGE, *urls), seconds=600, where="notifier ops")


async def test_apprise_sends_to_every_address(bench, kit) -> None:
    with kit.http_server() as one, kit.http_server() as other:
        async with bench.caller("ppacer.notifiers:apprise") as caller:
            await deliver(caller, f"json://127.0.0.1:{one.port}/a", f"json://127.0.0.1:{other.port}/b")
        for heard, path in ((one, "/a"), (other, "/b")):
            [body] = heard.bodies
            assert (body["title"], body["type"]) == ("sales: load failed", "failure")
            assert body["message"].startswith("The task load of dag sales failed")
            assert heard.paths[0].startswith(path)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("json://robot:hunter22@127.0.0.1:{port}/sesame?key=opensesame", "apprise could not send it: "),
        ("bogus://hunter22@sesame", "apprise does not know what this address means: bogus://…"),
        ("hunter22", "apprise does not know what this address means: it begins with no such thing as `mailto://`"),
    ],
)
async def test_no_part_of_an_address_is_told(bench, kit, caplog, url: str, message: str) -> None:
    caplog.set_level(logging.DEBUG)
    with kit.http_server() as heard:
        heard.answer = lambda handler: handler.send_response(500)
        async with bench.caller("ppacer.notifiers:apprise") as caller:
            with pytest.raises(CallError) as caught:
                await deliver(caller, url.format(port=heard.port))
    assert message in str(caught.value)
    for told in (str(caught.value), caplog.text):
        for secret in ("hunter22", "sesame"):
            assert secret not in told


async def test_where_apprise_is_missing_the_way_out_is_told(bench) -> None:
    bench.module("apprise", "raise ModuleNotFoundError('no apprise')")
    async with bench.caller("ppacer.notifiers:apprise") as caller:
        with pytest.raises(CallError) as caught:
            await deliver(caller, "json://127.0.0.1")
    assert gist(str(caught.value)) == "the notifier apprise needs a package: pip install 'ppacer[notify]'"


def test_only_who_sends_imports_apprise() -> None:
    code = "import sys, ppacer.services.notification_sender; sys.exit('apprise' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- from the row to the address -------------------------------------------------------------------------------------


class Recorder:
    """What the database would be told."""

    def __init__(self) -> None:
        self.rows: list[Notification] = []

    def write(self, writes: list[UpdateNotification]) -> None:
        self.rows += [write.row for write in writes]

    def announce(self, topic: str) -> None:
        pass


async def sent(bench, kit, notifier: spec.Notifier, *callables: str, tries: int = 1) -> list[Notification]:
    """What becomes of one notification, over so many tries."""
    hand, recorder, plan = kit.hand(), Recorder(), kit.plan(notifier)

    async def find(build: str, dag: str) -> object:
        return plan

    row = Notification(
        *("n1", kit.now, "sales", "b1", NoticeEvent.FAILURE, notifier.name, "sales: load failed", "The task failed"),
        *(NotificationStatus.PENDING, kit.now, kit.run().id, "load"),
        number=2,
    )
    async with bench.caller(*callables) as caller:
        sender = NotificationSender(recorder, hand, hand, caller, turn=nullcontext, plan=find)
        sender.add(Outgoing(row, kit.now))
        for done in range(1, tries + 1):
            hand.advance(2000)
            await kit.until(lambda done=done: len(recorder.rows) == done)
        sender.close()
    return recorder.rows


async def test_an_alert_reaches_an_address_from_the_environment(bench, kit, monkeypatch) -> None:
    with kit.http_server() as heard:
        heard.answer = lambda handler: handler.send_response(503 if len(heard.bodies) == 1 else 200)
        monkeypatch.setenv("OPS_URL", f"json://127.0.0.1:{heard.port}")
        notifier = spec.Notifier("ops", "ppacer.notifiers:apprise", AT, (spec.Env("OPS_URL", AT),))
        first, second = await sent(bench, kit, notifier, "ppacer.notifiers:apprise", tries=2)
        assert [body["title"] for body in heard.bodies] == ["sales: load failed"] * 2
    assert (first.status, first.tries) == (NotificationStatus.PENDING, 1)
    assert (second.status, second.tries, second.error) == (NotificationStatus.SENT, 2, None)


async def test_a_secret_is_neither_in_the_row_nor_in_the_log(bench, kit, told, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPS_TOKEN", "hunter22-very-secret")
    notifier = spec.Notifier("ops", "shop:broken", AT, (spec.Secret("OPS_TOKEN", AT),))
    [row] = await sent(bench, kit, notifier, "shop:broken")
    assert row.error is not None
    assert "no route with" in row.error
    assert "hunter22" not in repr(row) + caplog.text
