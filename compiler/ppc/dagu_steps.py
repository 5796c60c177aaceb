"""The steps of a Dagu workflow as tasks."""

from __future__ import annotations

import re
import shlex
from typing import Final

from ppacer.core.notation import string_text
from ppacer.records import dataclass, field
from ppc.dagu_commands import RejectedError, checked, command_of, mapping, scalars, seconds, text_of
from ppc.dagu_values import Scope, fields
from ppc.dagu_yaml import Node
from ppc.translation import Flow, Remark, Step, dict_text, free_name, lost, rejected, text_literal

_HANDLERS: Final = {"success": "on success", "failure": "on failure", "exit": "finally"}
_TAKEN: Final = frozenset(
    {"name", "id", "description", "depends", "run", "command", "cmd", "script", "args", "shell", "with", "action"}
    | {"dir", "working_dir", "env", "retry_policy", "continue_on", "timeout_sec", "precondition", "preconditions"}
    | {"output", "call", "params", "exec", "type", "executor", "shell_args"}
)
_HARMLESS: Final = {
    "mail_on_error": "declare a `notifier`, and name it in `notify`",
    "signal_on_stop": "what is cancelled gets a SIGTERM, then a SIGKILL",
    "stdout": "what the step writes is in its log",
    "stderr": "what the step writes is in its log",
    "log_output": "what the step writes is in its log",
}


@dataclass(slots=True)
class _Read:
    """A step that was read: its names there, the task, what it comes after, and whether it may be skipped."""

    task: Step
    parents: list[str]
    skipped_is_fine: bool = False
    may_be_skipped: bool = False
    output: str = ""


@dataclass(slots=True)
class StepReader:
    """Fills a dag with its steps and handlers. `known` are the dags of the file and their names here."""

    flow: Flow
    scope: Scope
    known: dict[str, str]
    remarks: list[Remark]
    taken: set[str] = field(default_factory=set)
    read_steps: dict[str, _Read] = field(default_factory=dict)
    shell: Node | None = None
    defaults: dict[str, Node] = field(default_factory=dict)

    def read(self, document: dict[str, Node]) -> None:
        self.shell = document.get("shell")
        given = document.get("defaults")
        self.defaults = fields(given.value) if given is not None and isinstance(given.value, dict) else {}
        chain = "type" in document and document["type"].text() == "chain"
        if "type" in document and document["type"].text() not in ("chain", "graph"):
            self._lose(document["type"].line, f"`type: {document['type'].text()}`")
        stages = [[self._names(step) for step in stage] for stage in _stages(document["steps"])]
        names = [each for stage in stages for each in stage]
        before: list[str] = []
        for stage in stages:
            for _, own, step in stage:
                self._step(own, step, before if chain else [], names)
            before = [own for _, own, _ in stage]
        apart = len(names) > 1 and not any(read.parents for read in self.read_steps.values())
        if apart and "type" not in document:
            told = "no step depends on another and there is no `type`: all start at once, as in Dagu since May 2026"
            self.remarks.append(Remark(document["steps"].line, f"{told}; from 1.17 until then they went in order"))
        self._edges()
        handlers = document.get("handler_on")
        if handlers is not None and isinstance(handlers.value, dict):
            self._handlers(fields(handlers.value))

    def _lose(self, line: int, message: str) -> None:
        self.remarks.append(Remark(line, message, lost=True))
        self.flow.comments.append(lost(message))

    def _names(self, node: Node) -> tuple[set[str], str, Node]:
        found = fields(node.value) if isinstance(node.value, dict) else {}
        there = {found[key].text() for key in ("id", "name") if key in found and found[key].scalar}
        wanted = found["id"].text() if "id" in found else found["name"].text() if "name" in found else "step"
        return there, free_name(wanted.lower() if wanted.isupper() else wanted, self.taken, "step"), node

    def _step(self, own: str, node: Node, after: list[str], names: list[tuple[set[str], str, Node]]) -> None:
        parents = list(after)
        try:
            found = {**self.defaults, **fields(mapping(node))}
            for each in found["depends"].items() if "depends" in found else []:
                match = [other for others, other, _ in names if each.text() in others]
                if not match:
                    raise RejectedError(f"it depends on {each.text()!r}, which there is not")
                parents += [other for other in match if other not in parents]
            read = self._task(own, found, parents)
        except RejectedError as error:
            read = _Read(rejected(own, str(error), node.line), parents)
            self.remarks.append(Remark(node.line, f"step {own}: {error}", lost=True))
        self.read_steps[own] = read
        self.flow.items.append(read.task)

    def _edges(self) -> None:
        for own, read in self.read_steps.items():
            skippable = [self.read_steps[parent] for parent in read.parents if self._may_skip(parent, set())]
            if skippable and all(parent.skipped_is_fine for parent in skippable):
                read.task.settings["trigger"] = "none_failed"
            if read.parents:
                some = read.parents[0] if len(read.parents) == 1 else f"[{', '.join(read.parents)}]"
                self.flow.edges.append(f"{some} -> {own}")

    def _may_skip(self, own: str, seen: set[str]) -> bool:
        read = self.read_steps.get(own)
        if read is None or own in seen:
            return False
        return read.may_be_skipped or any(self._may_skip(parent, seen | {own}) for parent in read.parents)

    def _handlers(self, handlers: dict[str, Node]) -> None:
        for key, node in handlers.items():
            if key not in _HANDLERS:
                self._lose(node.line, f"the handler for `{key}`")
                continue
            own = free_name(f"handle_{key}", self.taken, "step")
            try:
                read = self._task(own, {**self.defaults, **fields(mapping(node))}, [])
                if read.may_be_skipped:
                    raise RejectedError("a handler with a precondition")
                task = read.task
            except RejectedError as error:
                task = rejected(own, str(error), node.line)
                self.remarks.append(Remark(node.line, f"handler {key}: {error}", lost=True))
            self.flow.handlers[_HANDLERS[key]] = [task]

    # --- one step -----------------------------------------------------------------------------------------------------

    def _task(self, own: str, found: dict[str, Node], parents: list[str]) -> _Read:
        unknown = [key for key in found if key not in _TAKEN | set(_HARMLESS)]
        if unknown:
            raise RejectedError(f"`{unknown[0]}` of a step")
        task = Step(own, "")
        read = _Read(task, parents)
        for key, node in found.items():
            if key in _HARMLESS:
                self.remarks.append(Remark(node.line, f"`{key}` of {own}: {_HARMLESS[key]}", lost=True))
                task.comments.append(lost(f"`{key}`; {_HARMLESS[key]}"))
        if "description" in found:
            task.settings["doc"] = string_text(found["description"].text().strip())
        scope = self._scope(found, parents)
        command = self._call(task, read, found, scope)
        self._policies(task, found)
        if "working_dir" in found or "dir" in found:
            place = scope.expression((found.get("working_dir") or found["dir"]).text())
            if place is None:
                raise RejectedError("its folder is worked out by a command")
            task.settings["cwd"] = place
        if command is not None and scope.variables != self.scope.variables:
            task.settings["env"] = dict_text(scope.variables)
        conditions = found.get("preconditions") or found.get("precondition")
        if conditions is not None:
            self._condition(read, conditions, scope, found)
        return read

    def _scope(self, found: dict[str, Node], parents: list[str]) -> Scope:
        scope = self.scope.copy()
        for ancestor in self._ancestors(parents):
            name = self.read_steps[ancestor].output
            if name:
                scope.pieces[name] = [(ancestor,)]
                scope.variables[name] = f'f"{{{ancestor}}}"'
        if "env" in found:
            for problem, _ in scope.add(found["env"]):
                raise RejectedError(problem)
        used = " ".join(node.text() for node in scalars(list(found.values())))
        # What a step reads makes an edge, so it gets only what it names.
        for ancestor in self._ancestors(parents):
            name = self.read_steps[ancestor].output
            if name and name not in self.scope.variables and not re.search(rf"\b{name}\b", used):
                del scope.variables[name]
        scope.provide(used)
        return scope

    def _ancestors(self, parents: list[str]) -> list[str]:
        found: list[str] = []
        left = list(parents)
        while left:
            one = left.pop()
            if one in self.read_steps and one not in found:
                found.append(one)
                left += self.read_steps[one].parents
        return sorted(found)

    def _call(self, task: Step, read: _Read, found: dict[str, Node], scope: Scope) -> str | None:
        """Sets what the task does; answers the command if it is one."""
        called = self._called(found, scope)
        if called is not None:
            if "continue_on" in found:
                raise RejectedError("`continue_on` of what is no command")
            task.call = called
            return None
        command = command_of(found, scope, self.shell)
        command = self._goes_on(command, found, read, task)
        output = ', output = "none"'
        if "output" in found:
            if not found["output"].scalar or not re.fullmatch(r"\$?\w+", found["output"].text()):
                raise RejectedError("an `output` of several values")
            read.output = found["output"].text().removeprefix("$")
            output = ""
            told = f"`output: {read.output}` is the last line that the step writes, where Dagu takes all of it"
            self.remarks.append(Remark(found["output"].line, told))
        task.call = f"shell({text_literal(command)}{output})"
        return command

    def _called(self, found: dict[str, Node], scope: Scope) -> str | None:
        """The call of what is no command."""
        given = fields(found["with"].value) if "with" in found and isinstance(found["with"].value, dict) else {}
        kind = found["action"].text() if "action" in found else ""
        if "call" not in found and self._runs_a_dag(found):
            found = {**found, "call": found["run"]}
        if "call" in found:
            kind, given = (
                "dag.run",
                {"dag": found["call"], **({"params": found["params"]} if "params" in found else {})},
            )
        elif "type" in found or "executor" in found:
            of = found.get("type") or found["executor"]
            kind = text_of(fields(of.value), "type") if isinstance(of.value, dict) else of.text()
            if kind in ("command", "shell", ""):
                return None
        match kind:
            case "" | "exec":
                return None
            case "noop":
                return "empty()"
            case "log.write":
                return f"print({self._argument(given, 'message', scope)})"
            case "wait.duration" if re.fullmatch(r"(\d+h)?(\d+m)?(\d+s)?(\d+ms)?", text_of(given, "duration") or "-"):
                return f"sleep({text_of(given, 'duration')})"
            case "wait.file":
                return f"wait_for_file({self._argument(given, 'path', scope)})"
            case "wait.http" if set(given) <= {"url", "status"}:
                status = f", expect = {text_of(given, 'status')}" if "status" in given else ""
                return f"wait_for_http({self._argument(given, 'url', scope)}{status})"
            case "http.request" if set(given) <= {"url", "method", "body"}:
                method = f", method = {string_text(text_of(given, 'method').upper())}" if "method" in given else ""
                body = f", body = {self._argument(given, 'body', scope)}" if "body" in given else ""
                return f'http({self._argument(given, "url", scope)}{method}{body}, output = "text")'
            case "dag.run" | "dag.enqueue" if text_of(given, "dag") in self.known and set(given) <= {"dag"}:
                wait = ", wait = false" if kind == "dag.enqueue" else ""
                return f"run_dag({string_text(self.known[text_of(given, 'dag')])}{wait})"
            case "dag.run" | "dag.enqueue":
                raise RejectedError(
                    f"it runs the dag {text_of(given, 'dag')!r}, with params or of another file: `run_dag` does"
                )
        raise RejectedError(f"what `{kind}` does is to be a Python function, or a command")

    def _runs_a_dag(self, found: dict[str, Node]) -> bool:
        """Whether `run` names a dag, as it did in Dagu 1, where a command was a `command`."""
        text = found["run"].text() if "run" in found and found["run"].scalar else ""
        another = self.known.get(text, self.flow.name) != self.flow.name
        return bool(text) and (another or "params" in found or text.endswith((".yaml", ".yml")))

    def _argument(self, given: dict[str, Node], name: str, scope: Scope) -> str:
        value = scope.expression(text_of(given, name)) if name in given and given[name].scalar else None
        if value is None:
            raise RejectedError(f"its `{name}`")
        return value

    def _policies(self, task: Step, found: dict[str, Node]) -> None:
        if "timeout_sec" in found:
            task.settings["timeout"] = seconds(found["timeout_sec"], "timeout_sec")
        if "retry_policy" not in found:
            return
        policy = fields(mapping(found["retry_policy"]))
        if unknown := set(policy) - {"limit", "interval_sec", "backoff", "max_interval_sec"}:
            raise RejectedError(f"`{min(unknown)}` of a retry policy")
        limit = policy.get("limit", Node(1, 0))
        if limit.count is None:
            raise RejectedError("the limit of its retries is not a number")
        task.settings["retries"] = str(limit.count)
        interval = seconds(policy["interval_sec"], "interval_sec") if "interval_sec" in policy else "0s"
        backoff = policy.get("backoff")
        if backoff is not None and backoff.value not in (False, None):
            factor = 2 if backoff.value is True else backoff.value
            if not isinstance(factor, int | float) or factor <= 1 or interval == "0s":
                raise RejectedError("the backoff of its retries")
            most = (
                f", max = {seconds(policy['max_interval_sec'], 'max_interval_sec')}"
                if "max_interval_sec" in policy
                else ""
            )
            task.settings["backoff"] = f"exponential(initial = {interval}{most}, factor = {factor})"
        elif interval != "0s":
            task.settings["retry_delay"] = interval

    def _goes_on(self, command: str, found: dict[str, Node], read: _Read, task: Step) -> str:
        if "continue_on" not in found:
            return command
        node = found["continue_on"]
        if isinstance(node.value, dict):
            given = fields(node.value)
        else:
            words = {"failed": "failure", "failure": "failure", "skipped": "skipped"}
            given = {words.get(each.text(), each.text()): Node(each.line, value=True) for each in node.items()}
        if unknown := set(given) - {"failure", "failed", "skipped", "exit_code", "mark_success"}:
            raise RejectedError(f"`{min(unknown)}` of `continue_on`")
        read.skipped_is_fine = "skipped" in given and given["skipped"].value is True
        fails = any(key in given and given[key].value is True for key in ("failure", "failed"))
        codes = [each.text() for each in given["exit_code"].items()] if "exit_code" in given else []
        if not fails and not codes:
            return command
        if "retry_policy" in found:
            raise RejectedError("`continue_on` a failure, with retries")
        if not all(code.isdecimal() for code in codes):
            raise RejectedError("the exit codes of `continue_on`")
        if "mark_success" not in given or given["mark_success"].value is not True:
            told = f"step {task.name} counts as succeeded when `continue_on` lets the dag go on; Dagu tells of it"
            self.remarks.append(Remark(node.line, told))
        if fails:
            # After `||` a shell forgets `set -e`.
            several = "\n" in command or command.startswith("set -e")
            return f"( {command}\n)\ntrue" if several else f"( {command} ) || true"
        return f"( {command}\n)\ncode=$?\ncase $code in 0|{'|'.join(codes)}) ;; *) exit $code ;; esac"

    def _condition(self, read: _Read, node: Node, scope: Scope, found: dict[str, Node]) -> None:
        tests = []
        for each in node.items():
            given = fields(each.value) if isinstance(each.value, dict) else {"condition": each}
            if set(given) - {"condition", "command", "expected", "negate"}:
                raise RejectedError("its precondition")
            text = text_of(given, "condition") or text_of(given, "command")
            text = checked(text, scope)
            if "expected" in given:
                expected = given["expected"].text()
                if expected.startswith("re:") or not text or '"' in text:
                    raise RejectedError(f"its precondition {text!r}")
                text = f'[ "{text}" = {shlex.quote(expected)} ]'
            wanted = "! " if "negate" in given and given["negate"].value is True else ""
            tests.append(f"{wanted}( {text} ) > /dev/null 2>&1")
        if not tests:
            return
        own = free_name(f"{read.task.name}_if", self.taken, "step")
        question = f"if {' && '.join(tests)}; then echo true; else echo false; fi"
        test = Step(own, f'shell({string_text(question)}, output = "json")')
        test.comments.append(f"Whether {read.task.name} is to run.")
        test.settings.update({key: read.task.settings[key] for key in ("cwd", "env") if key in read.task.settings})
        if "retry_policy" in self.defaults and "retries" in found:
            test.settings["retries"] = "0"
        self.read_steps[own] = _Read(test, read.parents)
        self.flow.items.append(test)
        read.parents = []
        read.task.condition = f"{own} == true"
        read.may_be_skipped = True


def _stages(node: Node) -> list[list[Node]]:
    """The steps of a dag; those of a list in the list are one stage, as in a chain they start together."""
    if isinstance(node.value, dict):
        return [[_named(name, each)] for name, each in node.value.items()]
    return [each.value if isinstance(each.value, list) else [each] for each in node.items()]


def _named(name: str, node: Node) -> Node:
    """A step that stands in a mapping, by its name."""
    given = node.value if isinstance(node.value, dict) else {"run": node}
    return Node(node.line, {"name": Node(node.line, name), **given})
