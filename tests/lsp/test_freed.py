"""What a check has made is freed by the next one: a collector that had to find it would hold up whoever types."""

from __future__ import annotations

import gc
from pathlib import Path

from ppc.lsp.workspace import Workspace
from ppc.source import Source

CHECKS = 4

HEAD = """
let words = ["a", "b"]

template copy(table: str) {
  task dump = print(table)
}
"""

DAG = """
dag d{number} {{
  param day: date = run.date
  param items: list[str] = ["x", "y"]

  task first = shell("date")
  task each[word in words] = print(word, first)
  task late[item in params.items] = print(item)
  task guarded = print(params.day) when params.day == run.date
  group part {{
    task inner = print(params.day)
  }}
  group copies[word in words] = copy(word)
  first -> guarded
}}
"""


def left(folder: Path, dags: int) -> int:
    """How many objects only a collector finds after some checks of a file that is typed into."""
    workspace = Workspace([str(folder)])
    path = str(folder / "typed.ppd")
    text = HEAD + "".join(DAG.format(number=number) for number in range(dags))
    workspace.put(Source(path, text))
    assert list(workspace.check(path).diagnostics) == []
    gc.collect()
    gc.disable()
    try:
        for number in range(CHECKS):
            workspace.put(Source(path, f"{text}\n# {number}\n"))
            workspace.check(path)
        return gc.collect()
    finally:
        gc.enable()


def test_what_only_a_collector_frees_does_not_grow_with_the_dags(tmp_path: Path) -> None:
    left(tmp_path, 1)  # what is made once
    assert left(tmp_path, 20) - left(tmp_path, 2) < 18 * CHECKS
