"""What one version of a dag changed in the one before: pure functions over two builds.

Places in the source and in the picture do not count: only what a task does, when, and how.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ppacer import spec
from ppacer.core import codec
from ppacer.core.model import BuildRow, DagVersion
from ppacer.web.dag_messages import CodeView, TaskChange, TaskCode, VersionDetail, VersionView
from ppacer.web.describe import place_text
from ppacer.web.messages import Json
from ppacer.web.views import time_text

CODE = "code"
"""What has changed where a task's Python is other than before, its name being the same."""

_PLACES = frozenset({"at", "settings_at", "x", "y"})
_NOT_SETTINGS = frozenset({codec.TAG, "id", "tasks", "groups", "children"})
_WORDS = {"parents": "after", "fan_out": "members"}


@dataclass(frozen=True, slots=True)
class Version:
    """A dag's version with its build; `program` is none where this version of ppacer cannot read it."""

    row: DagVersion
    compiler: str
    program: spec.Program | None

    @property
    def dag(self) -> spec.Dag | None:
        dags = self.program.dags if self.program is not None else ()
        return next((dag for dag in dags if dag.id == self.row.dag), None)


def version_of(row: DagVersion, build: BuildRow | None) -> Version:
    if build is None:
        return Version(row, "", None)
    try:
        return Version(row, build.compiler, codec.decode_as(spec.Program, build.spec))
    except codec.CodecError:
        return Version(row, build.compiler, None)


def version_view(version: Version, before: Version | None) -> VersionView:
    """The version, and what it changed in `before`; nothing where there is none or one of them cannot be read."""
    made = VersionView(version.row.build, time_text(version.row.at), version.compiler, first=before is None)
    new, old = version.dag, before.dag if before is not None else None
    if before is None or new is None or old is None:
        return made
    assert version.program is not None
    assert before.program is not None
    tasks, older = _outlines(new, version.program), _outlines(old, before.program)
    changes = ((task, _differing(older[task], outline)) for task, outline in tasks.items() if task in older)
    return VersionView(
        build=made.build,
        at=made.at,
        compiler=made.compiler,
        first=False,
        added=tuple(task for task in tasks if task not in older),
        removed=tuple(task for task in older if task not in tasks),
        changed=tuple(TaskChange(task, what) for task, what in changes if what),
        settings=_differing(_named(codec.encode(old)), _named(codec.encode(new))),
    )


def version_detail(version: Version, before: Version | None) -> VersionDetail:
    dag, program = version.dag, version.program
    if dag is None or program is None:
        return VersionDetail(version_view(version, before), ())
    callables = {callable_.id: callable_ for callable_ in program.callables}
    tasks = []
    for task in dag.tasks:
        found = callables.get(task.callable)
        code = found.code if found is not None else None
        tasks.append(
            TaskCode(
                id=task.id,
                callable=task.callable,
                at=place_text(program, task.at),
                hash=found.hash if found is not None else "",
                code=None if code is None else CodeView(code.path, code.line, code.text),
            )
        )
    source = program.sources[dag.at.file] if dag.at.file < len(program.sources) else None
    return VersionDetail(
        version=version_view(version, before),
        tasks=tuple(tasks),
        source=None if source is None else CodeView(source.path, 1, source.text),
    )


def _outlines(dag: spec.Dag, program: spec.Program) -> dict[str, dict[str, Json]]:
    """What counts of each task, by the name of what it is."""
    hashes = {callable_.id: callable_.hash for callable_ in program.callables}
    outlines = {}
    for task in dag.tasks:
        tree = outlines[task.id] = _named(codec.encode(task))
        tree["arguments"] = [tree.pop("args", []), tree.pop("kwargs", [])]
        tree[CODE] = hashes.get(task.callable, "")
    return outlines


def _named(text: str) -> dict[str, Json]:
    tree: dict[str, Json] = _placeless(json.loads(text))
    return {_WORDS.get(name, name): value for name, value in tree.items() if name not in _NOT_SETTINGS}


def _placeless(tree: Json) -> Json:
    if isinstance(tree, dict):
        return {name: _placeless(value) for name, value in tree.items() if name not in _PLACES}
    if isinstance(tree, list):
        return [_placeless(item) for item in tree]
    return tree


def _differing(old: dict[str, Json], new: dict[str, Json]) -> tuple[str, ...]:
    """The names of what differs, in the order of the alphabet; another callable says all about its code."""
    names = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if "callable" in names:
        names.discard(CODE)
    return tuple(sorted(names))
