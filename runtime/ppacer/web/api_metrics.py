"""`/metrics`, for Prometheus and whatever else reads its text."""

from __future__ import annotations

import asyncio

from ppacer.core.accounts import Right
from ppacer.web.base import BaseHandler
from ppacer.web.metrics import Snapshot, snapshot
from ppacer.web.operation import streams

_MEDIA = "text/plain; version=0.0.4; charset=utf-8"


class MetricsHandler(BaseHandler):
    """The program's metrics as Prometheus reads them; docs/operations.md has a table of them."""

    @streams("Show metrics", _MEDIA, right=Right.VIEW)
    async def get(self) -> None:
        state = snapshot(self.site)
        text = await asyncio.to_thread(_written, state)
        self.set_header("Content-Type", _MEDIA)
        self.finish(text)


def _written(state: Snapshot) -> bytes:
    from ppacer.web.metrics_text import written  # noqa: PLC0415 - a third of a second that only who asks need pay

    return written(state)
