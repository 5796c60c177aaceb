"""A task's arguments matched with what its callable takes, as Python matches them."""

from __future__ import annotations

from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.callables import FoundCallable
from ppc.diagnostics import Label
from ppc.scopes import FileScope, similar_help
from ppc.signatures import Parameter, ParameterKind, Signature
from ppc.similar import Similar

MISSING_ARGUMENT = "E510"
UNKNOWN_ARGUMENT = "E511"
TOO_MANY_ARGUMENTS = "E512"
REPEATED_ARGUMENT = "E513"
POSITIONAL_ONLY = "E514"
CONTEXT_GIVEN = "E515"

CODES = {
    MISSING_ARGUMENT: "an argument that is missing",
    UNKNOWN_ARGUMENT: "an argument that the callable does not take",
    TOO_MANY_ARGUMENTS: "more positional arguments than the callable takes",
    REPEATED_ARGUMENT: "an argument given twice",
    POSITIONAL_ONLY: "a positional argument given by name",
    CONTEXT_GIVEN: "an argument for the parameter that takes the context",
}

_BY_POSITION = {ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER}
_BY_NAME = {ParameterKind.EITHER, ParameterKind.NAMED_ONLY}


def check(scope: FileScope, task: ResolvedTask) -> None:
    call = task.decl.call
    by_name: dict[str, ast.Argument] = {}
    for argument in call.arguments:
        if argument.name is not None:
            first = by_name.setdefault(argument.name.name, argument)
            if first is not argument:
                _repeated(scope, argument.name, first, "given first here")
    callee = task.callee
    if isinstance(callee, FoundCallable) and callee.signature is not None:
        _match(scope, call, by_name, callee, callee.signature)


def _match(
    scope: FileScope, call: ast.Call, by_name: dict[str, ast.Argument], callee: FoundCallable, signature: Signature
) -> None:
    positional = [argument for argument in call.arguments if argument.name is None]
    places = [parameter for parameter in signature.parameters if parameter.kind in _BY_POSITION]
    kinds = {parameter.kind for parameter in signature.parameters}
    if len(positional) > len(places) and ParameterKind.REST not in kinds:
        count = f"{len(places)} positional argument{'' if len(places) == 1 else 's'}"
        message = f"`{call.callee.text}` takes {count}, {len(positional)} are given"
        scope.report(TOO_MANY_ARGUMENTS, message, positional[len(places)].span, labels=(_takes(call, signature),))
    filled: dict[str, ast.Argument] = {
        parameter.name: argument for parameter, argument in zip(places, positional, strict=False)
    }
    parameters = {parameter.name: parameter for parameter in signature.parameters}
    for name, argument in by_name.items():
        assert argument.name is not None
        parameter = parameters.get(name)
        if name == callee.given:
            message = f"`{name}` takes the task's context, which the runtime gives"
            scope.report(CONTEXT_GIVEN, message, argument.name.span, help="leave it out")
        elif parameter is not None and parameter.kind in _BY_NAME:
            if name in filled:
                _repeated(scope, argument.name, filled[name], "given here by position")
            filled[name] = argument
        elif ParameterKind.OTHERS in kinds:
            continue
        elif parameter is not None and parameter.kind is ParameterKind.POSITIONAL_ONLY:
            message = f"`{call.callee.text}` takes `{name}` by position only"
            scope.report(
                POSITIONAL_ONLY,
                message,
                argument.name.span,
                help="leave the name out",
                labels=(_takes(call, signature),),
            )
            filled.setdefault(name, argument)
        else:
            _unknown(scope, call, argument.name, signature)
    missing = [parameter for parameter in signature.parameters if parameter.required and parameter.name not in filled]
    if missing:
        scope.report(
            MISSING_ARGUMENT, _missing(call.callee.text, missing), call.span, labels=(_takes(call, signature),)
        )


def _takes(call: ast.Call, signature: Signature) -> Label:
    return Label(call.callee.span, f"takes {signature.text}")


def _missing(callee: str, missing: list[Parameter]) -> str:
    names = ", ".join(f"`{parameter.name}`" for parameter in missing)
    return f"`{callee}` lacks {'the argument' if len(missing) == 1 else 'the arguments'} {names}"


def _unknown(scope: FileScope, call: ast.Call, name: ast.Identifier, signature: Signature) -> None:
    known = [parameter.name for parameter in signature.parameters if parameter.kind in _BY_NAME]
    similar = Similar(known).to(name.name)
    message = f"`{call.callee.text}` takes no argument `{name.name}`"
    scope.report(
        UNKNOWN_ARGUMENT, message, name.span, labels=(_takes(call, signature),), help=similar_help(similar, "parameter")
    )


def _repeated(scope: FileScope, name: ast.Identifier, first: ast.Argument, where: str) -> None:
    message = f"the argument `{name.name}` is given twice"
    scope.report(REPEATED_ARGUMENT, message, name.span, labels=(Label(first.span, where),))
