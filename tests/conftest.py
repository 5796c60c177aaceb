"""Fixtures for all tests."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.servers import Server, empty, shared_server

ServerOf = Callable[[str], Server]

# What is tried is the same each time and takes as long as it takes: a gate fails for what it was given, and not by
# chance. Others are tried by `--hypothesis-profile=search`.
settings.register_profile("gate", settings.get_profile("ci"))
settings.register_profile("search", settings.get_profile("ci"), derandomize=False)
settings.load_profile("gate")


@pytest.fixture(scope="session")
def server_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOf]:
    """The running server of a kind, one for all tests and all processes of pytest: make databases on it, no more."""
    base = tmp_path_factory.getbasetemp()
    meeting_point = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    servers: dict[str, Server] = {}
    with ExitStack() as stack:

        def server_of(kind: str) -> Server:
            if kind not in servers:
                servers[kind] = stack.enter_context(shared_server(kind, meeting_point))
            return servers[kind]

        yield server_of


@pytest.fixture(scope="session")
def empty_database(server_of: ServerOf) -> Iterator[Callable[[str], str]]:
    """The URL of a database of a kind that holds our tables at most, and no rows: quicker than a new one for each test.

    Nothing may have it open.
    """
    urls: dict[str, str] = {}
    with ExitStack() as stack:

        def empty_database(kind: str) -> str:
            if kind not in urls:
                urls[kind] = stack.enter_context(server_of(kind).database())
            empty(urls[kind])
            return urls[kind]

        yield empty_database


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


_VERSION_3 = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


@pytest.fixture
def ordinary_permissions() -> Iterator[None]:
    """File modes count in the test, even for root, whose right to pass over them is laid down meanwhile (capset(2))."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()

    def call(function: str) -> None:
        if getattr(libc, function)(ctypes.byref(header), ctypes.byref(sets)) != 0:
            raise OSError(ctypes.get_errno(), function)

    call("capget")
    before = sets[0].effective
    sets[0].effective = before & ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    call("capset")
    yield
    sets[0].effective = before
    call("capset")
