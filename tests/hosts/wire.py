"""A wire that carries IPv4 packets between hosts, and loses or delays what it is told to.

Each host's only network is a TUN device whose other end is held here, so what the wire does to a packet is what a bad
network does: TCP sends again, waits and gives up as it would between machines, and a cut is silent on both sides.
"""

from __future__ import annotations

import heapq
import os
import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass

_LARGEST = 65_536
_DESTINATION = slice(16, 20)
"""Where an IPv4 packet names the address that it goes to."""


@dataclass
class Line:
    """How a host is connected. What it sends or hears is lost with a chance of `loss`, the rest is `delay` s late."""

    address: bytes
    device: int
    sends: bool = True
    hears: bool = True
    loss: float = 0.0
    delay: float = 0.0

    def loses(self, chance: random.Random, *, sent: bool) -> bool:
        return not (self.sends if sent else self.hears) or chance.random() < self.loss


class Wire:
    """Carries packets in a thread of its own from the first `attach` until `close`, which closes the devices too."""

    def __init__(self) -> None:
        self._lines: dict[bytes, Line] = {}
        self._late: list[tuple[float, int, Line, bytes]] = []
        self._count = 0
        self._chance = random.Random(1)
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._carry, name="wire", daemon=True)
        self._thread.start()

    def attach(self, address: str, device: int) -> Line:
        """Connects the host at an address, whose packets are read from and written to `device`."""
        os.set_blocking(device, False)
        line = Line(socket.inet_aton(address), device)
        self._lines[line.address] = line
        self._selector.register(device, selectors.EVENT_READ, line)
        os.write(self._woken, b"n")
        return line

    def close(self) -> None:
        os.write(self._woken, b"q")
        self._thread.join()
        self._selector.close()
        for descriptor in (self._wake, self._woken, *(line.device for line in self._lines.values())):
            os.close(descriptor)

    def _carry(self) -> None:
        while True:
            wait = self._late[0][0] - time.monotonic() if self._late else None
            for key, _ in self._selector.select(wait):
                if key.data is not None:
                    self._take(key.data)
                elif b"q" in os.read(self._wake, 64):
                    return
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, line, packet = heapq.heappop(self._late)
                _deliver(line, packet)

    def _take(self, sender: Line) -> None:
        try:
            packet = os.read(sender.device, _LARGEST)
        except BlockingIOError:
            return
        receiver = self._lines.get(packet[_DESTINATION])  # what is no IPv4 for one of the hosts goes nowhere
        if receiver is None or sender.loses(self._chance, sent=True) or receiver.loses(self._chance, sent=False):
            return
        delay = sender.delay + receiver.delay
        if delay:
            self._count += 1
            heapq.heappush(self._late, (time.monotonic() + delay, self._count, receiver, packet))
        else:
            _deliver(receiver, packet)


def _deliver(line: Line, packet: bytes) -> None:
    try:
        os.write(line.device, packet)
    except OSError:
        return  # a full queue or a device that is down: lost, as it would be anywhere
