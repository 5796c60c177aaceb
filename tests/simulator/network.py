"""The network between executors and the scheduler: every exchange crosses it as bytes of the shipped codec.

A request or an answer may be lost, late, doubled, or arrive long after; a connection may go silent without anybody
being told (half-open), be cut, or be refused because nothing listens. A doubled request is carried out twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ppacer import wire
from ppacer.protocol import Exchange, ExchangeAnswer
from ppacer.services.errors import SchedulerUnavailable, UnsupportedProtocol
from ppacer.services.transport import ANSWER_SECONDS, Fault, TransportError
from tests.simulator.loop import Process

if TYPE_CHECKING:
    from tests.simulator.world import Host, World


@dataclass(slots=True, eq=False)
class _Connection:
    """One request on its way, and its answer. `silent`: neither end hears of the other any more."""

    client: Process
    data: bytes
    answer: asyncio.Future[tuple[int, bytes | str]]
    silent: bool = False
    serving: asyncio.Task[None] | None = None
    closed: bool = False


class Network:
    """`cut` holds the names of the processes that are cut off at present."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.cut: set[str] = set()

    def send(self, client: Process, data: bytes) -> _Connection:
        connection = _Connection(client, data, client.create_future())
        world, mood = self._world, self._world.mood
        random = world.random
        connection.silent = random.random() < mood.half_open or client.name in self.cut
        if connection.silent:
            world.done["network: gone silent"] += 1
            return connection
        if random.random() < mood.lost:
            world.done["network: request lost"] += 1
            if random.random() < 0.5:
                self._reset(connection)
            return connection
        world.timeline.after(self._delay(), self._arrive, connection)
        if random.random() < mood.doubled:
            world.done["network: request doubled"] += 1
            late = random.choice((0.001, 0.05, 1.0, 8.0, 20.0))
            world.timeline.after(late, self._arrive, _Connection(client, data, client.create_future(), silent=True))
        return connection

    def close(self, connection: _Connection) -> None:
        """The client has closed its end; the scheduler hears of it, unless nothing is heard any more."""
        connection.closed = True
        if not connection.silent and connection.serving is not None and not connection.serving.done():
            self._world.timeline.after(self._delay(), self._hang_up, connection)

    def _hang_up(self, connection: _Connection) -> None:
        host, serving = self._world.host, connection.serving
        if host is not None and serving is not None and serving._loop is host.process:  # type: ignore[attr-defined]
            host.process.outside(0.0, lambda _: serving.cancel())

    def _delay(self) -> float:
        random, mood = self._world.random, self._world.mood
        if random.random() < mood.late:
            return random.choice((0.1, 0.5, 2.0, 7.0))
        return random.uniform(0.0002, 0.004)

    def _arrive(self, connection: _Connection) -> None:
        host = self._world.host
        if connection.client.name in self.cut:
            connection.silent = True
        elif host is None or host.process.dead or not host.listening:
            self._world.done["network: refused"] += 1
            self._reset(connection)
        else:
            host.process.outside(0.0, lambda _: self._serve(host, connection))

    def _reset(self, connection: _Connection) -> None:
        connection.client.outside(self._delay(), _settle, (connection.answer, (0, "connection refused")))

    def _serve(self, host: Host, connection: _Connection) -> None:
        connection.serving = host.process.create_task(self._answer(host, connection))

    async def _answer(self, host: Host, connection: _Connection) -> None:
        """What the web server does with a request."""
        world = self._world
        body: bytes | str
        try:
            exchange = wire.decode(Exchange, connection.data)
            world.truth.received(exchange)
            answer = await host.scheduler.exchange(exchange)
        except (SchedulerUnavailable, UnsupportedProtocol) as error:
            status, body = (503, str(error)) if isinstance(error, SchedulerUnavailable) else (426, str(error))
        else:
            world.watch.answered(exchange, answer)
            status, body = 200, wire.encode(answer)
        world.crash_point("before an answer is sent")
        mood, random = world.mood, world.random
        if connection.silent or connection.client.name in self.cut:
            pass
        elif random.random() < mood.lost:
            world.done["network: answer lost"] += 1
            if random.random() < 0.5:
                self._reset(connection)
        else:
            connection.client.outside(self._delay(), _settle, (connection.answer, (status, body)))
        world.crash_point("after an answer was sent")


def _settle(what: tuple[asyncio.Future[Any], object]) -> None:
    future, value = what
    if not future.done():
        future.set_result(value)


class SimulatedTransport:
    """An executor's way to the scheduler: what `HttpTransport` is over sockets."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    async def exchange(self, exchange: Exchange, seconds: float = ANSWER_SECONDS) -> ExchangeAnswer:
        connection = self._world.network.send(self._process, wire.encode(exchange))
        held = exchange.claim.wait if exchange.claim else 0.0
        try:
            async with asyncio.timeout(held + seconds):
                status, body = await connection.answer
        except TimeoutError as fault:
            raise TransportError(Fault.AWAY, "the scheduler did not answer in time") from fault
        finally:
            self._world.network.close(connection)
        if status == 200:
            assert isinstance(body, bytes)
            return wire.decode(ExchangeAnswer, body)
        fault = Fault.VERSION if status == 426 else Fault.AWAY
        raise TransportError(fault, f"the scheduler cannot answer just now: {status} {body!r}")

    def close(self) -> None:
        """Nothing is open."""
