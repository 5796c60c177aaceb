"""The stored table is that of the grammar, and the automaton does what Lark's own would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ppc import parse_table
from ppc.parse import parse
from ppc.parse_grammar import GRAMMAR, STORED, build, text
from ppc.source import Source


def test_the_stored_table_is_that_of_the_grammar() -> None:
    """If this fails after a change of the grammar: `python -m ppc.parse_grammar`."""
    assert STORED.read_text(encoding="utf-8") == text(build(GRAMMAR.read_bytes()))


@pytest.mark.slow
def test_a_table_is_the_same_in_every_process() -> None:
    script = "from ppc.parse_grammar import *; import sys; sys.stdout.write(text(build(GRAMMAR.read_bytes())))"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert done.stdout == STORED.read_text(encoding="utf-8")


def test_a_grammar_that_was_edited_counts_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stored table for another grammar is not used."""
    stale = tmp_path / "table.json"
    stale.write_text(json.dumps({"grammar": json.loads(STORED.read_bytes())["grammar"] + 1}))
    monkeypatch.setattr(parse_table, "_STORED", stale)
    parse_table._table.cache_clear()
    try:
        _, faults = parse(Source("a.ppd", "dag d {\n  task a = empty()\n}\n"))
        assert not faults
    finally:
        parse_table._table.cache_clear()
