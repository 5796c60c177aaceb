"""Fails on import, in a way that a compiler which runs no user code cannot see."""

RATES = {"eu": 1.0}
RATE = RATES["us"]


def work(name: str) -> str:
    return name
