"""The stages between syntax and output in their order: analyse, lower."""

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
from ppc.analyse import Analysis, analyse
from ppc.callables import CallableFinder
from ppc.diagnostics import Diagnostic
from ppc.includes import Files, Reader, gather, no_others
from ppc.lower import lower_callables, lower_dag, lower_labels, lower_notifiers, lower_pools
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
) -> tuple[spec.Program | None, tuple[Diagnostic, ...]]:
    """`compile_files`, for files of which nobody needs to know before what they include, which `read` gives."""
    return compile_files(
        name,
        gather(files, read, faults),
        callables=callables,
        source_paths=source_paths,
        search_path=search_path,
    )


def compile_files(
    name: str,
    files: Files,
    *,
    callables: CallableFinder,
    source_paths: Mapping[str, str] | None = None,
    search_path: Sequence[str] = (".",),
) -> tuple[spec.Program | None, tuple[Diagnostic, ...]]:
    """The program that the files make, or none if they have errors; and all faults, in source order.

    For the faults see `analyse`, for the program `produce`.
    """
    analysis, found = analyse(files, callables)
    if analysis is None:
        return None, found
    return produce(name, analysis, source_paths or {}, search_path), found


def produce(name: str, analysis: Analysis, source_paths: Mapping[str, str], search_path: Sequence[str]) -> spec.Program:
    """The program that sound files make.

    `source_paths` gives each source's path, by `Source.path`, relative to the program as a POSIX path (the path as it
    is, where it has none); `search_path` the folders of the users' modules likewise.
    """
    resolved = analysis.program
    sources = [file.source for file in analysis.files.files]
    made = spec.Program(
        name=name,
        build="",
        compiler=__version__,
        dags=tuple(lower_dag(dag, graph) for dag, graph in analysis.dags),
        callables=lower_callables(resolved),
        sources=tuple(_source(source, source_paths.get(source.path, source.path)) for source in sources),
        search_path=tuple(search_path),
        notifiers=lower_notifiers(resolved),
        pools=lower_pools(resolved),
        labels=lower_labels(resolved),
        tzdata=_tzdata_version(),
    )
    build = hashlib.sha256(codec.encode(made).encode()).hexdigest()
    return replace(made, build=build)


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
