"""Programs for Hypothesis: `modules()` gives the text of any file that parses without a fault.

A program is made as statements of tokens with blocks, from a sequence of choices of which 0 is always the simplest, so
that Hypothesis shrinks it well. `plain` writes the statements simply; `disordered` writes them as people do, with any
spaces, line ends and comments where the language allows them. Names are distinct within their block and edges lead from
earlier tasks to later ones, but nothing says that a callable exists or that a value fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Tokens = list[str]


@dataclass
class Statement:
    tokens: Tokens
    block: list[Statement] | None = None
    settings: bool = False
    """Whether the block holds settings, so that commas may part them."""

    @property
    def is_docstring(self) -> bool:
        return len(self.tokens) == 1 and '"' in self.tokens[0]


def modules() -> st.SearchStrategy[str]:
    """The text of a file that parses without a fault, simply laid out."""
    return _choices().map(lambda choices: plain(Maker(choices).program()))


def disordered_modules() -> st.SearchStrategy[str]:
    """The same in any layout, with comments."""
    return st.builds(lambda program, layout: disordered(Maker(program).program(), layout), _choices(), _choices())


def _choices() -> st.SearchStrategy[Choices]:
    return st.binary(min_size=200, max_size=600).map(Choices)


class Choices:
    """A sequence of choices; where it is used up, always the first."""

    def __init__(self, numbers: bytes) -> None:
        self._numbers = iter(numbers)

    def below(self, count: int) -> int:
        return next(self._numbers, 0) % count

    def one(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def some(self, make: Callable[[], T], most: int, least: int = 0) -> list[T]:
        return [make() for _ in range(least + self.below(most - least + 1))]

    def chance(self, one_in: int) -> bool:
        return self.below(one_in) == one_in - 1


RESERVED = ["task", "dag", "when", "in", "true", "none", "label", "group", "on", "from"]
NAMES = ["a", "b", "xs", "load_all", "x1", "success", "choice", "_hidden", "a_rather_long_name_for_a_thing", "runs"]
ATTRIBUTES = ["x", "rows", "path", *RESERVED]
OPERATORS = ["+", "-", "*", "/", "%", "and", "or"]
COMPARATORS = [["=="], ["!="], ["<"], ["<="], [">"], [">="], ["in"], ["not", "in"]]
SCOPED = ["run.date", "run.id", "params.x", "task.attempt", "task.id", "task.event"]
NUMBERS = ["0", "1", "2026", "12345678901", "1.5", "0.25"]
DURATIONS = ["30m", "1h30m", "2d", "500ms", "1d2h3m4s5ms"]
DATES = ["2026-01-01", "2024-02-29", "2026-01-01T02:30", "2026-12-31T23:59:59.5"]
STRINGS = ['""', '"eu"', r'"quote \" and \\ and \t"', '"☃ { not a field }"', 'r"\\d+"', '"# no comment"', '"""short"""']
LONG_STRINGS = ['"""one\n  two\n"""', '"""joined \\\nline"""', 'r"""\\d\n\n\t"quoted" """', '"""\n# no comment\n"""']
DOCSTRINGS = [
    '"""One line."""', '"one line"', '"""Two.\n\n    lines\n  """', 'r"""\\d\n"""', '"""\n  below\n    deeper\n"""',
    '"""with \\n escapes\n  and lines"""', '"""trailing  \n\n\n\n\tspaces  \n"""', '"""a\n   \n  b"""',
]  # fmt: skip
COMMENTS = [
    "#",
    "# a comment",
    "#!tight",
    "# task x = f()",
    "# ☃ }",
    "# -> [",
    "# ppc: allow W301",
    '# """',
    "# \ttab  ",
]


class Maker:
    """Makes programs of choices."""

    def __init__(self, choices: Choices) -> None:
        self._choose = choices
        self._names = 0

    def program(self) -> list[Statement]:
        """The statements of a file."""
        choose = self._choose
        makers = [
            self._let,
            self._dag,
            self._dag,
            self._template,
            self._import,
            self._from,
            self._defaults,
            self._other,
        ]
        return [*self._docstring(), *(choose.one(makers)() for _ in range(choose.below(7)))]

    # --- a file -------------------------------------------------------------------------------------------------------

    def _let(self) -> Statement:
        return Statement(["let", self._name(), "=", *self._value()])

    def _import(self) -> Statement:
        return Statement(["import", *self._dotted(), *self._choose.one([[], ["as", self._name()]])])

    def _from(self) -> Statement:
        names = self._choose.some(lambda: self._choose.one([["f"], ["Report"], ["g", "as", "h"], ["task as t"]]), 9, 1)
        bracketed, closing = self._choose.one([(False, False), (True, False), (True, True)])
        listed = joined(names, closing=closing)
        return Statement(["from", *self._dotted(), "import", *(["(", *listed, ")"] if bracketed else listed)])

    def _defaults(self) -> Statement:
        return Statement(["defaults"], self._settings(), settings=True)

    def _other(self) -> Statement:
        kind = self._choose.below(4)
        if kind == 0:
            return Statement(["label", self._name()])
        if kind == 1:
            return Statement(["include", '"common/base.ppd"'])
        if kind == 2:
            return Statement(["pool", self._name()], self._settings(), settings=True)
        return Statement(["notifier", self._name(), "=", *self._call()])

    def _template(self) -> Statement:
        def parameter() -> Tokens:
            return [self._name(), ":", *self._type(), *self._optional("=")]

        return Statement(["template", self._name(), *self._listed(parameter, "(", ")")], self._body(1))

    def _dag(self) -> Statement:
        return Statement(["dag", self._name()], self._body(2, of_dag=True))

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _docstring(self) -> list[Statement]:
        return [Statement([self._choose.one(DOCSTRINGS)])] if self._choose.chance(4) else []

    def _body(self, depth: int, *, of_dag: bool = False, of_handler: bool = False) -> list[Statement]:
        choose = self._choose
        found = [] if of_handler else self._docstring()
        tasks: list[str] = []
        for _ in range(choose.below(6)):
            kind = choose.below(13 if of_dag else 8)
            if kind < 4:
                found.append(self._task(tasks))
            elif kind in (4, 5) and len(tasks) > 1:
                found.append(self._edge(tasks))
            elif kind == 6 and depth:
                tasks.append(self._name())
                found.append(Statement(["group", tasks[-1]], self._body(depth - 1)))
            elif kind == 7:
                tasks.append(self._name())
                found.append(Statement(["group", tasks[-1], *self._loops(), "=", *self._call()]))
            elif kind in (8, 9):
                found += self._settings(of_dag=True)
            elif kind == 10:
                found.append(Statement(["param", self._name(), ":", *self._type(), *self._optional("=")]))
            elif kind == 11:
                found.append(self._defaults())
            elif kind == 12:
                head = choose.one([["on", "success"], ["on", "failure"], ["finally"]])
                found.append(Statement(head, self._body(0, of_handler=True)))
        return found

    def _task(self, tasks: list[str]) -> Statement:
        tasks.append(self._name())
        tokens = ["task", tasks[-1], *self._loops(), "=", *self._call(), *self._optional("when")]
        return Statement(tokens, self._settings() if self._choose.below(2) else None, settings=True)

    def _edge(self, tasks: Sequence[str]) -> Statement:
        """From earlier tasks to later ones."""
        choose = self._choose
        sides = []
        start = 0
        while start < len(tasks) and (len(sides) < 2 or choose.below(2)):
            last = len(tasks) - (not sides)
            end = start + 1 + choose.below(last - start)
            refs = [self._reference(task) for task in tasks[start:end]]
            in_list = len(refs) > 1 or choose.chance(3)
            sides.append(["[", *joined(refs, closing=choose.chance(4)), "]"] if in_list else refs[0])
            start = end
        return Statement(joined(sides, "->"))

    def _reference(self, task: str) -> Tokens:
        keys = [[], [], ["[", "*", "]"], ["[", '"eu"', ",", "*", "]"], ["[", "0", "]", ".", "part"], [".", "when"]]
        return [task, *self._choose.one(keys)]

    def _settings(self, *, of_dag: bool = False) -> list[Statement]:
        # A dag has no setting with the name of a statement.
        names = ["retries", "env", "timeout", "priority", "ping", "an_odd_setting", *([] if of_dag else RESERVED)]

        def setting() -> Statement:
            return Statement([*self._named(self._choose.one(names)), *self._value()])

        return self._choose.some(setting, 3)

    def _loops(self) -> Tokens:
        loops = self._choose.some(lambda: [self._name(), "in", *self._value()], 2) if self._choose.chance(4) else []
        return ["[", *joined(loops), "]"] if loops else []

    # --- types --------------------------------------------------------------------------------------------------------

    def _type(self, depth: int = 2) -> Tokens:
        kind = self._choose.below(5 if depth else 2)
        if kind == 2:
            return ["list", "[", *self._type(depth - 1), "]"]
        if kind == 3:
            choices: list[Tokens] = [['"EUR"'], ["1"], ["-", "2"], ["none"], ["2d"]]
            chosen = self._choose.some(lambda: self._choose.one(choices), 4, 1)
            return ["choice", "(", *joined(chosen, closing=self._choose.chance(4)), ")"]
        if kind == 4:
            plain_type = self._type(depth - 1)
            return plain_type if plain_type[-1] == "?" else [*plain_type, "?"]
        return [self._choose.one(["str", "int", "bool", "date", "datetime", "json"])]

    # --- expressions --------------------------------------------------------------------------------------------------

    def _value(self, depth: int = 4) -> Tokens:
        """Any expression."""
        simple = [self._name_in_scope, self._constant, self._constant]
        wide = [
            self._list, self._dict, self._call, self._call, self._bracketed, self._index, self._attribute, self._chain,
            self._mixed, self._comparison, self._signed, self._format, self._format,
        ]  # fmt: skip
        if depth == 0 or self._choose.below(5) < 3:
            return self._choose.one(simple)(depth)
        return self._choose.one(wide)(depth - 1)

    def _constant(self, _: int) -> Tokens:
        kind = self._choose.below(8)
        if kind == 0:
            return [self._choose.one(NUMBERS)]
        if kind == 1:
            return ["-", self._choose.one(NUMBERS)]
        return [
            self._choose.one([STRINGS, STRINGS, LONG_STRINGS, DURATIONS, DATES, ["true", "false", "none"]][kind - 2])
        ]

    def _name_in_scope(self, _: int) -> Tokens:
        return [self._choose.one(NAMES if self._choose.below(3) else SCOPED)]

    def _list(self, depth: int) -> Tokens:
        return self._listed(lambda: self._value(depth), "[", "]")

    def _dict(self, depth: int) -> Tokens:
        return self._listed(lambda: [*self._value(depth), ":", *self._value(depth)], "{", "}")

    def _call(self, depth: int = 3) -> Tokens:
        plain_arguments = self._choose.some(lambda: self._value(depth), 3)
        named = self._choose.some(lambda: [*self._named(self._choose.one([*NAMES, *RESERVED])), *self._value(depth)], 2)
        given = [*plain_arguments, *named]
        return [*self._dotted(), "(", *joined(given, closing=self._choose.chance(5)), ")"]

    def _bracketed(self, depth: int) -> Tokens:
        return ["(", *self._value(depth), ")"]

    def _index(self, depth: int) -> Tokens:
        keys = self._choose.some(lambda: self._value(depth) if self._choose.below(3) else ["*"], 2, 1)
        return [self._choose.one(NAMES), "[", *joined(keys), "]"]

    def _attribute(self, depth: int) -> Tokens:
        return [*self._choose.one([self._index, self._call])(depth), ".", self._choose.one(ATTRIBUTES)]

    def _chain(self, depth: int) -> Tokens:
        return joined(self._choose.some(lambda: self._bracketed(depth), 6, 2), self._choose.one(OPERATORS))

    def _mixed(self, depth: int) -> Tokens:
        tokens = self._name_in_scope(depth)
        for _ in range(1 + self._choose.below(4)):
            tokens += [self._choose.one(OPERATORS), *self._choose.one([self._name_in_scope, self._constant])(depth)]
        return tokens

    def _comparison(self, depth: int) -> Tokens:
        return [*self._name_in_scope(depth), *self._choose.one(COMPARATORS), *self._bracketed(depth)]

    def _signed(self, depth: int) -> Tokens:
        return [self._choose.one(["not", "-"]), *self._bracketed(depth)]

    def _format(self, depth: int) -> Tokens:
        """An f-string as one token. The fields of a long one may run over lines."""
        long = self._choose.chance(3)
        text = ""
        for _ in range(self._choose.below(4)):
            value = self._value(min(depth, 1))
            if long or not any("\n" in token for token in value):
                inner = self._choose.one([" ", " ", "\n"] if long else [" "]).join(value)
                text += f"{{ {inner} {self._choose.one(['', '', ':%Y%m%d', ':raw', ': >8'])}}}"
            text += self._choose.one(["", "plain ", "{{", "}} ", r"\n\"", "# ", '" \\\n' if long else ""])
        return [f'f"""{text} """' if long else f'f"{text}"']

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _name(self) -> str:
        """A name that nothing else has."""
        self._names += 1
        return f"{self._choose.one(['t', 'load', 'a_long_name_of_some_thing'])}{self._names}"

    def _named(self, name: str) -> Tokens:
        """`name =`. A reserved word is a name only if its `=` stands on its line."""
        return [f"{name} ="] if name in RESERVED else [name, "="]

    def _dotted(self) -> Tokens:
        rest = self._choose.some(lambda: [".", self._choose.one(ATTRIBUTES)], 2)
        return [self._choose.one(NAMES), *(token for part in rest for token in part)]

    def _optional(self, word: str) -> Tokens:
        return [word, *self._value()] if self._choose.below(2) else []

    def _listed(self, element: Callable[[], Tokens], opener: str, closer: str) -> Tokens:
        elements = self._choose.some(element, 4)
        return [opener, *joined(elements, closing=self._choose.chance(4)), closer]


def joined(parts: Sequence[Tokens], by: str = ",", *, closing: bool = False) -> Tokens:
    """The parts with `by` between, and once more at the end where `closing`."""
    found: Tokens = []
    for place, part in enumerate(parts):
        found += [*([by] if place else []), *part]
    return [*found, by] if closing and parts else found


# --- texts ------------------------------------------------------------------------------------------------------------


def plain(statements: Sequence[Statement]) -> str:
    return "".join(_plain(statements, ""))


def _plain(statements: Sequence[Statement], indent: str) -> Iterator[str]:
    for statement in statements:
        yield f"{indent}{' '.join(statement.tokens)}"
        if statement.block is not None:
            yield " {\n"
            yield from _plain(statement.block, indent + "  ")
            yield f"{indent}}}"
        yield "\n"


def disordered(statements: Sequence[Statement], choices: Choices) -> str:
    """The statements in a layout that the choices decide."""
    return _Disorder(choices).file(statements)


class _Disorder:
    def __init__(self, choices: Choices) -> None:
        self._choose = choices

    def file(self, statements: Sequence[Statement]) -> str:
        end = self._choose.one(["\n", "\n", "\r\n", "\r"])
        return self._items(statements, settings=False).replace("\n", end)

    def _items(self, statements: Sequence[Statement], *, settings: bool) -> str:
        text = self._own_lines()
        for place, statement in enumerate(statements):
            text += self._space() + self._statement(statement)
            if settings and self._choose.chance(3):
                text += f"{self._space()},{self._choose.one([self._line_end, self._space])()}"
            elif place + 1 < len(statements) or not self._choose.chance(4):
                text += self._line_end()
        return text

    def _statement(self, statement: Statement) -> str:
        text = self._tokens(statement.tokens)
        if statement.block is None:
            return text
        begins_line = not self._choose.chance(3) or any(item.is_docstring for item in statement.block)
        text += f"{self._space()}{{{self._line_end() if begins_line else self._space()}"
        return f"{text}{self._items(statement.block, settings=statement.settings)}{self._space()}}}"

    def _tokens(self, tokens: Sequence[str]) -> str:
        text = ""
        depth = 0
        for place, token in enumerate(tokens):
            if place:
                before = tokens[place - 1]
                text += self._gap() if depth or token == "->" else self._space()
                # Two words; a string behind a word; figures on both sides of a minus, which might make a date.
                touch = before[-1].isalnum() or before[-1] in "_-"
                if touch and (token[0].isalnum() or token[0] in '_"-') and not text[-1].isspace():
                    text += " "
            text += token
            if len(token) == 1:
                depth += (token in "([{") - (token in ")]}")
        return text

    def _gap(self) -> str:
        """Between tokens where lines are free."""
        kind = self._choose.below(30)
        if kind < 18:
            return self._space()
        if kind < 24:
            return "\n" + self._space()
        if kind < 27:
            return f"{self._space()}{self._comment()}\n"
        return f"\n\n{self._space()}{self._comment()}\n{self._space()}"

    def _space(self) -> str:
        return self._choose.one([" ", "", "  ", "\t"])

    def _line_end(self) -> str:
        return f"{self._space()}{self._comment() if self._choose.chance(6) else ''}\n{self._own_lines()}"

    def _own_lines(self) -> str:
        kind = self._choose.below(12)
        comment = f"{self._space()}{self._comment()}\n" if kind % 3 == 2 else ""
        return "" if kind < 6 else "\n" * (kind % 4) + comment + "\n" * (kind % 2)

    def _comment(self) -> str:
        return self._choose.one(COMMENTS)
