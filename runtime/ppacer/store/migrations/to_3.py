"""Schema 3: how far a migration has come, and who leads."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, text

from ppacer.store.migrations.step import Migration, add_column

_META = "ppacer_meta"

_STEPS = (
    # First of all: from here on, what has been done is noted.
    add_column(_META, lambda: Column("step", Integer, nullable=False, server_default=text("0"))),
    add_column(_META, lambda: Column("leader_host", String(300))),
    add_column(_META, lambda: Column("leader_pid", Integer)),
    add_column(_META, lambda: Column("leader_since", BigInteger)),
    add_column(_META, lambda: Column("leader_url", String(300))),
)

TO_3 = Migration(3, {"runs": _STEPS, "logs": _STEPS})
