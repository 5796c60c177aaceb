"""What comes and goes is said once, and pauses grow until it has gone well for a while."""

from __future__ import annotations

import asyncio

import pytest

from ppacer.services import troubles
from ppacer.services.stalls import FIRST_PAUSE, LAST_PAUSE, Stalls
from ppacer.services.troubles import Troubles


class Told:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.calm = asyncio.Event()
        self.troubles = Troubles(lambda: self.words.append("over"), self.calm.set)

    def begin(self, word: str) -> None:
        self.troubles.begin(lambda: self.words.append(word))


def test_a_single_trouble_is_told_and_its_end_is_told_at_once() -> None:
    async def test() -> None:
        told = Told()
        told.begin("a")
        assert told.troubles.present
        told.troubles.end()
        assert not told.troubles.present
        assert told.words == ["a", "over"]
        told.troubles.close()

    asyncio.run(test())


def test_one_that_comes_again_and_again_is_told_twice_and_is_over_when_it_has_stayed_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(troubles, "CALM_SECONDS", 0.05)

    async def test() -> None:
        told = Told()
        for word in "abcd":
            told.begin(word)
            told.troubles.end()
        assert told.words == ["a", "over", "b"]
        await asyncio.wait_for(told.calm.wait(), 60)
        await asyncio.sleep(0)
        assert told.words == ["a", "over", "b", "over"]
        told.begin("e")  # a new one
        told.troubles.end()
        assert told.words[4:] == ["e", "over"]
        told.troubles.close()

    asyncio.run(test())


def test_pauses_grow_over_stalls_until_all_has_gone_well_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        stalls = Stalls()
        pauses = []
        for _ in range(8):
            stalls.begin(OSError("full"))
            pauses.append(stalls.pause())
            stalls.end()
        assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
        assert pauses[-1] == LAST_PAUSE
        monkeypatch.setattr(troubles, "CALM_SECONDS", 0.0)
        stalls.begin(OSError("full"))
        stalls.end()
        await asyncio.sleep(0)  # what was to be called by now is called
        await asyncio.sleep(0)
        assert stalls.pause() == FIRST_PAUSE
        stalls.close()

    asyncio.run(asyncio.wait_for(test(), 60))
