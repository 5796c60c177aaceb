"""Schedules, time zones, start and end: read, and refused where they are wrong or never come."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import available_timezones

from ppacer import spec
from ppacer.core.instants import UnknownZoneError, zone
from ppacer.core.operators import kind
from ppacer.core.schedule import CronFault, DagClock, parse_cron
from ppc import ast
from ppc.bodies import BodyScope
from ppc.callees import Callees
from ppc.definitions import Fault, FaultKind
from ppc.diagnostics import Edit, Label, Span
from ppc.expressions import Expressions, Known
from ppc.resolved import ResolvedDag
from ppc.scopes import FileScope, similar_help, slip_edit
from ppc.settings_values import WRONG_TYPE
from ppc.similar import Similar

BAD_CRON = "E701"
NEVER_DUE = "E702"
UNKNOWN_ZONE = "E703"
BAD_INTERVAL = "E704"
END_BEFORE_START = "E705"
BAD_SCHEDULE = "E706"

CODES = {
    BAD_CRON: "a cron expression with a fault",
    NEVER_DUE: "a schedule that never comes",
    UNKNOWN_ZONE: "an unknown time zone",
    BAD_INTERVAL: "an interval that is not longer than nothing",
    END_BEFORE_START: "an end that is not after the start",
    BAD_SCHEDULE: "a schedule called wrongly",
}

_WANTED = '`schedule` takes `cron("15 2 * * *")`, `every(10m)` or a list of these'
_LONG_AGO = -(2**62)


def read_schedules(file: FileScope, callees: Callees, setting: ast.Setting) -> tuple[spec.Schedule, ...]:
    """The schedules that are sound; the faults of the others are reported."""
    expressions = Expressions(BodyScope(file))
    items = setting.value.items if isinstance(setting.value, ast.ListLiteral) else (setting.value,)
    if not items:
        file.report(BAD_SCHEDULE, "an empty list is no schedule", setting.value.span, help="leave the setting out")
    found: list[spec.Schedule] = []
    for item in items:
        schedule = _read(file, callees, expressions, item)
        if schedule is not None:
            found.append(schedule)
    return tuple(found)


def check_zone(file: FileScope, setting: ast.Setting, name: str) -> bool:
    """Whether there is such a zone."""
    try:
        zone(name)
    except UnknownZoneError:
        similar = Similar(sorted(available_timezones())).to(name)
        way_out = similar_help(similar, "zone") or "zones are named as in `Europe/Warsaw`, `America/New_York`, `UTC`"
        edit = slip_edit(setting.value.span, name, similar)
        if edit is not None:
            edit = Edit(edit.span, f'"{edit.text}"')
        file.report(UNKNOWN_ZONE, f'there is no time zone "{name}"', setting.value.span, help=way_out, edit=edit)
        return False
    return True


def check_span(dag: ResolvedDag, lowered: spec.Dag) -> bool:
    """`end` after `start`, and a due time between them. `lowered` has schedules, zone, start and end alone.

    Whether it has a schedule of which all due times are known.
    """
    at = {item.name.name: item.value.span for item in dag.decl.body if isinstance(item, ast.Setting)}
    start, end = lowered.start, lowered.end
    report = dag.scope.file.report
    if start is not None and end is not None and _moment(end) <= _moment(start):
        labels = (Label(at["start"], "the start"),)
        report(END_BEFORE_START, "`end` is not after `start`: no run would ever be due", at["end"], labels=labels)
        return False
    if not lowered.schedules or any(isinstance(each, spec.CustomSchedule) for each in lowered.schedules):
        return False
    if end is not None and DagClock(lowered).next(_LONG_AGO) is None:
        between = "before `end`" if start is None else "between `start` and `end`"
        labels = (Label(at["end"], "the end"),)
        report(NEVER_DUE, f"the schedule has no due time {between}", at["schedule"], labels=labels)
        return False
    return True


def _moment(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, time())


def _read(file: FileScope, callees: Callees, expressions: Expressions, expr: ast.Expr) -> spec.Schedule | None:
    match expr:
        case ast.Call():
            return _called(file, expressions, expr)
        case ast.Name() | ast.AttributeExpr() if (path := _dotted(expr)) is not None:
            return _imported(file, callees, expressions, path)
    label = f"this is {kind(expr.value)}" if isinstance(expr, ast.Constant) else ""
    file.report(WRONG_TYPE, _WANTED, expr.span, label=label)
    expressions.mark_used(expr)
    return None


def _called(file: FileScope, expressions: Expressions, call: ast.Call) -> spec.Schedule | None:
    match call.callee.text:
        case "cron":
            return _cron(file, expressions, call)
        case "every":
            return _every(file, expressions, call)
        case name:
            similar = Similar(["cron", "every"]).to(name)
            if file.imports.target(call.callee) is not None:
                message = f"a schedule written in Python is an object, not a call: `schedule = {name}`"
                bare = Edit(Span(call.span.file, call.callee.span.end, call.span.end), "")
                way_out = "make the object in Python and name it here" if call.arguments else "leave the brackets out"
                file.report(BAD_SCHEDULE, message, call.span, help=way_out, edit=None if call.arguments else bare)
            elif not file.may_declare(call.callee.parts[0].name):
                edit = slip_edit(call.callee.span, name, similar)
                way_out = similar_help(similar, "schedule") or 'use `cron("…")` or `every(…)`'
                file.report(BAD_SCHEDULE, f"there is no schedule `{name}`", call.callee.span, help=way_out, edit=edit)
            expressions.mark_used(call)
            return None


def _imported(
    file: FileScope, callees: Callees, expressions: Expressions, path: ast.DottedName
) -> spec.CustomSchedule | None:
    """An object of the users' own, with `start()` and `next(now, previous)`, or a class that makes one."""
    if file.imports.target(path) is None:
        if path.parts[0].name in file.lets:
            file.report(WRONG_TYPE, _WANTED, path.span, label=f"`{path.text}` is a `let`")
            expressions.mark_used(ast.Name(path.parts[0].name, path.span))
        elif not file.may_declare(path.parts[0].name):
            message = f"there is no schedule `{path.text}`"
            file.report(BAD_SCHEDULE, message, path.span, help="use `cron(…)` or `every(…)`, or import it from Python")
        return None
    found, offset = callees.schedule(path)
    if isinstance(found, Fault):
        part = path.parts[min(max(found.part + offset, 0), len(path.parts) - 1)]
        way_out = similar_help(found.similar)
        if found.kind is FaultKind.NOT_SCHEDULE:
            way_out = "name an object with `start()` and `next(now, previous)`, or a class that makes one"
        file.report(BAD_SCHEDULE, f"this is no schedule: {found.message}", part.span, help=way_out)
        return None
    if found is None:
        return None
    return spec.CustomSchedule(found.spec.id, file.at(path.span))


def _dotted(expr: ast.Expr) -> ast.DottedName | None:
    parts: list[ast.Identifier] = []
    of = expr
    while isinstance(of, ast.AttributeExpr):
        parts.append(of.name)
        of = of.of
    if not isinstance(of, ast.Name):
        return None
    return ast.DottedName((ast.Identifier(of.name, of.span), *reversed(parts)), expr.span)


def _cron(file: FileScope, expressions: Expressions, call: ast.Call) -> spec.Cron | None:
    if len(call.arguments) != 1 or call.arguments[0].name is not None:
        file.report(BAD_SCHEDULE, '`cron` takes one text: `cron("15 2 * * *")`', call.span)
        expressions.mark_used(call)
        return None
    argument = call.arguments[0].value
    known = expressions.constant(argument, "a cron expression")
    if known is None:
        return None
    if not isinstance(known.value, str):
        message = '`cron` takes a text such as `"15 2 * * *"`'
        file.report(WRONG_TYPE, message, argument.span, label=f"this is {kind(known.value)}")
        return None
    parsed = parse_cron(known.value)
    if isinstance(parsed, CronFault):
        code = NEVER_DUE if parsed.never else BAD_CRON
        message = parsed.message if parsed.field == "expression" else f"{parsed.field}: {parsed.message}"
        file.report(code, message, _part(file, argument, known.value, parsed), help=parsed.help)
        return None
    return spec.Cron(known.value, file.at(call.span))


def _part(file: FileScope, argument: ast.Expr, text: str, fault: CronFault) -> Span:
    """The field within the literal, where the literal stands there as plain as it reads."""
    span = argument.span
    if file.source.text[span.start + 1 : span.end - 1] == text and fault.end > fault.start:
        return Span(span.file, span.start + 1 + fault.start, span.start + 1 + fault.end)
    return span


def _every(file: FileScope, expressions: Expressions, call: ast.Call) -> spec.Every | None:
    positional = [argument.value for argument in call.arguments if argument.name is None]
    named = {argument.name.name: argument.value for argument in call.arguments if argument.name is not None}
    sound = len(positional) == 1 and len(positional) + len(named) == len(call.arguments) and named.keys() <= {"anchor"}
    if not sound:
        message = "`every` takes a duration and, if wanted, an anchor: `every(10m, anchor = 2026-01-01T00:05)`"
        file.report(BAD_SCHEDULE, message, call.span)
        expressions.mark_used(call)
        return None
    interval = expressions.constant(positional[0], "the interval of `every`")
    anchor = expressions.constant(named["anchor"], "the anchor of `every`") if "anchor" in named else None
    if interval is None or ("anchor" in named and anchor is None):
        return None
    if not isinstance(interval.value, timedelta):
        message = "`every` takes a duration such as `10m`"
        file.report(WRONG_TYPE, message, interval.span, label=f"this is {kind(interval.value)}")
        return None
    if interval.value <= timedelta(0):
        file.report(BAD_INTERVAL, "an interval must be longer than `0s`", interval.span)
        return None
    return _anchored(file, call, interval.value, anchor)


def _anchored(file: FileScope, call: ast.Call, interval: timedelta, anchor: Known | None) -> spec.Every | None:
    if anchor is None:
        return spec.Every(interval, file.at(call.span))
    if not isinstance(anchor.value, date):
        message = "an anchor is a date such as `2026-01-01` or `2026-01-01T00:05`"
        file.report(WRONG_TYPE, message, anchor.span, label=f"this is {kind(anchor.value)}")
        return None
    return spec.Every(interval, file.at(call.span), _moment(anchor.value))
