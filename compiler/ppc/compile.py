"""The stages between syntax and output in their order: resolve, configure, check, lower."""

from __future__ import annotations

import hashlib
import zoneinfo
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from ppacer import spec
from ppacer.core import codec
from ppacer.records import replace
from ppc import __version__, ast
from ppc.callables import CallableFinder
from ppc.checks import arguments, data, names, support
from ppc.checks import callables as callable_checks
from ppc.checks import graph as graph_checks
from ppc.configure import configure
from ppc.diagnostics import Diagnostic, has_errors, in_source_order
from ppc.graph import Graph, graph_of
from ppc.lower import callable_of, lower_dag
from ppc.resolve import ResolvedDag, ResolvedFile, resolve
from ppc.source import Source


def compile_program(
    name: str,
    files: Sequence[tuple[Source, ast.Module]],
    *,
    callables: CallableFinder,
    faults: Sequence[Diagnostic] = (),
    source_paths: Mapping[str, str] | None = None,
    search_path: Sequence[str] = (".",),
) -> tuple[spec.Program | None, tuple[Diagnostic, ...]]:
    """The program that the files make, or none if they have errors; and all faults, in source order.

    `faults` are those that parsing has found: they are part of the answer, and what only follows from them is not
    reported. `source_paths` gives each source's path, by `Source.path`, relative to the program as a POSIX path (the
    path as it is, where it has none); `search_path` the folders of the users' modules likewise.
    """
    found = list(faults)
    resolved = resolve(files, callables, found)
    graphs: list[tuple[ResolvedDag, Graph]] = []
    for file in resolved:
        configure(file)
        graphs += _check(file)
    if has_errors(found):
        return None, tuple(in_source_order(found))
    paths = source_paths or {}
    program = spec.Program(
        name=name,
        build="",
        compiler=__version__,
        dags=tuple(lower_dag(dag, graph) for dag, graph in graphs),
        callables=_callables(resolved),
        sources=tuple(_source(source, paths.get(source.path, source.path)) for source, _ in files),
        search_path=tuple(search_path),
        tzdata=_tzdata_version(),
    )
    build = hashlib.sha256(codec.encode(program).encode()).hexdigest()
    return replace(program, build=build), tuple(in_source_order(found))


def _check(file: ResolvedFile) -> list[tuple[ResolvedDag, Graph]]:
    names.check(file)
    support.check_file(file)
    callable_checks.check_imports(file)
    graphs: list[tuple[ResolvedDag, Graph]] = []
    for dag in file.dags:
        graph = graph_of(dag)
        graphs.append((dag, graph))
        support.check_dag(dag)
        graph_checks.check(dag, graph)
        data.check(dag)
        for task in dag.tasks.values():
            callable_checks.check_callee(file.scope, task)
            arguments.check(file.scope, task)
    return graphs


def _callables(files: Sequence[ResolvedFile]) -> tuple[spec.Callable, ...]:
    found = {callable_of(task).spec for file in files for dag in file.dags for task in dag.tasks.values()}
    return tuple(sorted(found, key=lambda found: found.id))


def _source(source: Source, path: str) -> spec.Source:
    return spec.Source(path, hashlib.sha256(source.text.encode()).hexdigest(), source.text)


def _tzdata_version() -> str:
    """The version of the zone data that `zoneinfo` reads: the system's where it has any, else the package's."""
    for folder in zoneinfo.TZPATH:
        if Path(folder, "UTC").exists():
            try:
                head = Path(folder, "tzdata.zi").read_text(encoding="utf-8").partition("\n")[0]
            except OSError:
                return "system"
            return head.removeprefix("# version ")
    return str(import_module("tzdata").IANA_VERSION)
