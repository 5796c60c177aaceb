"""From the grammar to the table that the parser runs on: `python -m ppc.parse_grammar` writes it anew.

Lark reads the grammar and works out its LALR(1) automaton; that and importing Lark take longer than everything else in
the check of a small file. So the table is worked out once and kept beside this file. It is the same to the byte for the
same grammar: states are numbered in the order in which they are reached.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypedDict

from lark import Lark
from lark import Token as LarkToken
from lark.grammar import Rule
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift

import ppd

GRAMMAR = Path(ppd.__file__).with_name("ppd.lark")
STORED = Path(__file__).with_name("parse_table.json")


class StoredTable(TypedDict):
    """`grammar` is the CRC-32 of the grammar's bytes; `rules` hold what a rule makes, how many parts it takes and the
    function of the tree's builder; of `actions`, by state and terminal, n ≥ 0 goes on to state n and another one
    reduces by rule ~n; `gotos` lead on after what a rule made. The first state is the start."""

    grammar: int
    end: int
    rules: list[tuple[str, int, str]]
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]


def build(grammar: bytes) -> StoredTable:
    """The table of a grammar. Lark's exceptions tell what is wrong with one that has conflicts or mistakes."""
    lark = Lark(grammar.decode(), parser="lalr", lexer=_NoLexer, start="module", maybe_placeholders=False)
    table = lark.parse_interactive().parser_state.parse_conf.parse_table
    order = _reached(table.states, table.start_states["module"])
    numbers = {state: number for number, state in enumerate(order)}
    rules: dict[Rule, int] = {}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in order:
        row: dict[str, int] = {}
        onward: dict[str, int] = {}
        for symbol, (action, argument) in sorted(table.states[state].items()):
            if action is not Shift:
                row[symbol] = ~rules.setdefault(argument, len(rules))
            elif symbol.isupper():
                row[symbol] = numbers[argument]
            else:
                onward[symbol] = numbers[argument]
        actions.append(row)
        gotos.append(onward)
    return StoredTable(
        grammar=zlib.crc32(grammar),
        end=numbers[table.end_states["module"]],
        rules=[(str(rule.origin.name), len(rule.expansion), _function(rule)) for rule in rules],
        actions=actions,
        gotos=gotos,
    )


def write() -> None:
    """Stores the table of the grammar as it stands now."""
    STORED.write_text(text(build(GRAMMAR.read_bytes())), encoding="utf-8")


def text(table: StoredTable) -> str:
    """The table as it is stored: one row a line, so that a change of the grammar can be read as a difference."""
    parts = [f'"grammar": {table["grammar"]}', f'"end": {table["end"]}']
    rows: Iterable[tuple[str, list[object]]] = (
        ("rules", [*table["rules"]]),
        ("actions", [*table["actions"]]),
        ("gotos", [*table["gotos"]]),
    )
    for name, lines in rows:
        parts.append(f'"{name}": [\n' + ",\n".join(json.dumps(line, separators=(",", ":")) for line in lines) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


class _NoLexer(Lexer):
    """Lark is given tokens, never text."""

    def __init__(self, lexer_conf: object) -> None:
        del lexer_conf

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[LarkToken]:
        del lexer_state, parser_state
        return iter(())


def _reached(states: dict[int, dict[str, tuple[object, int]]], start: int) -> list[int]:
    """All states, each after the one from which it is reached first."""
    found = {start: None}
    waiting = [start]
    for state in waiting:
        for _, (action, argument) in sorted(states[state].items(), key=lambda item: item[0]):
            if action is Shift and argument not in found:
                found[argument] = None
                waiting.append(argument)
    return list(found)


def _function(rule: Rule) -> str:
    """The function that builds what the rule makes; none where it passes on its only part."""
    if rule.alias is None and rule.options.expand1 and len(rule.expansion) == 1:
        return ""
    return str(rule.alias or rule.origin.name)


if __name__ == "__main__":
    write()
