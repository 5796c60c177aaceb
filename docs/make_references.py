"""Writes the files of `reference/` beside this one, from the tables of the compiler and of the runtime.

python docs/make_references.py
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pygments.token import Error

from ppacer import spec
from ppacer.cli.arguments import COMMANDS, _parser
from ppacer.config import ENVIRONMENT_PREFIX, SETTINGS
from ppacer.core.notation import duration_text
from ppacer.services.measures import INSTANTS, SECONDS
from ppacer.web.app import ROUTES
from ppacer.web.metrics import METRICS
from ppacer.web.openapi import describe_api
from ppc import cli, explanations, types
from ppc.callables import BUILT_IN_TASKS
from ppc.settings import DAG_SETTINGS, POOL_SETTINGS, TASK_SETTINGS, Rule
from ppd.pygments_lexer import PpdLexer

FOLDER: Final = Path(__file__).with_name("reference")

Schema = Mapping[str, Any]
"""A part of the OpenAPI document, as JSON has it."""

LONGEST: Final = 90
"""Characters of a signature that stands in a line."""


def texts() -> dict[str, str]:
    """The whole of each file, by its name."""
    return {
        "settings.md": _page("The language's settings", "`ppc.settings`", _settings()),
        "tasks.md": _page("Built-in tasks", "`ppacer.tasks`", _tasks()),
        "errors.md": _page("Codes of faults", "the pages of `ppc explain`", _errors()),
        "ppc.md": _page("Options of `ppc`", "the command's own help", _compiler()),
        "program.md": _page("Options and settings of a program", "the program's own help", _program()),
        "http-api.md": _page("Requests and answers of the API", "the program's OpenAPI document", _api()),
        "metrics.md": _page("Metrics", "`ppacer.web.metrics`", _metrics()),
    }


def _page(title: str, source: str, lines: Iterable[str]) -> str:
    made = f"Made of {source} by `docs/make_references.py`; a test sees to it that it is current."
    text = "\n".join((f"# {title}", "", made, "", *lines))
    parts = re.split(r"(^```.*?^```$)", text.rstrip("\n"), flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else re.sub(r"\n{3,}", "\n\n", part) for part in parts) + "\n"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _flat(text: str | None) -> str:
    return " ".join((text or "").split())


# --- the language ----------------------------------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    yield "What they mean in full is told in [the language](../language.md#settings)."
    yield ""
    owners: tuple[tuple[str, Mapping[str, Rule], type], ...] = (
        ("Of a task", TASK_SETTINGS, spec.Task),
        ("Of a dag", DAG_SETTINGS, spec.Dag),
        ("Of a pool", POOL_SETTINGS, spec.Pool),
    )
    for title, rules, kind in owners:
        built_in = {field.name: field.default for field in fields(kind)}
        rows = (
            (f"`{name}`", rule.doc, _taken(rule.type), _written(built_in.get(name), rule.type))
            for name, rule in rules.items()
        )
        yield f"## {title}\n"
        yield from _table(("setting", "what it is", "takes", "built-in"), rows)
        misplaced = [f"`{name}`" for name, rule in rules.items() if not rule.in_defaults]
        if misplaced:
            yield f"Not in `defaults`: {', '.join(misplaced)}.\n"


def _taken(kind: types.SettingType) -> str:
    match kind:
        case types.Word(words):
            return f"one of {', '.join(f'`{word}`' for word in words)}"
        case types.Words(words):
            return f"a list of {', '.join(f'`{word}`' for word in words)}"
        case types.Named(what, several):
            return f"a `{what}`, or a list of them" if several else f"a `{what}`, or `none`"
        case types.Special(wanted):
            return wanted
        case types.AtRunTime(wanted):
            return f"{wanted}, worked out at run time"
    misfit = kind.take(object())
    assert isinstance(misfit, types.Misfit)
    return misfit.wanted


def _written(value: object, kind: types.SettingType) -> str:
    """A default as it would be written in a source; nothing where there is none."""
    match value:
        case timedelta():
            return f"`{duration_text(value)}`"
        case StrEnum():
            return f"`{value}`"
        case str() if value:
            return f'`"{value}"`'
        case tuple() if value:
            return f"`[{', '.join(value)}]`"
        case int() if not isinstance(kind, types.Size):
            return f"`{value}`"
    return ""


def _tasks() -> Iterator[str]:
    yield "How they are used is told in [the language](../language.md#built-in-tasks)."
    yield ""
    for name, place in BUILT_IN_TASKS.items():
        task = _built_in(place)
        yield f"## `{name}`\n"
        yield f"```python\n{name}{_signature(task)}\n```\n"
        yield f"{inspect.cleandoc(task.__doc__ or '')}\n"


def _signature(task: Callable[..., object]) -> str:
    """As Python writes it, but for the quotes around annotations and for what the runtime gives."""
    signature = inspect.signature(task)
    parameters = [each for each in signature.parameters.values() if each.annotation != "TaskContext"]
    annotations = {str(each.annotation) for each in parameters} | {str(signature.return_annotation)}
    written = str(signature.replace(parameters=parameters))
    for annotation in annotations:
        written = written.replace(repr(annotation), annotation)
    return written if len(written) < LONGEST else re.sub(r"(?<=[^\[(]), (?=\*|\w+:)", ",\n    ", written)


def _built_in(place: object) -> Callable[..., object]:
    module, _, name = str(place).partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    return found


def _errors() -> Iterator[str]:
    yield "Codes that begin with `E` are errors, those with `W` are warnings. `ppc explain CODE` prints the same pages."
    yield ""
    codes = explanations.codes()
    yield from _table(("code", "what"), ((f"[{code}](#{_anchor(code)})", explanations.title(code)) for code in codes))
    for code in codes:
        yield _part(explanations.page(code))


def _part(page: str) -> str:
    """The page of a code as part of the index: its head a level lower, those below it no heads. Code stays as it is."""
    parts = re.split(r"(^```.*?^```$)", page, flags=re.MULTILINE | re.DOTALL)
    return "".join(_code(part) if part.startswith("```") else _lowered(part) for part in parts)


def _code(block: str) -> str:
    """The block; one of a fault that the lexer cannot colour is plain text."""
    head, _, code = block.partition("\n")
    if head.startswith("```ppd") and any(kind is Error for kind, _ in PpdLexer().get_tokens(code.removesuffix("```"))):
        return block.replace("ppd", "text", 1)
    return block


def _lowered(prose: str) -> str:
    return re.sub(r"^# ", "## ", re.sub(r"^## (.*)", r"**\1**", prose, flags=re.MULTILINE), flags=re.MULTILINE)


def _anchor(code: str) -> str:
    title = f"{code}: {explanations.title(code)}".lower()
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


# --- commands --------------------------------------------------------------------------------------------------------


def _compiler() -> Iterator[str]:
    yield "What the commands are for is told in [the command `ppc`](../ppc.md)."
    yield ""
    for name, (_, what) in cli._COMMANDS.items():
        yield f"## `ppc {name}`\n"
        yield f"{what[0].upper()}{what[1:]}.\n"
        yield from _options(cli._parser(name))


def _program() -> Iterator[str]:
    yield "What the commands are for is told in [running a program](../operations.md#commands), as are [the"
    yield "settings](../operations.md#settings). Those are also taken from the environment and from a TOML file,"
    yield "under the names of the first table."
    yield ""
    yield "## Settings\n"
    rows = (
        (f"`{each.flag} {each.metavar}`", f"`{ENVIRONMENT_PREFIX}{each.name.upper()}`", f"`{each.name}`", each.help)
        for each in SETTINGS
    )
    yield from _table(("flag", "environment", "in TOML", "what it is [built-in]"), rows)
    program = spec.Program("pipeline", "0" * 64, "0", (), (), ())
    whole = _parser(program, Path("pipeline.py"), named=frozenset(COMMANDS))
    (commands,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    flags = {setting.flag for setting in SETTINGS}
    for name, command in COMMANDS.items():
        yield f"## `{name}`\n"
        yield f"{command.help[0].upper()}{command.help[1:]}.\n"
        yield from _options(commands.choices[name], leave_out=flags | {"--config"})
        if command.settings:
            taken = [f"`{setting.flag}`" for setting in SETTINGS if setting.name in command.settings]
            yield f"Settings: {', '.join(taken)}; `--config FILE` reads them from that TOML file.\n"


def _options(parser: argparse.ArgumentParser, leave_out: Iterable[str] = ()) -> Iterator[str]:
    rows = [
        (_option(action), _flat((action.help or "").replace("%%", "%")))
        for action in parser._actions
        if not {"--help", *leave_out} & set(action.option_strings)
    ]
    if rows:
        yield from _table(("what is given", "what it does [if it is not]"), rows)


def _option(action: argparse.Action) -> str:
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if not action.option_strings:
        more = "…" if action.nargs in ("+", "*", "...") and "…" not in str(value) else ""
        return f"`{value}{more}`"
    return ", ".join(f"`{flag}`" if action.nargs == 0 else f"`{flag} {value}`" for flag in action.option_strings)


# --- the API ---------------------------------------------------------------------------------------------------------


def _api() -> Iterator[str]:
    document: Schema = describe_api("pipeline", ROUTES)
    yield "How it is used is told in [the API by example](../api.md), and what holds for all of it in [running a"
    yield "program](../operations.md#api). A program answers the document itself at `GET /api/v1/openapi.json`."
    yield ""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _operation(f"{method.upper()} {path}", operation)
    yield "## What is sent and answered\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### {name}\n"
        yield f"{_flat(schema.get('description'))}\n"
        if "enum" in schema:
            yield f"One of {_words(schema)}.\n"
        required = schema.get("required", ())
        rows = [
            (
                f"`{field}`",
                _type(about),
                "" if field in required else "may be left out",
                _flat(about.get("description")),
            )
            for field, about in schema.get("properties", {}).items()
        ]
        if rows:
            yield from _table(("field", "type", "", "what it is"), rows)


def _operation(title: str, operation: Schema) -> Iterator[str]:
    yield f"## `{title}`\n"
    yield f"{_flat(operation['summary'])}. {_flat(operation.get('description'))}\n"
    if "x-right" in operation:
        yield f"Takes the right `{operation['x-right']}`.\n"
    parameters = [each for each in operation.get("parameters", ()) if each["in"] != "header"]
    if parameters:
        rows = ((f"`{each['name']}`", each["in"], _type(each["schema"]), _range(each["schema"])) for each in parameters)
        yield from _table(("parameter", "in the", "type", "range [built-in]"), rows)
    for head, holder in (("Body", operation.get("requestBody")), *operation["responses"].items()):
        if holder and head != "default":
            contents = [_content(kind, each) for kind, each in holder.get("content", {}).items()]
            yield f"{head}: {', '.join(contents) or 'nothing'}.\n"


def _content(kind: str, content: Schema) -> str:
    return _type(content["schema"]) if kind == "application/json" else f"`{kind}`"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return _words(schema)
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"object of {_type(schema['additionalProperties'])}"
        case str() as name:
            return "none" if name == "null" else name
    return "any"


def _words(schema: Schema) -> str:
    return ", ".join(f"`{word}`" for word in schema["enum"])


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    built_in = f" [{schema['default']}]" if "default" in schema else ""
    return f"{f'{least} to {most}' if most is not None else ''}{built_in}".strip()


# --- metrics ---------------------------------------------------------------------------------------------------------


def _metrics() -> Iterator[str]:
    yield "How they are read is told in [running a program](../operations.md#metrics)."
    yield ""
    rows = (
        (f"`{each.name}`", str(each.kind), ", ".join(f"`{label}`" for label in each.labels), each.help)
        for each in METRICS
    )
    yield from _table(("metric", "kind", "labels", "what it is"), rows)
    yield f"The buckets of `ppacer_commit_duration_seconds` end at {_bounds(INSTANTS)}."
    yield f"Those of the other histograms end at {_bounds(SECONDS)}."


def _bounds(bounds: Iterable[float]) -> str:
    return f"{', '.join(f'{bound:g}' for bound in bounds)} seconds"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
