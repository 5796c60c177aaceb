"""How a scheduler behaves towards a database that does not take writes: when it tries again, what it says of that."""

from __future__ import annotations

import logging

from ppacer.services.troubles import Troubles

FIRST_PAUSE = 0.2
LAST_PAUSE = 5.0

_log = logging.getLogger("ppacer")


class Stalls:
    """Belongs to one event loop. Pauses go on growing until the database has taken writes for a while."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE
        self._troubles = Troubles(_tell_end, self._calm)

    def begin(self, error: BaseException) -> None:
        """Nothing can be written from here on."""
        self._troubles.begin(lambda: _log.error("nothing can be recorded, so nothing goes on for now: %s", error))

    def pause(self) -> float:
        """How many seconds to wait until the next try."""
        pause = self._pause
        self._pause = min(2 * pause, LAST_PAUSE)
        return pause

    def end(self) -> None:
        """The database takes writes again: what it holds has been loaded."""
        self._troubles.end()

    def close(self) -> None:
        self._troubles.close()

    def _calm(self) -> None:
        self._pause = FIRST_PAUSE


def _tell_end() -> None:
    _log.warning("the database takes writes again: its state was loaded, everything goes on")
