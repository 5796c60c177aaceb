"""Passwords written into a source: a program, its database and its page show them to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ppacer.records import fields, is_record
from ppc import ast
from ppc.diagnostics import Span
from ppc.resolved import ResolvedFile
from ppc.scopes import FileScope

WRITTEN = "W820"

CODES = {WRITTEN: "a password written into the source"}

# Patterns as texts: `re` compiles them when they are first asked for, and hardly any file gets so far.
_NAME = r"(?i:(?:password|passwd|passphrase|pwd|secret|api_?key|access_?key|private_?key|token)$)"
_URL = r"(?i)[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<password>[^\s/@]+)@"
_KEYS = (
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_SUSPECT = ("pass", "pwd", "secret", "key", "token", "://", "akia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox")
_PLACEHOLDER = r"(?i)[<{$]|^(?:x+|\*+|\.+|none|null|example|changeme|password|passwd|secret|token|test)?$"


def check(file: ResolvedFile) -> None:
    scope = file.scope
    # Hardly any file has one: where none of these words stands, no walk over the tree is needed.
    text = scope.source.text.lower()
    if any(word in text for word in _SUSPECT):
        for name, expr in _values(scope.module.items):
            _check_value(scope, name, expr)


def _values(items: object) -> Iterator[tuple[str, ast.Constant | ast.FormatLiteral]]:
    """Every text of a file, with the name of what it is given to: a setting, an argument, a key, a variable."""
    waiting: list[tuple[str, object]] = [("", items)]
    while waiting:
        name, node = waiting.pop()
        match node:
            case ast.Constant() | ast.FormatLiteral():
                yield name, node
            case ast.Setting(ast.Identifier(own), value):
                waiting.append((own, value))
            case ast.Argument(own_name, value):
                waiting.append((name if own_name is None else own_name.name, value))
            case ast.LetDecl(ast.Identifier(own), value):
                waiting.append((own, value))
            case (
                ast.ParamDecl(name=ast.Identifier(own), default=value)
                | ast.Parameter(name=ast.Identifier(own), default=value)
            ):
                waiting.append((own, value))
            case ast.DictLiteral(pairs):
                for key, value in pairs:
                    of = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else name
                    waiting.append((of, value))
            case ast.Call(callee, arguments):
                # `env("TOKEN")` and `secret("TOKEN")` name it, which is the way to do it.
                if callee.text not in {"env", "secret"}:
                    waiting.extend(("", argument) for argument in arguments)
            case tuple():
                waiting.extend((name, each) for each in node)
            case _ if is_record(node):
                waiting.extend(("", getattr(node, each.name)) for each in fields(node))


def _check_value(scope: FileScope, name: str, expr: ast.Constant | ast.FormatLiteral) -> None:
    text = _text(expr)
    if text is None:
        return
    url = re.search(_URL, text)
    if url is not None and not re.search(_PLACEHOLDER, url["password"]):
        found = scope.source.text.find(url["password"], expr.span.start, expr.span.end)
        span = Span(expr.span.file, found, found + len(url["password"])) if found >= 0 else expr.span
        message = "this address has a password in it, which everybody who sees the program can read"
        way_out = 'take the whole address from `secret("NAME")`, or let Python put it together'
        scope.report(WRITTEN, message, span, help=way_out)
    elif re.search(_KEYS, text) or (
        isinstance(expr, ast.Constant) and re.search(_NAME, name) and not re.search(_PLACEHOLDER, text)
    ):
        message = f"`{name}` looks like a password" if name else "this looks like a key"
        message += ", which everybody who sees the program can read"
        example = re.sub(r"\W+", "_", name).upper() or "NAME"
        scope.report(WRITTEN, message, expr.span, help=f'keep it outside of the source: `secret("{example}")`')


def _text(expr: ast.Constant | ast.FormatLiteral) -> str | None:
    if isinstance(expr, ast.Constant):
        return expr.value if isinstance(expr.value, str) else None
    return "".join(part if isinstance(part, str) else "{}" for part in expr.parts)
