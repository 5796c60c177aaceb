"""The migrations in their order, from the first schema that was released to the present one."""

from __future__ import annotations

from ppacer.store.migrations.step import Migration
from ppacer.store.migrations.to_3 import TO_3
from ppacer.store.migrations.to_4 import TO_4

MIGRATIONS: tuple[Migration, ...] = (TO_3, TO_4)

OLDEST = MIGRATIONS[0].version - 1
"""The first schema that was released."""
