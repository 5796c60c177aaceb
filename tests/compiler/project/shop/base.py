# ruff: noqa: F401
from dataclasses import dataclass

from nowhere import Unseen

from ppacer import TaskContext


@dataclass
class Base:
    source: str

    def __call__(self) -> str:
        return self.source


class Reporting:
    def __init__(self, table: str, context: TaskContext) -> None: ...

    def __call__(self) -> str:
        return ""
