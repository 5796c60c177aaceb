"""Expressions as they were written, walked without regard to what they mean."""

from __future__ import annotations

from collections.abc import Iterator

from ppc import ast


def walk(expr: ast.Expr) -> Iterator[ast.Expr]:
    """The expression and every one inside it, in no order that matters."""
    waiting: list[ast.Expr] = [expr]
    while waiting:
        part = waiting.pop()
        yield part
        match part:
            case ast.AttributeExpr(of):
                waiting.append(of)
            case ast.IndexExpr(of, keys):
                waiting.append(of)
                waiting.extend(key for key in keys if not isinstance(key, ast.Star))
            case ast.ListLiteral(items):
                waiting.extend(items)
            case ast.DictLiteral(pairs):
                waiting.extend(part for pair in pairs for part in pair)
            case ast.FormatLiteral(parts):
                waiting.extend(field.value for field in parts if isinstance(field, ast.FormatField))
            case ast.UnaryExpr(operand=operand):
                waiting.append(operand)
            case ast.BinaryExpr(left=left, right=right):
                waiting += (left, right)
            case ast.Call(arguments=arguments):
                waiting.extend(argument.value for argument in arguments)
            case _:
                pass
