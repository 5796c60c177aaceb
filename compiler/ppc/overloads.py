"""Which of a callable's overloads a call means, where the literals in it tell: what it returns is known better then.

    @overload
    def sql(statement: str, *, output: Literal["rows"] = "rows") -> list[Row]: ...
    @overload
    def sql(statement: str, *, output: Literal["none"]) -> None: ...

Overloads that differ in more than literals are not told apart: what the definition itself returns counts for them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from ppacer import spec
from ppc.bodies import ResolvedArgument
from ppc.callables import FoundCallable
from ppc.signatures import Parameter, ParameterKind, Signature

_BY_PLACE = (ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER)


def chosen(callee: FoundCallable, arguments: Sequence[ResolvedArgument]) -> FoundCallable:
    """The overload that a call with these arguments means; the callable itself where that cannot be told."""
    defined = {} if callee.signature is None else {each.name: each for each in callee.signature.parameters}
    for signature, overload in callee.overloads:
        fits = _fits(signature, defined, arguments)
        if fits is None:
            return callee
        if fits:
            return overload
    return callee


def _fits(signature: Signature, defined: Mapping[str, Parameter], arguments: Sequence[ResolvedArgument]) -> bool | None:
    """Whether the arguments are those of an overload; none where that cannot be told."""
    parameters = signature.parameters
    kinds = {parameter.kind for parameter in parameters}
    places = [parameter.name for parameter in parameters if parameter.kind in _BY_PLACE]
    names = {parameter.name for parameter in parameters}
    given: dict[str, spec.Expr | None] = {}
    for number, argument in enumerate(arguments):
        if argument.syntax.name is not None:
            if argument.syntax.name.name not in names and ParameterKind.OTHERS not in kinds:
                return False
            given[argument.syntax.name.name] = argument.value
        elif number < len(places):
            given[places[number]] = argument.value
        elif ParameterKind.REST not in kinds:
            return False
    answers = [_takes(parameter, defined.get(parameter.name), given) for parameter in parameters]
    return False if False in answers else None if None in answers else True


def _takes(parameter: Parameter, defined: Parameter | None, given: Mapping[str, spec.Expr | None]) -> bool | None:
    """Whether a parameter of an overload takes what it is given; none where that cannot be told."""
    if parameter.name not in given:
        return not parameter.required
    literals, value = _literals(parameter.annotation), given[parameter.name]
    if literals is not None and isinstance(value, spec.Literal):
        return any(type(value.value) is type(each) and value.value == each for each in literals)
    return True if defined is not None and _are_the_same(parameter.annotation, defined.annotation) else None


def _literals(annotation: ast.expr | None) -> list[object] | None:
    """What `Literal["a", "b"]` stands for; none for other annotations."""
    match annotation:
        case ast.Subscript(ast.Name(id="Literal") | ast.Attribute(attr="Literal"), of):
            items = of.elts if isinstance(of, ast.Tuple) else [of]
            found: list[object] = [item.value for item in items if isinstance(item, ast.Constant)]
            return found if len(found) == len(items) else None
    return None


def _are_the_same(one: ast.expr | None, other: ast.expr | None) -> bool:
    match one, other:
        case (ast.Name(one_name), ast.Name(other_name)):
            return one_name == other_name
        case (ast.expr(), ast.expr()):
            return ast.dump(one) == ast.dump(other)
    return one is other
