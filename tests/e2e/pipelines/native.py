"""Tasks of `native.ppd`."""

import psycopg.pq
import psycopg_binary


def driver() -> str:
    """Which implementation of psycopg is loaded, and from where."""
    print(psycopg.pq.__impl__, psycopg_binary.__file__)
    return psycopg.pq.__impl__


def fails() -> None:
    raise ValueError("told with its line")
