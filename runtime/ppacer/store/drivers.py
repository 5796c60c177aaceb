"""The drivers of servers' databases, which are extras of the installation."""

from __future__ import annotations

import importlib

from ppacer.database_url import Kind
from ppacer.store.errors import CannotOpen

_DRIVERS = {Kind.POSTGRESQL: ("psycopg", "postgresql"), Kind.MYSQL: ("pymysql", "mysql")}
"""The module of each, and the extra that brings it."""


def load_driver(kind: Kind) -> None:
    """Raises `CannotOpen`, with what to do, where it is not installed."""
    module, extra = _DRIVERS[kind]
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise CannotOpen(
            f"the driver for {kind.value} is not installed ({error}): python -m pip install 'ppacer[{extra}]' "
            f"(a program in one file: ppc build --format pyz --include 'ppacer[{extra}]')"
        ) from error
