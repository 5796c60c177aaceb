"""Dagu's workflows as `.ppd`: what a file says, and what it cannot be made to say here.

Each document of a file is a dag, whose steps are commands mostly. The forms are those of Dagu 1 and 2: `command`,
`script`, `retryPolicy` as well as `run`, `action`, `retry_policy`
(https://github.com/dagucloud/dagu/blob/main/README_SCHEMA.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from ppacer.core.cron import CronFault, parse_cron
from ppacer.core.instants import UnknownZoneError, zone
from ppacer.core.notation import duration_text, string_text
from ppacer.records import dataclass, field
from ppc.dagu_steps import StepReader
from ppc.dagu_values import Scope, fields
from ppc.dagu_yaml import Node, documents
from ppc.translation import Flow, Remark, Translation, dict_text, flow_text, free_name, lost

_HEAD: Final = "# Made from a workflow of Dagu. As there, steps have no time-out of their own."
_OF_PEOPLE: Final = frozenset({"name", "group", "type", "steps", "handler_on", "defaults", "shell", "schedule"})
_ELSEWHERE: Final = {
    "mail_on": "declare a `notifier`, and name it in `notify`",
    "error_mail": "declare a `notifier`, and name it in `notify`",
    "info_mail": "declare a `notifier`, and name it in `notify`",
    "smtp": "declare a `notifier`, and name it in `notify`",
    "hist_retention_days": "how long runs are kept is a setting of the program",
    "log_dir": "logs are kept beside the database",
    "queue": "limit what runs at once with `max_active_runs` or a `pool`",
    "dotenv": "set the variables where the program is started",
    "secrets": "name them with `secret(…)` in the `env` of tasks",
}
_OVERLAP: Final = {"skip": "skip", "all": "queue"}


def translate(text: str, timezone: str, *, name: str) -> Translation:
    """The documents of a file as dags; `name` is that of the first that has none. Times are in `timezone`. Raises
    `UntranslatableError` where it is no YAML."""
    found = list(documents(text))
    taken: set[str] = set()
    names = [(_own_name(document, name), document) for document in found]
    own = [(there, free_name(there, taken, "dag"), document) for there, document in names]
    known = {there: here for there, here, document in reversed(own) if _has_steps(document)}
    readers = [_Reader(document, timezone, here, known) for _, here, document in own]
    flows = [flow for reader in readers for flow in reader.flow()]
    remarks = [remark for reader in readers for remark in reader.remarks]
    parts = [_HEAD, *(flow_text(flow) for flow in flows)]
    return Translation("\n\n".join(parts) + "\n", len(flows), tuple(sorted(remarks, key=lambda each: each.line)))


def _has_steps(document: Node) -> bool:
    return isinstance(document.value, dict) and bool(document.value.get("steps", Node(1, None)).value)


def _own_name(document: Node, otherwise: str) -> str:
    if isinstance(document.value, dict) and "name" in document.value and document.value["name"].scalar:
        return document.value["name"].text() or otherwise
    return otherwise


@dataclass(slots=True)
class _Reader:
    document: Node
    timezone: str
    name: str
    known: dict[str, str]
    remarks: list[Remark] = field(default_factory=list)

    def flow(self) -> Iterator[Flow]:
        if not isinstance(self.document.value, dict) or not _has_steps(self.document):
            self.remarks.append(Remark(self.document.line, "this document has no steps", lost=True))
            return
        found = fields(self.document.value)
        flow = Flow(self.name, defaults={"timeout": "none"})
        scope = Scope()
        for key, node in found.items():
            if key == "params":
                self._params(flow, scope, node)
            elif key == "env":
                for problem, line in scope.add(node):
                    self._lose(flow, line, problem)
            elif key not in _OF_PEOPLE:
                self._setting(flow, scope, key, node)
        if "schedule" in found:
            self._schedule(flow, found["schedule"], gated="preconditions" in found or "precondition" in found)
        if scope.variables:
            flow.defaults["env"] = dict_text(scope.variables)
        reader = StepReader(flow, scope, self.known, self.remarks)
        reader.read(found)
        flow.params[:] = [param for name, param in scope.params.items() if name in scope.kept]
        yield flow

    def _lose(self, flow: Flow, line: int, message: str) -> None:
        self.remarks.append(Remark(line, message, lost=True))
        flow.comments.append(lost(message))

    def _setting(self, flow: Flow, scope: Scope, key: str, node: Node) -> None:
        match key:
            case "description":
                flow.doc = node.text().strip()
            case "tags" | "labels":
                flow.settings["tags"] = _tags(node)
            case "working_dir" | "work_dir":
                value = scope.expression(node.text())
                if value is None:
                    self._lose(flow, node.line, f"`{key}` runs a command; name the folder in `cwd`")
                else:
                    flow.defaults["cwd"] = value
            case "timeout_sec" if node.count is not None:
                if node.count:
                    flow.settings["run_timeout"] = duration_text(timedelta(seconds=node.count))
            case "max_active_runs" | "max_active_steps" if node.count:
                there = {"max_active_runs": "max_active_runs", "max_active_steps": "max_active_tasks"}
                flow.settings[there[key]] = str(node.count)
            case "overlap_policy" if node.text() in _OVERLAP:
                flow.settings["overlap"] = _OVERLAP[node.text()]
            case "catchup_window":
                flow.settings["catchup"] = "all"
                told = "`catchup_window` has no limit here: all due times are made up for"
                self.remarks.append(Remark(node.line, told))
            case "precondition" | "preconditions":
                self._lose(
                    flow, node.line, "a precondition of the whole dag; the dag has no schedule until you say how"
                )
            case _:
                hint = f"; {_ELSEWHERE[key]}" if key in _ELSEWHERE else ""
                self._lose(flow, node.line, f"`{key}`{hint}")

    def _params(self, flow: Flow, scope: Scope, node: Node) -> None:
        for problem, line in scope.add_params(node):
            self._lose(flow, line, problem)

    def _schedule(self, flow: Flow, node: Node, *, gated: bool) -> None:
        nodes = node.items()
        if isinstance(node.value, dict):
            starts = fields(node.value)
            for key, other in starts.items():
                if key != "start":
                    self._lose(flow, other.line, f"`{key}` of a schedule: here it starts runs, and no more")
            nodes = starts["start"].items() if "start" in starts else []
        crons, zones = [], set()
        for each in nodes:
            text, place = each.text().strip(), self.timezone
            if match := re.match(r"(?:CRON_TZ|TZ)=(\S+)\s+", text):
                text, place = text[match.end() :], match[1]
            problem = _wrong(text, place) if each.scalar else "a schedule is to be a cron expression"
            if problem:
                self._lose(flow, each.line, f"the schedule {text!r}: {problem}")
                continue
            crons.append(f"cron({string_text(text)})")
            zones.add(place)
        if len(zones) > 1:
            self._lose(flow, node.line, "schedules in several zones: a dag has one")
        elif crons and not gated:
            flow.settings["schedule"] = crons[0] if len(crons) == 1 else f"[{', '.join(crons)}]"
            flow.settings["timezone"] = string_text(zones.pop())


def _wrong(cron: str, place: str) -> str | None:
    fault = parse_cron(cron)
    if isinstance(fault, CronFault):
        return fault.message
    try:
        zone(place)
    except UnknownZoneError as error:
        return str(error)
    return None


def _tags(node: Node) -> str:
    if isinstance(node.value, dict):
        found = [f"{name}={value.text()}" for name, value in node.value.items()]
    elif isinstance(node.value, list):
        found = [each.text() for each in node.value if each.scalar]
    else:
        found = [tag.strip() for tag in node.text().split(",") if tag.strip()]
    return f"[{', '.join(map(string_text, dict.fromkeys(found)))}]"
