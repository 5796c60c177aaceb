"""Reading inside values by their types: fields, elements, and the faults where there are none."""

from __future__ import annotations

from ppacer.records import replace
from ppacer.spec import BinaryOperator as Operator
from ppc.diagnostics import Diagnostic, Edit, Span
from ppc.infer_operators import binary_type
from ppc.scopes import similar_help, slip_edit
from ppc.similar import Similar
from ppc.typing_model import (
    ANY,
    INT,
    STR,
    AnyType,
    DictType,
    ListType,
    LiteralType,
    RecordType,
    TupleType,
    Type,
    members,
    union,
    words,
)

NO_SUCH_FIELD = "E620"
NO_PARTS = "E621"
NO_SUCH_ELEMENT = "E622"

CODES = {
    NO_SUCH_FIELD: "a field that its type lacks",
    NO_PARTS: "a field or an index of what has none",
    NO_SUCH_ELEMENT: "an index beyond the end",
}


def field_of(of: Type, name: str, written: Span, span: Span) -> Type | Diagnostic:
    """The field `name` of a value, named at `span`; `written` begins with the dot before it."""
    match of:
        case RecordType():
            field = of.fields.get(name)
            if field is not None:
                return field.type
            return ANY if of.open else _no_field(of, name, span)
        case DictType(_, value):
            return value
        case TupleType(names=names) if name in names:
            index = names.index(name)
            return Diagnostic(
                NO_PARTS,
                f"`{of.name}` is passed on as a list, which has no field `{name}`",
                span,
                help=f"name the element by its index: `[{index}]`",
                edit=Edit(written, f"[{index}]"),
            )
    return Diagnostic(NO_PARTS, f"{words(of)} has no fields, so no `{name}`", span)


def element_of(of: Type, key: Type, span: Span) -> Type | Diagnostic:
    match of:
        case DictType() | RecordType() if _keys(of) == STR and not _may_be_text(key):
            return Diagnostic(NO_PARTS, f"the keys of {words(of)} are texts, this is {words(key)}", span)
        case DictType(_, value):
            return value
        case RecordType():
            if not isinstance(key, LiteralType) or not isinstance(key.value, str):
                return union(field.type for field in of.fields.values())
            field = of.fields.get(key.value)
            if field is not None:
                return field.type
            if of.open:
                return ANY
            fault = _no_field(of, key.value, span)
            edit = None if fault.edit is None else Edit(span, f'"{fault.edit.text}"')
            return replace(fault, edit=edit)
        case ListType() | TupleType() if not _is_number(key):
            return Diagnostic(NO_PARTS, f"a list is indexed by int, this is {words(key)}", span)
        case ListType(item):
            return item
        case TupleType(items):
            if not isinstance(key, LiteralType) or not isinstance(key.value, int):
                return union(items)
            if -len(items) <= key.value < len(items):
                return items[key.value]
            count = f"{len(items)} element{'' if len(items) == 1 else 's'}"
            return Diagnostic(NO_SUCH_ELEMENT, f"the list has {count}, so no [{key.value}]", span)
    return Diagnostic(NO_PARTS, f"{words(of)} cannot be indexed", span)


def element_type(type: Type) -> Type | None:
    """What a fan-out over a value of this type makes its members from; none for what is no list."""
    if isinstance(type, AnyType):
        return ANY
    found = [element for member in members(type) for element in elements(member)]
    return union(found) if found or any(isinstance(m, TupleType) for m in members(type)) else None


def elements(type: Type) -> tuple[Type, ...]:
    match type:
        case ListType(item):
            return (item,)
        case TupleType(items):
            return items
        case AnyType():
            return (ANY,)
    return ()


def is_text(type: Type) -> bool:
    return type == STR or (isinstance(type, LiteralType) and isinstance(type.value, str))


# --- details ---------------------------------------------------------------------------------------------------------


def _no_field(of: RecordType, name: str, span: Span) -> Diagnostic:
    known = list(of.fields)
    similar = Similar(known).to(name)
    has = (
        f"it has {', '.join(f'`{field}`' for field in known[:_MOST_SHOWN])}{', …' if len(known) > _MOST_SHOWN else ''}"
    )
    way_out = similar_help(similar, "field") or (has if known else "it has no fields")
    edit = slip_edit(span, name, similar)
    return Diagnostic(NO_SUCH_FIELD, f"{words(of)} has no field `{name}`", span, help=way_out, edit=edit)


_MOST_SHOWN = 8


def _keys(of: DictType | RecordType) -> Type:
    return of.key if isinstance(of, DictType) else STR


def _may_be_text(key: Type) -> bool:
    return any(isinstance(member, AnyType) or is_text(member) for member in members(key))


def _is_number(key: Type) -> bool:
    """Whether a key may be a whole number."""
    return any(isinstance(one, AnyType) or binary_type(Operator.SUBTRACT, one, INT) == INT for one in members(key))
