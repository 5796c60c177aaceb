"""How often a login may be tried: by user and by address, in bounded memory.

Each has a bucket of tries that fills again over time. A try takes one out of both, and a login that succeeds puts them
back: who knows the password is not kept out by having logged in often. A bucket that is full is forgotten.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_BUCKETS = 4096
"""How many are remembered; beyond that those are forgotten that were not asked for the longest."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many tries at once, and one more every so many seconds."""

    burst: int
    seconds: float


BY_ADDRESS = Rate(10, 30.0)
BY_USER = Rate(30, 60.0)
"""Looser, since anybody can use up the tries of somebody else."""


class LoginLimits:
    """`clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tries left, and when that was

    def take(self, user: str, address: str) -> float:
        """Counts a try. 0, or in how many seconds one may be made: then it was not counted."""
        keys = _keys(user, address)
        wait = max((1.0 - self._left(key, rate)) * rate.seconds for key, rate in keys)
        if wait > 0:
            return wait
        for key, rate in keys:
            self._put(key, rate, self._left(key, rate) - 1.0)
        return 0.0

    def give_back(self, user: str, address: str) -> None:
        """The try succeeded."""
        for key, rate in _keys(user, address):
            self._put(key, rate, self._left(key, rate) + 1.0)

    def _left(self, key: str, rate: Rate) -> float:
        left, at = self._buckets.get(key, (float(rate.burst), 0.0))
        return min(float(rate.burst), left + (self._clock() - at) / rate.seconds)

    def _put(self, key: str, rate: Rate, left: float) -> None:
        self._buckets.pop(key, None)
        if left < rate.burst:
            self._buckets[key] = (left, self._clock())
        while len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)


def _keys(user: str, address: str) -> tuple[tuple[str, Rate], tuple[str, Rate]]:
    return (f"user {user[:100]}", BY_USER), (f"address {_network(address)}", BY_ADDRESS)


def _network(address: str) -> str:
    """Who has one address of IPv6 has a whole network of them."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
