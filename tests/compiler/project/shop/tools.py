"""Classes as tasks, and names that reach the package through a star."""

from __future__ import annotations

from dataclasses import dataclass, field

from ppacer import context
from shop.base import Base, Reporting, Unseen

raise RuntimeError("the compiler has executed user code")


class Loader:
    def __init__(self, table: str, chunk: int = 100) -> None:
        self.table = table

    def __call__(self, context: context.TaskContext) -> int:
        return len(self.table)

    def close(self) -> None: ...

    @staticmethod
    def count(table: str) -> int:
        return len(table)

    @classmethod
    def make(cls, table: str) -> Loader:
        return cls(table)


@dataclass
class Copy(Base):
    target: str
    mode: str = "a"
    log: list[str] = field(default_factory=list)
    size: int = field(default=0, init=False)

    def __call__(self) -> None: ...


class Inherited(Base):
    pass


class Polling:
    def __init__(self, url: str) -> None: ...

    async def __call__(self) -> None: ...


class Silent:
    def __init__(self, a: int) -> None: ...


class Wanting:
    def __call__(self, rows: list[str]) -> None: ...


class Asking:
    def __init__(self, table: str, where: context.TaskContext) -> None: ...

    def __call__(self, run) -> int:
        return run.attempt


class Inheriting(Reporting):
    pass


class FromElsewhere(Unseen):
    pass
