"""What a generated program imports: the runtime of ppacer. Importing this package imports nothing else.

`from ppacer import TaskContext` works in task modules; it is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppacer.context import TaskContext

__all__ = ["TaskContext", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "TaskContext":
        from ppacer.context import TaskContext  # noqa: PLC0415 (only task modules pay for it)

        return TaskContext
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
