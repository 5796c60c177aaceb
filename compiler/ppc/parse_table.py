"""The automaton that the parser is: a table worked out from the grammar, and a stack of states and values."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import ppd
from ppacer.records import dataclass
from ppc.parse_reading import Token
from ppc.parse_tree import TreeBuilder

_GRAMMAR: Final = Path(ppd.__file__).with_name("ppd.lark")
_STORED: Final = Path(__file__).with_name("parse_table.json")

_Function: TypeAlias = Callable[[list[object]], object]


class UnexpectedTokenError(Exception):
    """No rule accepts the token; `expected` are the terminals that could stand in its place."""

    def __init__(self, expected: frozenset[str]) -> None:
        super().__init__("a token that no rule accepts")
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Table:
    """See `parse_grammar.StoredTable`. `rules` hold the name of what is made, how many values it takes and the
    function that makes it; none where the only value is passed on."""

    end: int
    rules: Sequence[tuple[str, int, _Function | None]]
    actions: Sequence[dict[str, int]]
    gotos: Sequence[dict[str, int]]


class Automaton:
    """`states` and `values` are its stack; there is one state more. Who cuts both alike undoes what was fed."""

    __slots__ = ("_actions", "_end", "_gotos", "_rules", "states", "values")

    def __init__(self) -> None:
        self.states = [0]
        self.values: list[object] = []
        table = _table()
        self._actions, self._gotos, self._rules, self._end = table.actions, table.gotos, table.rules, table.end

    def feed(self, token: Token) -> None:
        """Takes the next token; the last is of type `$END`, and leaves what all have made as the only value.

        Raises `UnexpectedTokenError`, and what the functions of the rules raise.
        """
        states, values = self.states, self.values
        actions, gotos, rules, end = self._actions, self._gotos, self._rules, self._end
        type_ = token.type
        while True:
            row = actions[states[-1]]
            if type_ not in row:
                raise UnexpectedTokenError(frozenset(row))
            action = row[type_]
            if action >= 0:
                states.append(action)
                values.append(token)
                return
            name, length, function = rules[~action]
            if function is None:
                states.pop()
            elif length:
                parts = values[-length:]
                del values[-length:], states[-length:]
                values.append(function(parts))
            else:
                values.append(function([]))
            state = gotos[states[-1]][name]
            states.append(state)
            if state == end:
                return


@cache
def _table() -> Table:
    """The stored table; of a grammar that has been edited since, one worked out anew."""
    grammar = _GRAMMAR.read_bytes()
    stored = json.loads(_STORED.read_bytes())
    if stored["grammar"] != zlib.crc32(grammar):
        from ppc.parse_grammar import build  # noqa: PLC0415 - it brings Lark

        stored = build(grammar)
    builder = TreeBuilder()
    rules = [
        (made, length, getattr(builder, function) if function else None) for made, length, function in stored["rules"]
    ]
    return Table(stored["end"], rules, stored["actions"], stored["gotos"])
