"""The readers of settings that take more than a constant: words, names, calls, and what is worked out at run time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, StrEnum, auto

from ppacer import spec
from ppacer.core.operators import kind
from ppc import ast
from ppc.bodies import BodyScope, Use
from ppc.constants import is_constant
from ppc.diagnostics import Diagnostic, Edit, Span
from ppc.expressions import Expressions
from ppc.places import Place
from ppc.scopes import ResolvedLabel, ResolvedNotifier, ResolvedPool, similar_help
from ppc.similar import Similar, is_slip
from ppc.types import Duration, Misfit

WRONG_TYPE = "E303"
WRONG_WORD = "E304"
OUT_OF_RANGE = "E305"
NOT_DECLARED = "E309"
BAD_BACKOFF = "E310"
BAD_VARIABLE = "E311"

CODES = {
    WRONG_TYPE: "a setting of the wrong type",
    WRONG_WORD: "a word that the setting does not know",
    OUT_OF_RANGE: "a setting out of its range",
    NOT_DECLARED: "a setting that names no pool, notifier or label",
    BAD_BACKOFF: "a backoff called wrongly",
    BAD_VARIABLE: "a name that no environment variable can have",
}


class Absent(Enum):
    """Why a setting has no value here: a fault that has been reported, or a reader elsewhere."""

    AT_FAULT = auto()
    ELSEWHERE = auto()


class ValueReader:
    """Reads the values of one block. The outputs that they take are added to `uses`."""

    def __init__(self, scope: BodyScope, expressions: Expressions, uses: list[Use]) -> None:
        self._file = scope.file
        self._expressions = expressions
        self._uses = uses

    # --- words and names ---------------------------------------------------------------------------------------------

    def word(self, value: ast.Expr, words: type[StrEnum], name: str) -> StrEnum | Absent:
        known = [each.value for each in words]
        match value:
            case ast.Name(name=word):
                pass
            case ast.Constant(value=None):
                word = "none"
            case ast.Constant(value=str(word)) if word in known:
                message, way_out = f"`{name}` takes a word, not a text", f"write it without quotes: `{word}`"
                self._fault(WRONG_WORD, message, value.span, way_out, word)
                return Absent.AT_FAULT
            case ast.Constant(value=str(word)):
                pass
            case _:
                word = ""
        if word in known and (isinstance(value, ast.Name) or word == "none"):
            return words(word)
        similar = Similar(known).to(word) if word else None
        message = f"`{name}` takes one of {', '.join(f'`{each}`' for each in known)}"
        way_out = "" if similar is None else f"did you mean `{similar}`?"
        self._fault(WRONG_WORD, message, value.span, way_out, _slip(word, similar))
        self._expressions.mark_used(value)
        return Absent.AT_FAULT

    def words(self, value: ast.Expr, words: type[StrEnum], name: str) -> tuple[StrEnum, ...] | Absent:
        if not isinstance(value, ast.ListLiteral):
            message = f"`{name}` takes a list of words: {', '.join(f'`{each}`' for each in words)}"
            single = isinstance(value, ast.Name) and value.name in set(words)
            edit = Edit(value.span, f"[{value.name}]") if isinstance(value, ast.Name) and single else None
            way_out = "" if edit is None else f"write it in brackets: `{edit.text}`"
            self._file.add(Diagnostic(WRONG_TYPE, message, value.span, help=way_out, edit=edit))
            return Absent.AT_FAULT
        found = [self.word(item, words, name) for item in value.items]
        sound = tuple(dict.fromkeys(item for item in found if not isinstance(item, Absent)))
        return Absent.AT_FAULT if Absent.AT_FAULT in found else sound

    def one_or_none(self, value: ast.Expr, what: str, name: str) -> str | Absent | None:
        """The name of a declaration; `none` undoes what `defaults` say."""
        if isinstance(value, ast.Constant) and value.value is None:
            return None
        return self._declared(value, what, name)

    def several(self, value: ast.Expr, what: str, name: str) -> tuple[str, ...] | Absent:
        """The names of one or more declarations; an empty list undoes what `defaults` say."""
        items = value.items if isinstance(value, ast.ListLiteral) else (value,)
        found = [self._declared(item, what, name) for item in items]
        sound = tuple(dict.fromkeys(item for item in found if not isinstance(item, Absent)))
        return sound if Absent.AT_FAULT not in found else Absent.AT_FAULT

    def _declared(self, value: ast.Expr, what: str, name: str) -> str | Absent:
        known: Mapping[str, ResolvedPool | ResolvedNotifier | ResolvedLabel] = self._file.labels
        if what != "label":
            known = self._file.pools if what == "pool" else self._file.notifiers
        match value:
            case ast.Name(name=named):
                pass
            case ast.Constant(value=str(named)):
                message = f"`{name}` takes the name of a {what}, not a text"
                way_out = f"write it without quotes: `{named}`" if named in known else ""
                self._fault(WRONG_TYPE, message, value.span, way_out, named if named in known else None)
                return Absent.AT_FAULT
            case _:
                self._fault(WRONG_TYPE, f"`{name}` takes the name of a {what}", value.span)
                self._expressions.mark_used(value)
                return Absent.AT_FAULT
        found = known.get(named)
        if found is not None:
            found.used = True
            return named
        if not self._file.may_declare(named):
            similar = Similar(known).to(named)
            if similar is not None:
                known[similar].used = True  # it is meant: that it is not used would only follow from this
            way_out = similar_help(similar, what) or f"declare it: `{_EXAMPLES[what].format(name=named)}`"
            self._fault(NOT_DECLARED, f"there is no {what} `{named}`", value.span, way_out, _slip(named, similar))
            self._expressions.mark_used(value)
        return Absent.AT_FAULT

    # --- backoff -----------------------------------------------------------------------------------------------------

    def backoff(self, value: ast.Expr) -> spec.Backoff | Absent:
        """`exponential(initial = 10s, max = 5m, factor = 2, jitter = 0.2)`."""
        if not isinstance(value, ast.Call) or value.callee.text != "exponential":
            written = value.callee.text if isinstance(value, ast.Call) else ""
            span = value.callee.span if isinstance(value, ast.Call) else value.span
            similar = Similar(["exponential"]).to(written) if written else None
            way_out = "" if similar is None else "did you mean `exponential`?"
            message = "`backoff` takes `exponential(initial = 10s, max = 5m)`"
            self._fault(BAD_BACKOFF, message, span, way_out, _slip(written, similar))
            self._expressions.mark_used(value)
            return Absent.AT_FAULT
        given: dict[str, ast.Argument] = {}
        sound = True
        for argument in value.arguments:
            sound = self._backoff_argument(argument, given) and sound
        if "initial" not in given and sound:
            message, way_out = "`exponential` lacks `initial`, the first delay", "as in `exponential(initial = 10s)`"
            self._fault(BAD_BACKOFF, message, value.span, way_out)
            sound = False
        taken = {name: self._backoff_value(name, argument.value) for name, argument in given.items()}
        if not sound or Absent.AT_FAULT in taken.values():
            return Absent.AT_FAULT
        made = spec.Backoff(**taken)  # type: ignore[arg-type]  # each has been tested to be of its field's type
        if made.max is not None and made.max < made.initial:
            self._fault(OUT_OF_RANGE, "`max` is shorter than `initial`", given["max"].value.span)
            return Absent.AT_FAULT
        return made

    def _backoff_argument(self, argument: ast.Argument, given: dict[str, ast.Argument]) -> bool:
        if argument.name is None:
            edit = Edit(Span(argument.span.file, argument.span.start, argument.span.start), "initial = ")
            message, way_out = "the arguments of `exponential` have names", "name it, as in `initial = 10s`"
            fault = Diagnostic(
                BAD_BACKOFF, message, argument.span, help=way_out, edit=None if "initial" in given else edit
            )
            self._file.add(fault)
            return False
        name = argument.name.name
        if name not in _BACKOFF:
            similar = Similar(_BACKOFF).to(name)
            way_out = similar_help(similar, "argument") or f"it takes {', '.join(f'`{each}`' for each in _BACKOFF)}"
            instead = _slip(name, similar)
            self._fault(BAD_BACKOFF, f"`exponential` takes no `{name}`", argument.name.span, way_out, instead)
            return False
        if name in given:
            self._fault(BAD_BACKOFF, f"`{name}` is given twice", argument.name.span, "leave one of them out")
            return False
        given[name] = argument
        return True

    def _backoff_value(self, name: str, value: ast.Expr) -> object | Absent:
        known = self._expressions.constant(value, f"`{name}`")
        if known is None:
            return Absent.AT_FAULT
        bounds = _BACKOFF[name]
        if bounds is not None:
            wanted = f"a number from {bounds[0]:g} to {bounds[1]:g}"
            if isinstance(known.value, bool) or not isinstance(known.value, int | float):
                self._wrong_type(name, wanted, value.span, known.value)
                return Absent.AT_FAULT
            if not bounds[0] <= known.value <= bounds[1]:
                self._fault(OUT_OF_RANGE, f"`{name}` takes {wanted}", value.span)
                return Absent.AT_FAULT
            return float(known.value)
        taken = Duration().take(known.value)
        if isinstance(taken, Misfit):
            if taken.out_of_range:
                self._fault(OUT_OF_RANGE, f"`{name}` takes {taken.wanted}", value.span)
            else:
                self._wrong_type(name, taken.wanted, value.span, known.value)
            return Absent.AT_FAULT
        return taken

    # --- worked out when the task starts -----------------------------------------------------------------------------

    def at_run_time(self, value: ast.Expr, name: str) -> spec.Expr | Absent | None:
        """The expression; `none`, except for a `ping`, undoes what `defaults` say."""
        place, wanted = _AT_RUN_TIME[name]
        found = self._expressions.argument(value, self._uses, place=place)
        if isinstance(found, spec.Literal) and found.value is None and name != "ping":
            return None
        if isinstance(found, spec.Literal) and not isinstance(found.value, str):
            self._wrong_type(name, wanted, value.span, found.value)
            return Absent.AT_FAULT
        if name == "ping" and isinstance(found, spec.Literal) and not _ADDRESS.match(str(found.value)):
            self._fault(WRONG_TYPE, f"`ping` takes {wanted}", value.span, "", None)
            return Absent.AT_FAULT
        return Absent.AT_FAULT if found is None else found

    def env(self, value: ast.Expr) -> tuple[tuple[str, spec.Expr], ...] | Absent:
        """Pairs of name and value; a `let` may hold all of them."""
        if not isinstance(value, ast.DictLiteral):
            return self._constant_env(value)
        found: dict[str, spec.Expr] = {}
        sound = True
        for key, expr in value.items:
            known = self._expressions.constant(key, "the name of an environment variable")
            text = self._expressions.argument(expr, self._uses, place=Place.ENV)
            name = None if known is None else self._variable(known.value, key.span)
            if name is not None and name in found:
                self._fault(BAD_VARIABLE, f"the variable `{name}` is given twice", key.span, "leave one of them out")
            elif name is not None and text is not None and self._is_text(name, text, expr.span):
                found[name] = text
                continue
            sound = False
        return tuple(found.items()) if sound else Absent.AT_FAULT

    def _constant_env(self, value: ast.Expr) -> tuple[tuple[str, spec.Expr], ...] | Absent:
        resolved = self._expressions.constant_expr(value, "the setting `env`")
        if resolved is None:
            return Absent.AT_FAULT
        if not isinstance(resolved, spec.DictOf):
            self._fault(WRONG_TYPE, '`env` takes a dict of texts such as `{"MODE": "fast"}`', value.span)
            return Absent.AT_FAULT
        found: dict[str, spec.Expr] = {}
        for key, text in resolved.items:
            name = self._variable(key.value, value.span) if isinstance(key, spec.Literal) else None
            if name is None or not self._is_text(name, text, value.span):
                return Absent.AT_FAULT
            found[name] = text
        return tuple(found.items())

    def _variable(self, name: object, span: Span) -> str | None:
        if isinstance(name, str) and re.fullmatch(r"[^=\0]+", name):
            return name
        message = "the name of an environment variable is a text without `=`"
        self._fault(BAD_VARIABLE, message, span)
        return None

    def _is_text(self, name: str, value: spec.Expr, span: Span) -> bool:
        """Whether a constant is one; the type checks see to the rest."""
        if not is_constant(value) or (isinstance(value, spec.Literal) and isinstance(value.value, str)):
            return True
        found: object = {} if isinstance(value, spec.DictOf) else []
        if isinstance(value, spec.Literal):
            found = value.value
        number = isinstance(found, int | float) and not isinstance(found, bool)
        message = f"the environment variable `{name}` takes a text"
        way_out = f'write it in quotes: `"{found}"`' if number else ""
        edit = Edit(span, f'"{found}"') if number else None
        self._file.add(Diagnostic(WRONG_TYPE, message, span, label=f"this is {kind(found)}", help=way_out, edit=edit))
        return False

    # --- faults ------------------------------------------------------------------------------------------------------

    def _wrong_type(self, name: str, wanted: str, span: Span, value: object) -> None:
        self._file.report(WRONG_TYPE, f"`{name}` takes {wanted}", span, label=f"this is {kind(value)}")

    def _fault(self, code: str, message: str, span: Span, help: str = "", instead: str | None = None) -> None:
        edit = None if instead is None else Edit(span, instead)
        self._file.add(Diagnostic(code, message, span, help=help, edit=edit))


def _slip(name: str, similar: str | None) -> str | None:
    return similar if similar is not None and is_slip(name, similar) else None


_EXAMPLES = {"pool": "pool {name} {{ slots = 4 }}", "notifier": "notifier {name} = log()", "label": "label {name}"}
_AT_RUN_TIME = {
    "cwd": (Place.CWD, "a path, or `none`"),
    "alert": (Place.ALERT, "a text, or `none`"),
    "ping": (Place.PING, 'an address such as `"https://example.org/ping"`'),
}
"""The settings of which only their place tells what they may read; and what they take."""

_ADDRESS = re.compile(r"https?://[^\s/]")
_BACKOFF = {"initial": None, "max": None, "factor": (1.0, 100.0), "jitter": (0.0, 1.0)}
"""The arguments of `exponential`: durations, or numbers of a range."""
