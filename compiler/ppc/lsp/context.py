"""Where a cursor stands, read off the text before it alone: what is being typed hardly ever parses."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from ppacer.records import dataclass, field
from ppc.settings import Owner


class Block(StrEnum):
    """What a block holds; the value is the word that begins it."""

    FILE = ""
    DAG = "dag"
    GROUP = "group"
    TEMPLATE = "template"
    HANDLER = "on"
    FINALLY = "finally"
    TASK = "task"
    DEFAULTS = "defaults"
    POOL = "pool"

    @property
    def owner(self) -> Owner | None:
        """Whose settings stand in it."""
        return _OWNERS.get(self)

    @property
    def holds_tasks(self) -> bool:
        return self in _BODIES


@dataclass(slots=True, eq=False)
class Opened:
    """A bracket that is open at the cursor: the callee before it, and what stands in it so far."""

    bracket: str
    callee: str
    start: int
    commas: int = 0
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Context:
    """`block` is what the cursor is in, `statement` the text of the statement up to it, `word` the name being typed
    with what it hangs on by dots, of which `start` is the last part's beginning.

    `string` is the offset at which the text begins that the cursor is in, -1 outside of one; `opened` the brackets of
    the statement from the outside in; `settings` what the block says already.
    """

    block: Block
    statement: str
    word: str
    start: int
    string: int = -1
    opened: tuple[Opened, ...] = ()
    settings: frozenset[str] = frozenset()
    comment: bool = False

    @property
    def before(self) -> str:
        """The statement without the word."""
        return self.statement[: len(self.statement) - len(self.word)].rstrip()

    @property
    def path(self) -> tuple[str, ...]:
        """The names before the last dot of the word."""
        return tuple(self.word.split(".")[:-1])

    @property
    def call(self) -> Opened | None:
        """The innermost call whose argument is being typed."""
        return next((each for each in reversed(self.opened) if each.bracket == "(" and each.callee), None)


def context_at(text: str, offset: int) -> Context:
    """Reads from the last line that begins a declaration of the file: no block goes beyond one."""
    begins = [match.start() for match in _TOP.finditer(text, 0, offset)]
    return _Scanner(text, begins[-1] if begins else 0, offset).run()


class _Scanner:
    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._offset, self._end = text, start, end
        self._blocks: list[tuple[Block, set[str]]] = [(Block.FILE, set())]
        self._brackets: list[Opened] = []
        self._begin = start

    def run(self) -> Context:
        string, comment = -1, False
        while self._offset < self._end:
            match = _PIECE.match(self._text, self._offset, self._end)
            assert match is not None
            self._offset = match.end()
            piece = match[0]
            if match.lastgroup == "string":
                quote = '"""' if piece.endswith('"""') else '"'
                closed = self._close(quote)
                if closed < 0:
                    string = match.end()
                    break
                self._offset = closed
            elif match.lastgroup == "comment":
                comment = self._offset == self._end
            elif piece == "\n":
                self._newline()
            elif piece in "([{":
                self._open(piece, match.start())
            elif piece in ")]}":
                self._closing(piece)
            elif piece == ",":
                self._comma()
            elif match.lastgroup == "named" and self._brackets:
                self._brackets[-1].names.append(match["argument"])
        return self._context(string, comment=comment)

    def _context(self, string: int, *, comment: bool) -> Context:
        text = self._text[: self._end]
        found = _WORD.search(text, max(self._begin, text.rfind("\n") + 1))
        word = found[0] if found is not None and string < 0 else ""
        block, settings = self._blocks[-1]
        return Context(
            block,
            text[self._begin :].lstrip(),
            word,
            self._end - len(word.rpartition(".")[2]),
            string,
            tuple(self._brackets),
            frozenset(settings),
            comment,
        )

    def _close(self, quote: str) -> int:
        """The end of a text, -1 where the cursor is in it; one in plain quotes ends with its line."""
        index = self._offset
        while index < self._end:
            if self._text.startswith(quote, index):
                return index + len(quote)
            if self._text[index] == "\n" and quote == '"':
                return index
            index += 2 if self._text[index] == "\\" else 1
        return -1

    def _newline(self) -> None:
        if self._brackets and not _STATEMENT.match(self._text, self._offset):
            return
        following = _CONTINUES.match(self._text, self._offset, self._end)
        if following is None:
            self._end_statement()

    def _end_statement(self) -> None:
        statement = self._text[self._begin : self._offset].strip()
        setting = _SETTING.match(statement)
        if setting is not None:
            self._blocks[-1][1].add(setting[1])
        self._brackets.clear()
        self._begin = self._offset

    def _open(self, bracket: str, at: int) -> None:
        statement = self._text[self._begin : at]
        if bracket == "{" and not self._brackets and not statement.rstrip().endswith(("=", "in", "(", "[", ",")):
            self._blocks.append((_block(statement), set()))
            self._begin = self._offset
            return
        callee = _CALLEE.search(statement)
        self._brackets.append(Opened(bracket, callee[0] if callee is not None else "", at))

    def _closing(self, bracket: str) -> None:
        if self._brackets:
            self._brackets.pop()
        elif bracket == "}" and len(self._blocks) > 1:
            self._blocks.pop()
            self._begin = self._offset

    def _comma(self) -> None:
        if self._brackets:
            self._brackets[-1].commas += 1
        elif self._blocks[-1][0].owner is not None:
            self._end_statement()


def _block(statement: str) -> Block:
    head = statement.split(maxsplit=1)
    word = head[0] if head else ""
    return Block(word) if word in set(Block) else Block.GROUP


_OWNERS: Final = {
    Block.DAG: Owner.DAG,
    Block.TASK: Owner.TASK,
    Block.DEFAULTS: Owner.TASK,
    Block.POOL: Owner.POOL,
}
_BODIES: Final = frozenset({Block.DAG, Block.GROUP, Block.TEMPLATE, Block.HANDLER, Block.FINALLY})
_TOP: Final = re.compile(r"^(?:dag|template|let|notifier|pool|label|import|from|include|defaults)\b", re.MULTILINE)
_STATEMENT: Final = re.compile(r"[ \t]*(?:dag|template|task|group|param|notifier|pool|let|finally|on)\b(?![ \t]*=)")
_PIECE: Final = re.compile(
    r'(?P<string>[rf]{0,2}(?:"""|"))|(?P<comment>#[^\n]*)|(?P<named>(?P<argument>[A-Za-z_]\w*)[ \t]*=(?!=))'
    r"|[A-Za-z_]\w*|[\n(){}\[\],]|[^\n(){}\[\],\"#A-Za-z_]+"
)
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*\Z")
_CALLEE: Final = re.compile(r"[A-Za-z_][\w.]*\Z")
_SETTING: Final = re.compile(r"([a-z_]+)[ \t]*=(?!=)")
_CONTINUES: Final = re.compile(r"[ \t]*->")
