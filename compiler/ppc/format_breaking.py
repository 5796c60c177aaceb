"""Where the lines of a long statement may break.

- Inside brackets: each element gets a line, and the last a comma where the grammar allows one.
- Before an operator, the loosest first. A value that stands outside of brackets gets some when it has to break.
- Before the arrows of an edge, all of them. One arrow between lists stays, and the lists break.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ppc.format_comments import OPERATORS
from ppc.format_layout import BlankLine, Break, Doc, EndComment, Group, IfBroken, OwnComment, group, indented
from ppc.format_pieces import CLOSERS, OPENERS, VALUE_ENDS, Piece, space_between

_CONNECTORS: Final = frozenset({"EQUAL", "COLON", "AS"})
"""What joins the two parts of an element of a bracket."""


def breaking(text: str, pieces: Sequence[Piece]) -> list[Doc]:
    """The statement that the pieces of `text` make, with the places where it may break."""
    return _Breaking(text, pieces).statement()


class _Breaking:
    def __init__(self, text: str, pieces: Sequence[Piece]) -> None:
        self._text = text
        self._pieces = pieces
        self._index = 0

    # --- statements ---------------------------------------------------------------------------------------------------

    def statement(self) -> list[Doc]:
        if any(piece.type == "ARROW" for piece in self._pieces):
            return [self._edge()]
        parts: list[Doc] = []
        while self._index < len(self._pieces):
            before = self._type(-1)
            if self._index and space_between(before, self._type()):
                parts.append(" ")
            if before in ("EQUAL", "WHEN"):
                parts.append(self._value())
            elif before == "IMPORT" and self._pieces[0].type == "FROM" and self._type() != "LPAR":
                parts.append(self._imported())
            elif self._type() in VALUE_ENDS:
                parts.append(self._operand())
            elif self._type() == "LPAR":
                parts.append(self._bracket())
            else:
                parts.append(self._take())
        return parts

    def _edge(self) -> Doc:
        sides = [self._operand()]
        arrows: list[list[Doc]] = []
        commented = False
        while self._index < len(self._pieces):
            arrow = self._pieces[self._index]
            commented = commented or bool(arrow.before or arrow.previous)
            arrows.append([*self._break(" "), self._take(), " "])
            sides.append(self._operand())
        if len(sides) == 2 and not commented and any(map(_is_literal, sides)):
            return [sides[0], " -> ", sides[1]]
        rest = [part for arrow, side in zip(arrows, sides[1:], strict=True) for part in (*arrow, side)]
        return group(sides[0], indented(*rest))

    def _imported(self) -> Doc:
        """The names behind `from … import`, to which brackets are given only if they break."""
        names: list[Doc] = [Break("")]
        while self._index < len(self._pieces):
            names.append(self._element())
            if self._index < len(self._pieces):
                names += [self._take(), Break(" ")]
        return group(IfBroken("("), indented(*names, IfBroken(",")), Break(""), IfBroken(")"))

    def _value(self) -> Doc:
        """A whole value outside of brackets."""
        parts = self._expression()
        if len(parts) == 1:
            return parts[0]
        return group(IfBroken("("), indented(Break(""), group(*parts)), Break(""), IfBroken(")"))

    # --- expressions --------------------------------------------------------------------------------------------------

    def _expression(self) -> list[Doc]:
        """An operand; or several, each from the second on behind a break and its operator."""
        operands: list[Doc] = [self._operand()]
        operators: list[tuple[str, list[Doc]]] = []
        while (type_ := self._type()) in OPERATORS:
            operators.append((type_, [*self._break(" "), self._take(), " "]))
            operands.append(self._operand())
        return _by_level(operands, operators)

    def _operand(self) -> Doc:
        """A value with its signs, calls, indexes and attributes."""
        parts: list[Doc] = []
        while self._type() in ("NOT", "NEGATIVE"):
            sign = self._type()
            parts += [self._take(), " " if sign == "NOT" else ""]
        parts.append(self._bracket() if self._type() in OPENERS else self._take())
        while self._type() in ("DOT", "LPAR", "LSQB", "QUESTION"):
            bracket = self._type() in OPENERS
            parts.append(self._bracket() if bracket else self._take())
            if self._type(-1) == "DOT":
                parts.append(self._take())
        return parts if len(parts) > 1 else parts[0]

    # --- brackets -----------------------------------------------------------------------------------------------------

    def _bracket(self) -> Doc:
        """What stands between brackets, an element a line if it breaks."""
        before, opener = self._type(-1), self._pieces[self._index]
        calls = before in VALUE_ENDS
        takes_comma = opener.type == "LDICT" or (calls or before == "IMPORT" if opener.type == "LPAR" else not calls)
        start = [self._take(), *_ending(opener.behind)]
        elements: list[Doc] = []
        parts: list[Doc] = []
        forced = False
        while self._type() not in CLOSERS:
            parts += self._break(" " if elements else "", element=True, first=not elements)
            elements.append(self._element(indent_operators=takes_comma or bool(elements)))
            parts.append(elements[-1])
            if self._type() == "COMMA":
                comma = self._pieces[self._index]
                parts += [self._take(), *_ending(comma.behind)]
                forced = self._type() in CLOSERS
            elif takes_comma:
                parts.append(IfBroken(","))
        closer = self._pieces[self._index]
        if not (elements or opener.behind or closer.before):
            return [*start, self._take()]
        commented = opener.behind or closer.before or closer.previous or (elements and parts[1] is not elements[0])
        hugs = calls and opener.type == "LPAR" and len(elements) == 1 and not (forced or commented)
        if hugs and _is_literal(elements[0]):
            return [*start, elements[0], self._take()]
        parts += _ending(closer.previous)
        for place, above in enumerate(closer.before):
            blank = [BlankLine()] if above.blanks and (elements or place) else []
            parts += [Break(""), *blank, OwnComment(above.text)]
        return group(*start, indented(*parts), Break(""), self._take(), broken=forced)

    def _element(self, *, indent_operators: bool = True) -> Doc:
        parts: list[Doc] = []
        while True:
            expression = self._expression()
            if len(expression) > 1 and not (parts or indent_operators):
                parts.append(group(*expression))
            else:
                parts.append(_nested(expression))
            if self._type() not in _CONNECTORS:
                return parts if len(parts) > 1 else parts[0]
            parts += ["" if self._type() == "COLON" else " ", self._take(), " "]

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _type(self, ahead: int = 0) -> str:
        place = self._index + ahead
        return self._pieces[place].type if 0 <= place < len(self._pieces) else ""

    def _take(self) -> str:
        self._index += 1
        return self._pieces[self._index - 1].text

    def _break(self, flat: str, *, element: bool = False, first: bool = False) -> list[Doc]:
        """A break before the next piece, with the comments there; with blank lines before elements, but the first."""
        piece = self._pieces[self._index]
        parts: list[Doc] = [*_ending(piece.previous), Break(flat)]
        if element and not (first or piece.before):
            if self._text.count("\n", self._pieces[self._index - 1].end, piece.start) > 1:
                parts.append(BlankLine())
            return parts
        for place, above in enumerate(piece.before):
            if element and above.blanks and (place or not first):
                parts.append(BlankLine())
            parts += [OwnComment(above.text), Break("")]
        if element and piece.blanks:
            parts.append(BlankLine())
        return parts


def _by_level(operands: list[Doc], operators: list[tuple[str, list[Doc]]]) -> list[Doc]:
    """The operands between the loosest of the operators; those between tighter ones as groups among them."""
    loosest = min((OPERATORS[type_] for type_, _ in operators), default=0)
    parts: list[Doc] = []
    start = 0
    for place, (type_, doc) in enumerate(operators):
        if OPERATORS[type_] == loosest:
            parts += [_nested(_by_level(operands[start : place + 1], operators[start:place])), *doc]
            start = place + 1
    if start == 0:
        return operands
    return [*parts, _nested(_by_level(operands[start:], operators[start:]))]


def _nested(parts: list[Doc]) -> Doc:
    """Operands of one operator inside something else."""
    return parts[0] if len(parts) == 1 else group(parts[0], indented(*parts[1:]))


def _is_literal(doc: Doc) -> bool:
    """Whether it is a list or a dict that may break."""
    return isinstance(doc, Group) and doc.parts[0] in ("[", "{")


def _ending(comment: str) -> list[Doc]:
    return [EndComment(comment)] if comment else []
