"""The executors' protocol over HTTP: see `ppacer.protocol`."""

from __future__ import annotations

import asyncio

from ppacer import wire
from ppacer.protocol import Exchange
from ppacer.web.base import BaseHandler

MAX_EXCHANGE_BODY = 32 * 1024 * 1024
"""Bytes that one exchange may carry: many reports and log entries at once."""


class ExchangeHandler(BaseHandler):
    max_body = MAX_EXCHANGE_BODY

    async def post(self) -> None:
        exchange = self.body(Exchange)
        # A connection that closes ends the long-poll, so that nothing is handed to an executor that has gone.
        self._under_way = asyncio.ensure_future(self.site.scheduler.exchange(exchange))
        answer = await self._under_way
        self.set_header("Content-Type", "application/json")
        self.finish(wire.encode(answer))

    def on_connection_close(self) -> None:
        self._under_way.cancel()
