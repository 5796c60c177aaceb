"""The stages that find faults, in their order: resolve, configure, check. What they leave is ready to be lowered."""

from __future__ import annotations

from ppacer.records import dataclass
from ppc.callables import CallableFinder
from ppc.checks.every import check_program
from ppc.configure import configure
from ppc.diagnostics import Diagnostic, has_errors, in_source_order
from ppc.graph import Graph, graph_of
from ppc.includes import Files
from ppc.link import link
from ppc.resolve import resolve
from ppc.resolved import ResolvedDag, ResolvedProgram


@dataclass(frozen=True, slots=True)
class Analysis:
    """Files without errors. `dags` are those of the program, without the bodies of templates that nobody uses."""

    files: Files
    program: ResolvedProgram
    dags: list[tuple[ResolvedDag, Graph]]

    @property
    def task_count(self) -> int:
        return sum(len(graph.ids) for _, graph in self.dags)


@dataclass(frozen=True, slots=True)
class Examination:
    """What files mean as far as they are sound, with all of their faults in source order: an editor asks for this."""

    program: ResolvedProgram
    graphs: list[tuple[ResolvedDag, Graph]]
    found: tuple[Diagnostic, ...]


def examine(files: Files, callables: CallableFinder) -> Examination:
    """What the files mean, and all faults.

    The faults of syntax are part of the answer, and what only follows from them is not reported.
    """
    program = resolve(files, callables)
    configure(program)
    graphs = [_drawn(dag) for dag in program.all_dags]
    check_program(program, graphs, callables)
    return Examination(program, graphs, tuple(in_source_order(program.faults)))


def analyse(files: Files, callables: CallableFinder) -> tuple[Analysis | None, tuple[Diagnostic, ...]]:
    """`examine`, for who needs the program of files without errors alone: none if they have any."""
    examined = examine(files, callables)
    if has_errors(examined.found):
        return None, examined.found
    dags = [(dag, graph) for dag, graph in examined.graphs if dag.template is None]
    return Analysis(files, examined.program, dags), examined.found


def _drawn(dag: ResolvedDag) -> tuple[ResolvedDag, Graph]:
    link(dag)
    return dag, graph_of(dag)
