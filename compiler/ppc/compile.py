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
from ppc.checks.every import check_program
from ppc.configure import configure
from ppc.diagnostics import Diagnostic, has_errors, in_source_order
from ppc.graph import Graph, graph_of
from ppc.includes import Files, Reader, gather, no_others
from ppc.link import link
from ppc.lower import lower_callables, lower_dag, lower_labels, lower_notifiers, lower_pools
from ppc.resolve import resolve
from ppc.resolved import ResolvedDag
from ppc.source import Source


def compile_program(
    name: str,
    files: Sequence[tuple[Source, ast.Module]],
    *,
    callables: CallableFinder,
    faults: Sequence[Diagnostic] = (),
    read: Reader = no_others,
    source_paths: Mapping[str, str] | None = None,
    search_path: Sequence[str] = (".",),
    support: bool = True,
) -> tuple[spec.Program | None, tuple[Diagnostic, ...]]:
    """`compile_files`, for files of which nobody needs to know before what they include, which `read` gives."""
    return compile_files(
        name,
        gather(files, read, faults),
        callables=callables,
        source_paths=source_paths,
        search_path=search_path,
        support=support,
    )


def compile_files(
    name: str,
    files: Files,
    *,
    callables: CallableFinder,
    source_paths: Mapping[str, str] | None = None,
    search_path: Sequence[str] = (".",),
    support: bool = True,
) -> tuple[spec.Program | None, tuple[Diagnostic, ...]]:
    """The program that the files make, or none if they have errors; and all faults, in source order.

    The faults of syntax are part of the answer, and what only follows from them is not reported. `source_paths` gives
    each source's path, by `Source.path`, relative to the program as a POSIX path (the path as it is, where it has
    none); `search_path` the folders of the users' modules likewise. Without `support` a program is made even if the
    runtime cannot carry out all of it.
    """
    program = resolve(files, callables)
    configure(program)
    graphs = [_drawn(dag) for dag in program.all_dags]
    check_program(program, graphs, callables, supported_only=support)
    found = program.faults
    if has_errors(found):
        return None, tuple(in_source_order(found))
    paths = source_paths or {}
    made = spec.Program(
        name=name,
        build="",
        compiler=__version__,
        dags=tuple(lower_dag(dag, graph) for dag, graph in graphs if dag.template is None),
        callables=lower_callables(program),
        sources=tuple(_source(file.source, paths.get(file.source.path, file.source.path)) for file in files.files),
        search_path=tuple(search_path),
        notifiers=lower_notifiers(program),
        pools=lower_pools(program),
        labels=lower_labels(program),
        tzdata=_tzdata_version(),
    )
    build = hashlib.sha256(codec.encode(made).encode()).hexdigest()
    return replace(made, build=build), tuple(in_source_order(found))


def _drawn(dag: ResolvedDag) -> tuple[ResolvedDag, Graph]:
    link(dag)
    return dag, graph_of(dag)


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
