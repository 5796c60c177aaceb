"""Whatever becomes of one exchange, of whichever kind: there is one success, no try too many, and soon all is well."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.proxy.faults import Kind, Mode
from tests.proxy.harness import Harness
from tests.proxy.run import table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc"),
]


def test_every_fault_of_every_exchange(tmp_path: Path) -> None:
    cells = asyncio.run(Harness(tmp_path).run(list(Kind), list(Mode)))
    print(table(cells))
    assert len(cells) == len(Kind) * len(Mode)
    assert not [cell.name for cell in cells if cell.faults]
