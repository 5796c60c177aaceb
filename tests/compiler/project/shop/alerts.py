"""Notifiers of every kind."""

from collections.abc import Iterator

from ppacer import TaskContext
from ppacer.notifiers import Message

raise RuntimeError("the compiler has executed user code")


def page(message: Message, channel: str, *, level: str = "high") -> None: ...


async def publish(text: str, retries: int = 3) -> None: ...


def anything(*values: object) -> None: ...


def nothing() -> None: ...


def only_named(*, message: Message) -> None: ...


def of_a_task(message: Message, context: TaskContext) -> None: ...


def stream(message: Message) -> Iterator[str]:
    yield message.text


class Mail:
    def __init__(self, to: list[str], subject: str = "") -> None: ...

    def __call__(self, message: Message) -> None: ...


class Quiet(Mail):
    def __call__(self) -> None: ...


class Chatty(Mail):
    def __call__(self, message: Message, level: str) -> None: ...


class Postcard:
    def __init__(self, to: str) -> None: ...


class Streaming(Mail):
    def __call__(self, message: Message) -> Iterator[str]:
        yield message.text


class Letter(Mail):
    async def __call__(self, text: str, *more: str) -> None: ...


told = Mail(["a@b.c"])
