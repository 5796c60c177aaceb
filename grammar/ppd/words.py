"""The words of the language. What colours, completes or formats a `.ppd` file reads them here."""

from __future__ import annotations

from typing import Final

DECLARATIONS: Final = frozenset(
    {
        "dag", "defaults", "finally", "from", "group", "import", "include", "label", "let", "notifier", "on", "param",
        "pool", "task", "template",
    }
)  # fmt: skip
"""Words that begin a statement."""

FILE_DECLARATIONS: Final = frozenset(
    {"dag", "from", "import", "include", "label", "let", "notifier", "pool", "template"}
)
"""Those that stand in a file only, never inside a block."""

CLAUSES: Final = frozenset({"as", "when"})
OPERATORS: Final = frozenset({"and", "in", "not", "or"})
CONSTANTS: Final = frozenset({"true", "false", "none"})

RESERVED: Final = DECLARATIONS | CLAUSES | OPERATORS | CONSTANTS
"""May not be names of declarations, nor values; arguments, settings, attributes and parts of modules they may be."""

SCOPES: Final = frozenset({"run", "params", "env", "secret", "task"})
"""Names with a meaning of their own, which nothing can declare."""
