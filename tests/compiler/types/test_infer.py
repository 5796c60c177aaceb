"""The types of expressions: a table of what is inferred, and one of what is refused with the place pointed at."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ppacer import spec
from ppc import ast
from ppc.diagnostics import Diagnostic
from ppc.infer import Inference
from ppc.infer_parts import element_type
from ppc.parse import parse
from ppc.source import Source
from ppc.typing_model import (
    ANY,
    BOOL,
    DATE,
    DURATION,
    FLOAT,
    INT,
    NONE,
    STR,
    DictType,
    Field,
    Kind,
    ListType,
    PlainType,
    TupleType,
    Type,
    literal,
    optional,
    record,
    union,
    words,
)

AT = spec.At(1, 1)
ROW = record("Row", {"id": Field(INT), "note": Field(optional(STR)), "parts": Field(ListType(STR))})
OUTPUTS: dict[str, Type] = {
    "row": ROW,
    "rows": ListType(ROW),
    "maybe": optional(ROW),
    "either": union((ROW, DictType(STR, FLOAT))),
    "count": INT,
    "text": STR,
    "unknown": ANY,
    "prices": DictType(STR, FLOAT),
    "point": TupleType((INT, STR), "Point", ("x", "y")),
    "nothing": NONE,
    "path": PlainType(Kind.PATH),
}
PARAMS: dict[str, Type] = {
    "full": BOOL,
    "day": DATE,
    "since": optional(DATE),
    "wait": DURATION,
    "currency": union((literal("EUR"), literal("USD"))),
}


@dataclass
class Scope:
    faults: list[Diagnostic] = field(default_factory=list)

    def output(self, task: str, /) -> Type:
        return OUTPUTS[task]

    def param(self, name: str, /) -> Type:
        return PARAMS[name]

    def variable(self, name: str, /) -> Type:
        return ROW

    def why_none(self, expr: spec.Expr, /) -> str:
        return "so it is" if isinstance(expr, spec.Output) else ""


def lowered(expr: ast.Expr) -> spec.Expr:
    """The expression with its names as `Scope` knows them, nothing worked out."""
    match expr:
        case ast.Constant(value):
            return spec.Literal(value, AT)
        case ast.DurationLiteral(_, elapsed):
            return spec.Literal(elapsed, AT)
        case ast.ListLiteral(items):
            return spec.ListOf(tuple(lowered(item) for item in items), AT)
        case ast.DictLiteral(items):
            return spec.DictOf(tuple((lowered(key), lowered(value)) for key, value in items), AT)
        case ast.Name(name):
            return spec.LoopVariable(name, AT) if name == "each" else spec.Output(name, AT)
        case ast.AttributeExpr(ast.Name("run"), name):
            return spec.RunValue(spec.RunField(name.name), AT)
        case ast.AttributeExpr(ast.Name("task"), name):
            return spec.TaskValue(spec.TaskField(name.name), AT)
        case ast.AttributeExpr(ast.Name("params"), name):
            return spec.ParamValue(name.name, AT)
        case ast.AttributeExpr(of, name):
            return spec.Attribute(lowered(of), name.name, AT)
        case ast.IndexExpr(ast.Name(name), (ast.Star(),)):
            return spec.Outputs(name, AT)
        case ast.IndexExpr(of, (key,)) if not isinstance(key, ast.Star):
            return spec.Item(lowered(of), lowered(key), AT)
        case ast.UnaryExpr(operator, operand):
            return spec.Unary(spec.UnaryOperator(operator), lowered(operand), AT)
        case ast.BinaryExpr(operator, left, right):
            return spec.Binary(spec.BinaryOperator(operator), lowered(left), lowered(right), AT)
        case ast.FormatLiteral(parts):
            return spec.FormatString(
                tuple(
                    part if isinstance(part, str) else spec.FormatField(lowered(part.value), AT, part.format)
                    for part in parts
                ),
                AT,
            )
        case ast.Call(callee, arguments):
            if callee.text == "secret":
                return spec.Secret("X", AT)
            return spec.Env("X", AT, lowered(arguments[1].value) if len(arguments) > 1 else None)
    raise AssertionError(expr)


def infer(text: str) -> tuple[Type, list[tuple[str, str, str]]]:
    """The type, and the faults as code, message and the text that they point at."""
    source = Source("x.ppd", f"let x = {text}\n")
    module, faults = parse(source)
    assert not faults
    [item] = module.items
    assert isinstance(item, ast.LetDecl)
    scope = Scope()
    found = Inference(scope, scope.faults.append).type_of(lowered(item.value), item.value)
    return found, [(f.code, f.message, source.text[f.span.start : f.span.end]) for f in scope.faults]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", "1"),
        ('"a"', '"a"'),
        ("none", "none"),
        ("[1, 2]", "list[int]"),
        ('[1, "a"]', "list[int or str]"),
        ("[]", "list"),
        ('{"a": 1}', "dict"),
        ('{"a": 1}.a', "1"),
        ("{text: 1}", "dict[str, 1]"),
        ("run.date", "date"),
        ("run.previous", "datetime?"),
        ("run.failed[0].attempt", "int"),
        ("run.status", '"success", "failed" or "cancelled"'),
        ("task.attempt", "int"),
        ("task.id", "str"),
        ("params.currency", '"EUR" or "USD"'),
        ("row", "Row"),
        ("row.id", "int"),
        ('row["id"]', "int"),
        ("row.parts[0]", "str"),
        ("row[text]", "int, str, list[str] or none"),
        ("rows", "list[Row]"),
        ("rows[0].note", "str?"),
        ("row[*]", "list[Row]"),
        ("each.id", "int"),
        ("prices.eur", "float"),
        ("either.id", "int or float"),
        ("point[1]", "str"),
        ("point[-2]", "int"),
        ("unknown.a.b[3]", "any value"),
        ("count + 1", "int"),
        ("count / 2", "float"),
        ("count % 2", "int"),
        ("count * 1.5", "float"),
        ("-count", "int"),
        ("unknown + 1", "any value"),
        ("run.date - 1d", "date"),
        ("run.date - params.day", "duration"),
        ("run.scheduled_at + 5m", "datetime"),
        ("params.wait / 2", "duration"),
        ("params.wait / 1h", "float"),
        ("count > 0", "bool"),
        ("text == none", "bool"),
        ('path == "a/b" or path in ["a/b"]', "bool"),
        ('text in ["a"]', "bool"),
        ('"a" in text', "bool"),
        ('"id" in row', "bool"),
        ("not params.full and count > 0", "bool"),
        ("unknown or unknown", "bool"),
        ('f"{run.date:%Y}-{count:03d}-{run.previous}"', "str"),
        ('env("X")', "str"),
        ('env("X", none)', "str?"),
        ('secret("X")', "str"),
        ("maybe != none and maybe.id > 0", "bool"),
        ("not (maybe == none) and maybe.id > 0", "bool"),
        ("maybe == none or maybe.id > 0", "bool"),
        ('row.note == "x" and "a" in row.note', "bool"),
        ("params.since == none or params.since < run.date", "bool"),
    ],
)
def test_types(text: str, expected: str) -> None:
    found, faults = infer(text)
    assert (words(found), faults) == (expected, [])


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("row.idd", "E620", "idd", "Row has no field `idd`"),
        ('row["idd"]', "E620", '"idd"', "Row has no field `idd`"),
        ("rows[0].x.y", "E620", "x", "Row has no field `x`"),
        ("rows.id", "E621", "id", "list[Row] has no fields, so no `id`"),
        ("count.x", "E621", "x", "int has no fields, so no `x`"),
        ("point.y", "E621", "y", "`Point` is passed on as a list, which has no field `y`"),
        ("count[0]", "E621", "0", "int cannot be indexed"),
        ("text[0]", "E621", "0", "str cannot be indexed"),
        ('rows["a"]', "E621", '"a"', 'a list is indexed by int, this is "a"'),
        ("row[0]", "E621", "0", "the keys of Row are texts, this is 0"),
        ("prices[1]", "E621", "1", "the keys of dict[str, float] are texts, this is 1"),
        ("point[2]", "E622", "2", "the list has 2 elements, so no [2]"),
        ("nothing.x", "E624", "x", "the value is none, which has no field `x`"),
        ("maybe.id", "E624", "id", "the value may be none, which has no field `id`"),
        ("maybe != none or maybe.id > 0", "E624", "id", "the value may be none, which has no field `id`"),
        ('text + "a"', "E623", 'text + "a"', '`+` does not take str and "a"'),
        ("count + text", "E623", "count + text", "`+` does not take int and str"),
        ("row > 1", "E623", "row > 1", "`>` does not take Row and 1"),
        ("run.date < run.scheduled_at", "E623", "run.date < run.scheduled_at", "`<` does not take date and datetime"),
        ("-text", "E623", "text", "`-` takes a number or a duration, this is str"),
        ("not count", "E623", "count", "`not` takes true or false, this is int"),
        ("count and params.full", "E623", "count", "`and` takes true or false, this is int"),
        ("1 in count", "E623", "1 in count", "`in` does not take 1 and int"),
        ("1 in text", "E623", "1 in text", "`in` does not take 1 and str"),
        ("row.note < text", "E624", "row.note", "`<` takes no none, and this may be none"),
        ("run.previous + 1h", "E624", "run.previous", "`+` takes no none, and this may be none"),
        ('f"{run.previous:%Y}"', "E624", "{run.previous:%Y}", "none cannot be shown as `%Y`, and this may be none"),
        ('f"{text:%Y}"', "E625", "{text:%Y}", "str cannot be shown as `%Y`: Invalid format specifier"),
        ('f"{rows:3}"', "E625", "{rows:3}", "list[Row] cannot be shown as `3`: it is no text, number or date"),
        ('{"a": [row.x]}', "E620", "x", "Row has no field `x`"),
    ],
)
def test_faults(text: str, code: str, place: str, message: str) -> None:
    _, faults = infer(text)
    [(found_code, found_message, found_place)] = faults
    assert (found_code, found_place) == (code, place)
    assert found_message.startswith(message)


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        (ListType(INT), "int"),
        (TupleType((INT, STR)), "int or str"),
        (TupleType(()), "any value"),
        (ANY, "any value"),
        (union((ListType(INT), STR)), "int"),
    ],
)
def test_elements(type: Type, expected: str) -> None:
    found = element_type(type)
    assert found is not None
    assert words(found) == expected


@pytest.mark.parametrize("type", [INT, STR, ROW, DictType(STR, INT), NONE])
def test_what_has_no_elements(type: Type) -> None:
    assert element_type(type) is None
