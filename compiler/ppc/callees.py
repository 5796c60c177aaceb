"""Which callable a task calls: through the imports of its file, or built in."""

from __future__ import annotations

from itertools import islice

from ppacer import spec
from ppc import ast
from ppc.bodies import BodyScope, ResolvedTask
from ppc.callables import BUILT_IN_TASKS, CallableFinder, FoundCallable
from ppc.definitions import Fault
from ppc.diagnostics import Edit
from ppc.scopes import FileScope, similar_help, slip_edit
from ppc.signatures import Parameter, ParameterKind, Signature
from ppc.similar import Similar

UNKNOWN_CALLEE = "E203"

CODES = {UNKNOWN_CALLEE: "a callable that is neither imported nor built in"}

SHELL = BUILT_IN_TASKS["shell"]
BUILT_IN_NOTIFIERS = {
    "log": FoundCallable(
        spec.Callable("ppacer.notifiers:log", spec.CallableKind.FUNCTION), "ppacer.notifiers", signature=Signature(())
    ),
    "apprise": FoundCallable(
        spec.Callable("ppacer.notifiers:apprise", spec.CallableKind.FUNCTION),
        "ppacer.notifiers",
        signature=Signature(
            (Parameter("url", ParameterKind.EITHER, True), Parameter("more_urls", ParameterKind.REST, False))
        ),
    ),
}
"""Notifiers found without an import. What calls them, an alert, is the runtime's business."""

_MOST_ASKED = 20


class Callees:
    """Finds callees of one file, each name once. Its imports are bound already.

    `others` are the callables found that are neither a task's nor a notifier's, by their ids.
    """

    def __init__(self, scope: FileScope, callables: CallableFinder) -> None:
        self._scope = scope
        self._callables = callables
        self._found: dict[tuple[str, str], tuple[FoundCallable | Fault | None, int]] = {}
        self._similar: Similar | None = None
        self.others: dict[str, spec.Callable] = {}
        for found in scope.imports.bound.values():
            found.refused = callables.module_fault(found.module)
            if found.refused is None and found.names:
                found.refused = callables.name_fault(found.module, found.names[0])
                found.name_missing = found.refused is not None
        self._misspelt = Similar(name for name, found in scope.imports.bound.items() if found.name_missing)

    def task(self, call: ast.Call, body: BodyScope) -> tuple[FoundCallable | Fault | None, int]:
        """The callable and where in the callee its names begin; none where that has been reported."""
        found = self._find(call.callee, "task")
        if found[0] is None and not self._is_excused(call.callee):
            self._unknown_task(call.callee, body)
        return found

    def notifier(self, call: ast.Call) -> tuple[FoundCallable | Fault | None, int]:
        """The same for the callable of a notifier."""
        found = self._find(call.callee, "notifier")
        if found[0] is None and not self._is_excused(call.callee):
            message = f"`{call.callee.text}` is neither imported nor a built-in notifier"
            similar = similar_help(Similar((*BUILT_IN_NOTIFIERS, *self._scope.imports.bound)).to(call.callee.text))
            way_out = similar or f"`from … import {call.callee.parts[0].name}` at the head of the file"
            self._scope.report(UNKNOWN_CALLEE, message, call.callee.span, help=way_out)
        return found

    def schedule(self, callee: ast.DottedName) -> tuple[FoundCallable | Fault | None, int]:
        """The same for a schedule, which can only be imported; nothing is reported where no import leads there. What is
        found becomes one of the program's callables."""
        found = self._find(callee, "schedule")
        if isinstance(found[0], FoundCallable):
            self.others[found[0].spec.id] = found[0].spec
        return found

    def _find(self, callee: ast.DottedName, kind: str) -> tuple[FoundCallable | Fault | None, int]:
        key = (kind, callee.text)
        if key not in self._found:
            self._found[key] = self._look(callee, kind)
        return self._found[key]

    def _look(self, callee: ast.DottedName, kind: str) -> tuple[FoundCallable | Fault | None, int]:
        target = self._scope.imports.target(callee)
        if target is None or not target.names:
            built_in = None
            if kind == "task":
                built_in = self._callables.built_in(callee.text)
            elif kind == "notifier":
                built_in = BUILT_IN_NOTIFIERS.get(callee.text)
            if built_in is not None:
                return built_in, 0
        if target is None:
            return None, 0
        target.found.used = True
        if target.found.refused is not None:
            return None, 0
        finder = self._callables
        find = {"schedule": finder.schedule, "notifier": finder.notifier}.get(kind, finder.find)
        return find(target.found.module, target.names), target.own - len(target.found.names)

    def _is_excused(self, callee: ast.DottedName) -> bool:
        """Whether what keeps the callable from being known is reported elsewhere."""
        first = callee.parts[0].name
        if self._scope.imports.target(callee) is not None or self._scope.may_declare(first):
            return True
        import_at_fault = self._misspelt.to(first)
        if import_at_fault is None:
            return False
        self._scope.imports.bound[import_at_fault].used = True  # it is what this task calls, once it is mended
        return True

    def _unknown_task(self, callee: ast.DottedName, body: BodyScope) -> None:
        scope = self._scope
        first = callee.parts[0].name
        if self._similar is None:
            self._similar = Similar((*BUILT_IN_TASKS, *scope.imports.bound))
        similar = self._similar.to(callee.text)
        message = f"`{callee.text}` is neither imported nor a built-in task"
        edit = slip_edit(callee.span, callee.text, similar)
        module, name = ".".join(part.name for part in callee.parts[:-1]), callee.parts[-1].name
        if callee.text in scope.templates:
            scope.templates[callee.text].used = True
            message = f"`{callee.text}` is a template, not a callable"
            way_out = f"a template makes a group: `group x = {callee.text}(…)`"
        elif module and isinstance(self._callables.find(module, (name,)), FoundCallable):
            way_out, edit = f"`import {module}` at the head of the file", None
        elif similar is not None:
            way_out = f"a callable with a similar name exists: `{similar}`"
            if similar in scope.imports.bound:
                scope.imports.bound[similar].used = True  # it is meant
        elif isinstance(body.node(first), ResolvedTask):
            way_out = f"`{first}` is a task; a task calls an imported function or class, or a built-in"
        elif elsewhere := self._imported_elsewhere(callee):
            way_out, edit = f"did you mean `{elsewhere}`?", Edit(callee.span, elsewhere)
        elif module and (meant := self._in_similar_module(module, name)):
            way_out, edit = f"did you mean `{meant}`?", slip_edit(callee.span, callee.text, meant)
        elif module:
            way_out = f"`import {module}` at the head of the file"
        else:
            way_out = f"`from … import {first}` at the head of the file"
        scope.report(UNKNOWN_CALLEE, message, callee.span, help=way_out, edit=edit)

    def _imported_elsewhere(self, callee: ast.DottedName) -> str | None:
        """The name as it would be right with the imports that there are."""
        names = tuple(part.name for part in callee.parts)
        for found in islice(self._scope.imports.bound.values(), _MOST_ASKED):
            if found.refused is None and not found.names:
                for own in (names, names[1:]):
                    whole = f"{found.bound}.{'.'.join(own)}"
                    if own and whole.endswith(callee.text) and self._is_callable(found.module, own):
                        found.used = True  # it is meant
                        return whole
        return None

    def _in_similar_module(self, module: str, name: str) -> str | None:
        """The callee with the imported module that was probably meant, where that has what is called."""
        bound = self._scope.imports.bound
        similar = Similar(each.bound for each in bound.values() if not each.names and each.refused is None).to(module)
        if similar is None or not self._is_callable(bound[similar].module, (name,)):
            return None
        bound[similar].used = True  # it is meant
        return f"{similar}.{name}"

    def _is_callable(self, module: str, names: tuple[str, ...]) -> bool:
        found = self._callables.find(module, names)
        return isinstance(found, FoundCallable) and found.spec.kind is not spec.CallableKind.UNKNOWN
