"""The executors' protocol over HTTP: see `ppacer.protocol`."""

from __future__ import annotations

import asyncio

from ppacer import wire
from ppacer.core.accounts import Right
from ppacer.protocol import Exchange, ExchangeAnswer
from ppacer.web.base import BaseHandler

MAX_EXCHANGE_BODY = 32 * 1024 * 1024
"""Bytes that one exchange may carry: many reports and log entries at once."""


class ExchangeHandler(BaseHandler):
    right = Right.EXECUTE
    max_body = MAX_EXCHANGE_BODY
    _under_way: asyncio.Future[ExchangeAnswer] | None = None

    async def post(self) -> None:
        exchange = self.body(Exchange)
        self._under_way = asyncio.ensure_future(self.site.scheduler.exchange(exchange))
        try:
            with self.site.scheduler.accounts.watched(self._look_again):
                answer = await self._under_way
        except asyncio.CancelledError:
            self.check_again()  # which says so where the token does not hold any more
            return  # the connection has closed: nobody is there to be answered
        self.set_header("Content-Type", "application/json")
        self.finish(wire.encode(answer))

    def _look_again(self) -> None:
        """Ends the long-poll of who would not be let in any more, before anything is handed out."""
        found = self.identified()
        if found is None or not found.role.may(self.needed):
            self.on_connection_close()

    def on_connection_close(self) -> None:
        """Ends the long-poll, so that nothing is handed to an executor that has gone."""
        if self._under_way is not None:
            self._under_way.cancel()
