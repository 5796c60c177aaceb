"""The types of params and of template parameters: from syntax to the spec's values."""

from __future__ import annotations

from ppacer import spec
from ppc import ast
from ppc.diagnostics import Edit
from ppc.scopes import FileScope, similar_help, slip_edit
from ppc.similar import Similar

UNKNOWN_TYPE = "E213"
BAD_TYPE = "E214"

CODES = {
    UNKNOWN_TYPE: "an unknown type",
    BAD_TYPE: "a type written wrongly",
}

_PLAIN = {kind.value: kind for kind in spec.ParamKind}
_OTHER_NAMES = {
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "double": "float",
    "boolean": "bool",
    "dict": "json",
    "object": "json",
    "any": "json",
    "timedelta": "duration",
    "array": "list",
    "enum": "choice",
    "Literal": "choice",
    "timestamp": "datetime",
}
_EXAMPLES = {spec.ParamKind.LIST: "`list[str]`", spec.ParamKind.CHOICE: '`choice("a", "b")`'}
_MOST_NESTED = 10


def read_type(file: FileScope, written: ast.TypeExpr, depth: int = 0) -> spec.ParamType | None:
    """The type, or none where it is at fault."""
    name = written.name.name
    kind = _PLAIN.get(name)
    if kind is None:
        similar = Similar(_PLAIN).to(name)
        way_out, edit = similar_help(similar, "type"), slip_edit(written.name.span, name, similar)
        if name in _OTHER_NAMES:
            edit = Edit(written.name.span, _OTHER_NAMES[name])
            way_out = f"it is called `{_OTHER_NAMES[name]}` here"
        elif not way_out:
            way_out = f"the types are {', '.join(f'`{each}`' for each in _PLAIN)}"
        file.report(UNKNOWN_TYPE, f"there is no type `{name}`", written.name.span, help=way_out, edit=edit)
        return None
    if kind is spec.ParamKind.LIST:
        return _list(file, written, depth)
    if kind is spec.ParamKind.CHOICE:
        return _choice(file, written)
    if written.arguments:
        file.report(BAD_TYPE, f"the type `{name}` takes nothing in brackets", written.span)
        return None
    return spec.ParamType(kind, written.optional)


def _list(file: FileScope, written: ast.TypeExpr, depth: int) -> spec.ParamType | None:
    match written.arguments:
        case (ast.TypeExpr() as element,):
            if depth >= _MOST_NESTED:
                file.report(BAD_TYPE, f"a type is nested more than {_MOST_NESTED} levels deep", written.span)
                return None
            of = read_type(file, element, depth + 1)
            return None if of is None else spec.ParamType(spec.ParamKind.LIST, written.optional, of)
    _misshaped(file, written, spec.ParamKind.LIST, "the type of its elements")
    return None


def _choice(file: FileScope, written: ast.TypeExpr) -> spec.ParamType | None:
    choices: list[str] = []
    for argument in written.arguments:
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            _misshaped(file, written, spec.ParamKind.CHOICE, "texts")
            return None
        if argument.value in choices:
            file.report(BAD_TYPE, f'the choice "{argument.value}" is given twice', argument.span, help="leave one out")
            return None
        choices.append(argument.value)
    if not choices:
        _misshaped(file, written, spec.ParamKind.CHOICE, "texts")
        return None
    return spec.ParamType(spec.ParamKind.CHOICE, written.optional, choices=tuple(choices))


def _misshaped(file: FileScope, written: ast.TypeExpr, kind: spec.ParamKind, takes: str) -> None:
    file.report(BAD_TYPE, f"the type `{kind}` takes {takes}: {_EXAMPLES[kind]}", written.span)
