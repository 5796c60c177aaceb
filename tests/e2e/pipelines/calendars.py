"""Schedules written in Python: two that work, three that do not."""

import time
from datetime import timedelta


class Parity:
    """Due when the seconds are even or odd, on the wall clock of whoever asks."""

    def __init__(self, rest, name):
        self.rest, self.name = rest, name

    def start(self):
        return None

    def next(self, now, previous):
        due = now.replace(microsecond=0, tzinfo=None) + timedelta(seconds=1)
        return due if due.second % 2 == self.rest else due + timedelta(seconds=1)

    def __str__(self):
        return self.name


class Odd(Parity):
    def __init__(self):
        super().__init__(1, "odd seconds")


even = Parity(0, "even seconds")


class Raises(Odd):
    def next(self, now, previous):
        raise LookupError("there is no calendar for this year")


class Hangs(Odd):
    def next(self, now, previous):
        time.sleep(600)


class Stands(Odd):
    def next(self, now, previous):
        return now
