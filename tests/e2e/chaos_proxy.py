"""A proxy between executors and their scheduler that loses, delays, doubles and holds back what passes through it."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.proxy.between import Between, GoneError


class Mode(StrEnum):
    """What becomes of one exchange."""

    PASSED_ON = "passed on"
    REQUEST_LOST = "request lost"
    REQUEST_HELD = "request held"
    """The connection stays open and nothing ever comes of it."""
    REQUEST_LATE = "request late"
    DOUBLED = "doubled"
    ECHOED = "echoed"
    """Passed on, and once more a good while later."""
    ANSWER_LOST = "answer lost"
    ANSWER_HELD = "answer held"
    ANSWER_LATE = "answer late"


@dataclass(frozen=True)
class Accepted:
    """A report that an executor was told to be accepted."""

    attempt: str
    token: int
    outcome: str


@dataclass
class Proxy(Between):
    """`modes` is what may happen to an exchange, each equally likely; empty for a sound network."""

    chance: random.Random = field(default_factory=random.Random)
    modes: Sequence[Mode] = ()
    accepted: list[Accepted] = field(default_factory=list)

    async def exchange(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        request = head + body
        mode = self.chance.choice(self.modes) if self.modes else Mode.PASSED_ON
        match mode:
            case Mode.REQUEST_LOST:
                raise GoneError
            case Mode.REQUEST_HELD:
                await asyncio.Event().wait()
            case Mode.REQUEST_LATE:
                await asyncio.sleep(self.chance.uniform(0.1, 2.5))
            case Mode.DOUBLED:
                self.later(request, 0.0)
            case Mode.ECHOED:
                self.later(request, self.chance.uniform(0.5, 3.0))
        answer = await self.pass_on(request)
        match mode:
            case Mode.ANSWER_LOST:
                raise GoneError
            case Mode.ANSWER_HELD:
                await asyncio.Event().wait()
            case Mode.ANSWER_LATE:
                await asyncio.sleep(self.chance.uniform(0.1, 2.5))
        writer.write(answer)
        await writer.drain()
        self._note(request, answer)

    def _note(self, request: bytes, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            return
        if b"content-encoding: gzip" in head.lower():
            body = gzip.decompress(body)
        sent = {report["attempt"]: report for report in json.loads(request.partition(b"\r\n\r\n")[2])["reports"]}
        for ack in json.loads(body)["reports"]:
            if ack["status"] == 200:
                report = sent[ack["attempt"]]
                self.accepted.append(Accepted(ack["attempt"], report["token"], report["outcome"]))
