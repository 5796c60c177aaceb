"""Hosts as network namespaces: each has an address of its own and nothing but the wire between it and the others.

A namespace belongs to a thread, and to what that thread starts. It has no name and needs no cleaning up: the kernel
takes it away when the last of its processes has gone.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.hosts.wire import Line, Wire

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x1001
_SET_ADDRESS, _SET_NETMASK, _SET_FLAGS = 0x8916, 0x891C, 0x8914
_UP_AND_RUNNING = 0x41
_DEVICE = Path("/dev/net/tun")


class Namespaces:
    """Network of the hosts `names`; the first one is where the scheduler is."""

    kind = "namespaces"

    def __init__(self, names: tuple[str, ...]) -> None:
        self.address = _address(0)
        self._wire = Wire()
        self._hosts: dict[str, ThreadPoolExecutor] = {}
        self._lines: dict[str, Line] = {}
        try:
            for number, name in enumerate(names):
                host = self._hosts[name] = ThreadPoolExecutor(1, thread_name_prefix=f"host-{name}")
                device = host.submit(_enter, _address(number)).result()
                self._lines[name] = self._wire.attach(_address(number), device)
        except BaseException:
            self.close()
            raise

    def url(self, host: str, port: int) -> str:
        """The scheduler's address, as the host knows it."""
        return f"http://{self.address}:{port}"

    def on(self, host: str, call: Callable[[], T]) -> T:
        """What the call returns, made on the host: sockets and processes that it makes belong there."""
        return self._hosts[host].submit(call).result()

    def cut(self, host: str, *, sends: bool = False, hears: bool = False) -> None:
        """From now on the host's packets are lost; those in one direction are not if it still `sends` or `hears`."""
        self._lines[host].sends, self._lines[host].hears = sends, hears

    def spoil(self, host: str, *, loss: float, delay: float) -> None:
        """Loses packets of the host, each way, with that chance; the others come so many seconds late."""
        self._lines[host].loss, self._lines[host].delay = loss, delay

    def heal(self, host: str) -> None:
        self.cut(host, sends=True, hears=True)
        self.spoil(host, loss=0.0, delay=0.0)

    def close(self) -> None:
        for host in self._hosts.values():
            host.shutdown()
        self._wire.close()


def possible() -> bool:
    """Whether this process may make namespaces and TUN devices."""
    if sys.platform != "linux" or not os.access(_DEVICE, os.R_OK | os.W_OK):
        return False
    with ThreadPoolExecutor(1) as host:
        try:
            os.close(host.submit(_enter, _address(0)).result())
        except OSError:
            return False
    return True


def _address(number: int) -> str:
    return f"10.77.0.{number + 1}"


def _enter(address: str) -> int:
    """Moves the calling thread into a new network of its own; the descriptor of what it sends and hears."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    device = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"wire", _TUN_WITHOUT_HEADER))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, text in ((_SET_ADDRESS, address), (_SET_NETMASK, "255.255.255.0")):
            place = struct.pack("=H2x4s8x", socket.AF_INET, socket.inet_aton(text))
            fcntl.ioctl(control, request, struct.pack("16s16s8x", b"wire", place))
        for name in (b"lo", b"wire"):
            fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH22x", name, _UP_AND_RUNNING))
    return device
