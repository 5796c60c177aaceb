"""Arguments matched with what a callable takes, as Python matches them, and their types with its annotations."""

from __future__ import annotations

import ast as python
import re
from collections.abc import Sequence
from datetime import datetime

from ppacer import spec
from ppacer.core.operators import text
from ppacer.records import dataclass
from ppc import ast
from ppc.annotations import Annotations
from ppc.bodies import ResolvedArgument
from ppc.callables import BUILT_IN_IDS, FoundCallable
from ppc.checks.callables import defined_at
from ppc.diagnostics import Diagnostic, Edit, Label, Span
from ppc.infer import Inference
from ppc.scopes import FileScope, similar_help, slip_edit
from ppc.signatures import Parameter, ParameterKind, Signature
from ppc.similar import Similar
from ppc.typing_fits import AS_ARGUMENT, Fits, Misfit
from ppc.typing_model import ANY, STR, AnyType, Kind, ListType, PlainType, Type, members, plain, words

MISSING_ARGUMENT = "E510"
UNKNOWN_ARGUMENT = "E511"
TOO_MANY_ARGUMENTS = "E512"
REPEATED_ARGUMENT = "E513"
POSITIONAL_ONLY = "E514"
CONTEXT_GIVEN = "E515"
WRONG_TYPE = "E520"
NONE_GIVEN = "E521"

CODES = {
    MISSING_ARGUMENT: "an argument that is missing",
    UNKNOWN_ARGUMENT: "an argument that the callable does not take",
    TOO_MANY_ARGUMENTS: "more positional arguments than the callable takes",
    REPEATED_ARGUMENT: "an argument given twice",
    POSITIONAL_ONLY: "a positional argument given by name",
    CONTEXT_GIVEN: "an argument for the parameter that takes the context",
    WRONG_TYPE: "an argument of a type that cannot fit the annotation",
    NONE_GIVEN: "an argument that may be none where none is not taken",
}

_BY_POSITION = {ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER}
_BY_NAME = {ParameterKind.EITHER, ParameterKind.NAMED_ONLY}


@dataclass(frozen=True, slots=True)
class Takes:
    """A signature, laid out for matching."""

    callee: FoundCallable
    signature: Signature
    places: tuple[Parameter, ...]
    parameters: dict[str, Parameter]
    required: tuple[Parameter, ...]
    rest: Parameter | None
    others: Parameter | None


class Arguments:
    """Checks the arguments of calls. Signatures and types are worked out once for each callable."""

    def __init__(self, annotations: Annotations) -> None:
        self._annotations = annotations
        self._fits = Fits(AS_ARGUMENT)
        self._takes: dict[str, Takes] = {}

    def check(
        self,
        file: FileScope,
        call: ast.Call,
        callee: object,
        arguments: Sequence[ResolvedArgument],
        *,
        inference: Inference,
        labels: tuple[Label, ...] = (),
    ) -> None:
        """`labels` tell further which call this is, where one piece of syntax makes several."""
        takes = self._taken_by(callee) if isinstance(callee, FoundCallable) else None
        if takes is None:
            _refuse_repeated(file, call)
            for argument in arguments:
                if argument.value is not None:
                    inference.type_of(argument.value, argument.syntax.value)
            return
        matched = _Matching(file, call, takes).match()
        for argument, parameter in zip(arguments, matched, strict=True):
            if argument.value is None:
                continue
            wanted = None if parameter is None else self._annotations.parameter(takes.callee, parameter)
            if isinstance(wanted, AnyType) and isinstance(argument.value, spec.Literal):
                continue
            found = inference.type_of(argument.value, argument.syntax.value)
            if parameter is None or wanted is None:
                continue
            misfit = self._fits.misfit(found, wanted)
            if misfit is not None:
                why = inference.why_none(argument.value) if misfit.none else ""
                file.add(
                    _misfit(
                        call,
                        takes.callee,
                        parameter,
                        argument.syntax.value,
                        misfit,
                        wanted=wanted,
                        why=why,
                        labels=labels,
                    )
                )

    def _taken_by(self, callee: FoundCallable) -> Takes | None:
        known = self._takes.get(callee.spec.id)
        if known is None and callee.signature is not None:
            parameters = callee.signature.parameters
            known = self._takes[callee.spec.id] = Takes(
                callee,
                callee.signature,
                tuple(each for each in parameters if each.kind in _BY_POSITION),
                {each.name: each for each in parameters},
                tuple(each for each in parameters if each.required),
                next((each for each in parameters if each.kind is ParameterKind.REST), None),
                next((each for each in parameters if each.kind is ParameterKind.OTHERS), None),
            )
        return known


# --- matching --------------------------------------------------------------------------------------------------------


class _Matching:
    """The arguments of one call, matched one after the other; what does not match is reported."""

    def __init__(self, file: FileScope, call: ast.Call, takes: Takes) -> None:
        self._file = file
        self._call = call
        self._takes = takes
        self._filled: dict[str, ast.Argument] = {}
        self._named: dict[str, ast.Argument] = {}

    def match(self) -> list[Parameter | None]:
        """The parameter of each argument, none where there is none for it."""
        takes = self._takes
        matched: list[Parameter | None] = []
        position = 0
        surplus: ast.Argument | None = None
        for argument in self._call.arguments:
            if argument.name is not None:
                matched.append(self._match_name(argument, argument.name))
                continue
            if position < len(takes.places):
                parameter = takes.places[position]
                matched.append(parameter)
                self._filled.setdefault(parameter.name, argument)
            else:
                matched.append(takes.rest)
                if takes.rest is None:
                    surplus = surplus or argument
            position += 1
        if surplus is not None:
            count = f"{len(takes.places)} positional argument{'' if len(takes.places) == 1 else 's'}"
            self._fault(TOO_MANY_ARGUMENTS, f"takes {count}, {position} are given", surplus.span)
        missing = [f"`{each.name}`" for each in takes.required if each.name not in self._filled]
        if missing:
            what = "the argument" if len(missing) == 1 else "the arguments"
            self._fault(MISSING_ARGUMENT, f"lacks {what} {', '.join(missing)}", self._call.span)
        return matched

    def _match_name(self, argument: ast.Argument, name: ast.Identifier) -> Parameter | None:
        takes, filled = self._takes, self._filled
        first = self._named.setdefault(name.name, argument)
        if first is not argument:
            _repeated(self._file, name, first, "given first here")
            return None
        parameter = takes.parameters.get(name.name)
        if name.name == takes.callee.given:
            message = f"`{name.name}` takes the task's context, which the runtime gives"
            self._file.report(CONTEXT_GIVEN, message, name.span, help="leave it out")
            return None
        if parameter is not None and parameter.kind in _BY_NAME:
            if name.name in filled:
                _repeated(self._file, name, filled[name.name], "given here by position")
                return None
            filled[name.name] = argument
            return parameter
        if takes.others is not None:
            return takes.others
        if parameter is not None and parameter.kind is ParameterKind.POSITIONAL_ONLY:
            bare = Edit(Span(name.span.file, name.span.start, argument.value.span.start), "")
            what = f"takes `{name.name}` by position only"
            self._fault(POSITIONAL_ONLY, what, name.span, "leave the name out", bare)
            filled.setdefault(name.name, argument)
            return parameter
        self._unknown(argument, name)
        return None

    def _unknown(self, argument: ast.Argument, name: ast.Identifier) -> None:
        parameters = self._takes.parameters
        similar = Similar(each.name for each in parameters.values() if each.kind in _BY_NAME).to(name.name)
        edit = None if similar in self._filled else slip_edit(name.span, name.name, similar)
        way_out = similar_help(similar, "parameter")
        self._fault(UNKNOWN_ARGUMENT, f"takes no argument `{name.name}`", name.span, way_out, edit)
        if similar is not None:
            # What was meant by it is not missing as well.
            self._filled.setdefault(similar, argument)

    def _fault(self, code: str, what: str, span: Span, way_out: str = "", edit: Edit | None = None) -> None:
        callee, takes = self._call.callee, self._takes
        labels = (Label(callee.span, f"takes {takes.signature.text}"),)
        notes = defined_at(callee.text, takes.callee)
        self._file.add(Diagnostic(code, f"`{callee.text}` {what}", span, "", labels, notes, way_out, edit))


def _refuse_repeated(file: FileScope, call: ast.Call) -> None:
    """The only fault that shows where nobody knows what the callable takes."""
    named: dict[str, ast.Argument] = {}
    for argument in call.arguments:
        if argument.name is not None:
            first = named.setdefault(argument.name.name, argument)
            if first is not argument:
                _repeated(file, argument.name, first, "given first here")


def _repeated(file: FileScope, name: ast.Identifier, first: ast.Argument, where: str) -> None:
    message = f"the argument `{name.name}` is given twice"
    file.report(REPEATED_ARGUMENT, message, name.span, labels=(Label(first.span, where),))


# --- types -----------------------------------------------------------------------------------------------------------


def _misfit(
    call: ast.Call,
    callee: FoundCallable,
    parameter: Parameter,
    value: ast.Expr,
    misfit: Misfit,
    *,
    wanted: Type,
    why: str,
    labels: tuple[Label, ...],
) -> Diagnostic:
    part, whole = part_of(value, misfit.path)
    notes = (f"`{_written(parameter)}` is declared at {callee.place}:{parameter.line}",) if callee.place else ()
    if callee.spec.id in BUILT_IN_IDS:
        notes = ()
    asked = "" if misfit.wanted is None or not misfit.path else f", {words(misfit.wanted)} is wanted"
    way_out = misfit.help
    if misfit.none:
        notes = (*((why,) if why else ()), *notes)
        way_out = "let the parameter take none, `… | None`, or run the task only `when` the value is not none"
    instead = literal_instead(part, misfit.wanted) if whole else None
    if instead is not None:
        way_out = f"write `{instead}`"
    return Diagnostic(
        NONE_GIVEN if misfit.none else WRONG_TYPE,
        f"`{parameter.name}` of `{call.callee.text}` takes {words(wanted)}",
        part.span,
        f"this {misfit.what}{asked}",
        labels,
        notes,
        way_out,
        None if instead is None else Edit(part.span, instead),
    )


def _written(parameter: Parameter) -> str:
    annotation = "" if parameter.annotation is None else f": {python.unparse(parameter.annotation)}"
    star = parameter.kind.value if parameter.kind in {ParameterKind.REST, ParameterKind.OTHERS} else ""
    return f"{star}{parameter.name}{annotation}"


def part_of(syntax: ast.Expr, path: Sequence[int | str]) -> tuple[ast.Expr, bool]:
    """The part of an expression that a path leads to, as far as it is written there, and whether that is all of it."""
    for step in path:
        match syntax, step:
            case ast.ListLiteral(items), int() if step < len(items):
                syntax = items[step]
            case ast.DictLiteral(items), str():
                value = next((v for k, v in items if isinstance(k, ast.Constant) and k.value == step), None)
                if value is None:
                    return syntax, False
                syntax = value
            case _:
                return syntax, False
    return syntax, True


def literal_instead(syntax: ast.Expr, wanted: Type | None) -> str | None:
    """How a literal would be written as what is wanted, where its author plainly meant that."""
    if wanted is None or not isinstance(syntax, ast.Constant):
        return None
    found = (_instead(syntax.value, member) for member in members(wanted))
    return next((each for each in found if each is not None), None)


def _instead(value: object, wanted: Type) -> str | None:
    match wanted, value:
        case _, None | bool():
            return None
        case PlainType(Kind.STR), int() | float():
            return f'"{text(value)}"'
        case PlainType(Kind.INT), str() if re.fullmatch(r"-?[0-9]{1,17}", value):
            return str(int(value))
        case PlainType(Kind.BOOL), str() if value.lower() in {"true", "false"}:
            return value.lower()
        case PlainType(Kind.DATE | Kind.DATETIME | Kind.DURATION as kind), str() if _WRITTEN[kind].fullmatch(value):
            return value if kind is Kind.DURATION or _is_moment(value) else None
        case ListType(item), str() if plain(item) in (ANY, STR) and '"' not in value and "\\" not in value:
            return f'["{value}"]'
    return None


def _is_moment(written: str) -> bool:
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return False
    return True


_WRITTEN = {
    Kind.DATE: re.compile(r"\d{4}-\d\d-\d\d"),
    Kind.DATETIME: re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d"),
    Kind.DURATION: re.compile(r"(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?(?<=[dhms])"),
}
"""How the language writes what was put into quotes."""
