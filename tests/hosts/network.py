"""The network between hosts: namespaces where they are allowed, else loopback addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from tests.hosts import namespaces
from tests.hosts.namespaces import Namespaces
from tests.hosts.relays import Relays

T = TypeVar("T")

KINDS = ("namespaces", "relays")


class Network(Protocol):
    """See `Namespaces`, whose words these are."""

    @property
    def kind(self) -> str: ...

    @property
    def address(self) -> str: ...

    def url(self, host: str, port: int) -> str: ...

    def on(self, host: str, call: Callable[[], T]) -> T: ...

    def cut(self, host: str, *, sends: bool = False, hears: bool = False) -> None: ...

    def spoil(self, host: str, *, loss: float, delay: float) -> None: ...

    def heal(self, host: str) -> None: ...

    def close(self) -> None: ...


def make_network(names: tuple[str, ...], kind: str | None = None) -> Network:
    """A network of hosts with these names, the scheduler's first; of the best kind unless one is named."""
    return Namespaces(names) if (kind or best_kind()) == "namespaces" else Relays(names)


def best_kind() -> str:
    """The best kind that is allowed here."""
    return "namespaces" if namespaces.possible() else "relays"
