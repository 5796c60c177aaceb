"""The words of the language. What colours, completes or formats a `.ppd` file reads them here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
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

HANDLED: Final = frozenset({"success", "failure"})
"""What may follow `on`; names everywhere else."""

TASK_SETTINGS: Final = frozenset(
    {
        "after", "alert", "alert_on", "backoff", "cwd", "doc", "env", "isolation", "memory", "notify", "on_lost",
        "pool", "priority", "retries", "retry_delay", "runs_on", "timeout", "trigger",
    }
)  # fmt: skip

DAG_SETTINGS: Final = frozenset(
    {
        "alert_on", "catchup", "deadline", "dst", "end", "max_active_runs", "max_active_tasks", "notify", "overlap",
        "owner", "ping", "run_timeout", "schedule", "start", "tags", "timezone",
    }
)  # fmt: skip

POOL_SETTINGS: Final = frozenset({"slots"})

SETTINGS: Final = TASK_SETTINGS | DAG_SETTINGS | POOL_SETTINGS

SETTING_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "alert_on": frozenset({"failure", "late", "retry", "success"}),
        "catchup": frozenset({"all", "latest", "none"}),
        "dst": frozenset({"once", "skip", "twice"}),
        "isolation": frozenset({"async", "process", "thread"}),
        "on_lost": frozenset({"fail", "retry"}),
        "overlap": frozenset({"cancel_running", "queue", "skip"}),
        "trigger": frozenset(
            {"all_done", "all_failed", "all_success", "always", "none_failed", "one_failed", "one_success"}
        ),
    }
)
"""The settings that take words of their own, and these; no names of the file and no expressions."""

BUILT_IN_TASKS: Final = frozenset(
    {
        "empty", "http", "print", "run_dag", "script", "shell", "sleep", "sql", "wait_for_file", "wait_for_http",
    }
)  # fmt: skip
"""Callables of tasks that are found without an import."""

BUILT_IN_NOTIFIERS: Final = frozenset({"apprise", "log"})
SCHEDULES: Final = frozenset({"cron", "every"})
BACKOFFS: Final = frozenset({"exponential"})

BUILT_INS: Final = BUILT_IN_TASKS | BUILT_IN_NOTIFIERS | SCHEDULES | BACKOFFS
"""What is called without an import, `env` and `secret` apart, which are among the `SCOPES`."""

TYPES: Final = frozenset(
    {"bool", "choice", "date", "datetime", "duration", "float", "int", "json", "list", "str"}
)  # fmt: skip
"""Types of params."""
