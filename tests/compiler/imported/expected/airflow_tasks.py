"""The functions of the tasks of an Airflow file, without Airflow."""

from __future__ import annotations
import json


LIMIT = 10


def helper(x):
    return x * LIMIT


def clean(region, ds, **kwargs):
    """Cleans."""
    return helper(len(region))


def extract() -> dict:
    text = 'a\n  b'
    return json.loads('{"a": [1, 2]}')


def double(n: int) -> int:
    return n * 2


def show(n, **context):
    print(n)
