"""What is said of a trouble that may come and go many times a minute: that it has begun, that it is over, once each.

A disk that is nearly full takes a small write and refuses the next large one; whoever asks such a scheduler is answered
and refused in turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

CALM_SECONDS = 60.0
"""How long it must have gone well until the next trouble is a new one."""


class Troubles:
    """Of one kind, in one event loop. `over` says that it has passed, `calm` is called once it has for a while.

    The first end is told at once, that of a trouble that has come again only after the calm.
    """

    def __init__(self, over: Callable[[], None], calm: Callable[[], None] | None = None) -> None:
        self._over = over
        self._calm = calm
        self._present = False
        self._told = False
        self._again = False
        self._watching: asyncio.TimerHandle | None = None

    @property
    def present(self) -> bool:
        return self._present

    def begin(self, tell: Callable[[], None]) -> None:
        """Called at its beginning; `tell` says so, unless that has been said and nothing else since."""
        self._present = True
        self._again = self._watching is not None
        self.close()
        if not self._told:
            self._told = True
            tell()

    def end(self) -> None:
        """Called when it is over."""
        self._present = False
        if not self._again:
            self._tell_over()
        self._watching = asyncio.get_running_loop().call_later(CALM_SECONDS, self._has_passed)

    def close(self) -> None:
        """Nothing is watched any more."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _has_passed(self) -> None:
        self._watching = None
        if self._calm is not None:
            self._calm()
        if self._told:
            self._tell_over()

    def _tell_over(self) -> None:
        self._told = False
        self._over()
