"""How bad the world is: which faults a seed draws, and how often. A few kinds at a time find more than all at once."""

from __future__ import annotations

from itertools import accumulate
from random import Random

_KINDS = ("succeeds", "slow", "fails", "dies", "hangs", "stubborn", "defers", "asks", "sends", "kills")
_WEIGHTS = (40, 16, 8, 4, 4, 3, 9, 4, 2, 1)


class Mood:
    """Probabilities of what happens by itself. `random` draws them; without, nothing goes wrong any more."""

    def __init__(self, random: Random | None = None) -> None:
        self.kinds = _KINDS
        self.faulty = random is not None
        if random is None:
            weights = (1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            self.lost = self.doubled = self.late = self.half_open = self.talks = self.fails = 0.0
            self.slow_disk = self.disk_faults = self.crash_points = 0.0
        else:
            weights = tuple(weight * random.choice((0, 1, 1, 3)) for weight in _WEIGHTS)
            weights = (max(weights[0], 20), *weights[1:])
            bad = random.choice((0.0, 0.02, 0.1))
            self.lost = bad * random.choice((0, 1))
            self.doubled = bad * random.choice((0, 1, 3))
            self.late = bad * random.choice((0, 1, 2))
            self.half_open = bad * random.choice((0, 0, 0.3))
            self.talks = random.choice((0.0, 0.3, 0.8))
            self.fails = random.choice((0.0, 0.1, 0.4))
            self.slow_disk = random.choice((0.0, 0.0, 0.05, 0.3))
            self.disk_faults = random.choice((0.0, 0.0, 0.0, 0.01, 0.04))
            self.crash_points = random.choice((0.0, 0.0, 0.0, 0.003, 0.01))
        self.kind_weights = tuple(accumulate(weights))
