# ruff: noqa: F401
from dataclasses import dataclass

from nowhere import Unseen


@dataclass
class Base:
    source: str

    def __call__(self) -> str:
        return self.source
