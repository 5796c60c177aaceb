"""Runs that tasks ask for: of a dag that there is, with params that it has, and not in a circle that waits for itself.

`run_dag` takes the name of a dag as a text like any other. Where that is known at build time, so is the dag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from ppacer import spec
from ppacer.records import dataclass
from ppc import ast
from ppc.bodies import ResolvedArgument, ResolvedTask
from ppc.callables import BUILT_IN_TASKS, FoundCallable
from ppc.checks.arguments import literal_instead, part_of
from ppc.checks.data import DagTypes
from ppc.checks.graph import cycles
from ppc.checks.params import param_type
from ppc.diagnostics import Diagnostic, Edit, Label
from ppc.graph import Graph
from ppc.infer import Inference
from ppc.layout import lay_out
from ppc.notation import string_text
from ppc.resolved import ResolvedDag, ResolvedProgram
from ppc.scopes import similar_help, slip_edit
from ppc.similar import Similar, is_slip
from ppc.typing_fits import AS_PARAM, Fits
from ppc.typing_model import words
from ppc.typing_outputs import Outputs

UNKNOWN_DAG = "E215"
CIRCLE = "E409"
UNKNOWN_PARAM = "E643"
MISSING_PARAM = "E644"
WRONG_PARAM = "E645"

CODES = {
    UNKNOWN_DAG: "a run of a dag that the program does not have",
    CIRCLE: "dags whose runs wait for each other",
    UNKNOWN_PARAM: "a run with a param that its dag does not have",
    MISSING_PARAM: "a run without a param that has no default",
    WRONG_PARAM: "a run with a param of a wrong type",
}

RUN_DAG = BUILT_IN_TASKS["run_dag"]
_MAY_NOT_RUN = frozenset({spec.Trigger.ALL_FAILED, spec.Trigger.ONE_FAILED})
_ON_OUTCOME = frozenset({spec.HandlerKind.SUCCESS, spec.HandlerKind.FAILURE})
_MOST_SHOWN = 12
"""Steps of a circle that are named; of a longer one the first and last."""


@dataclass(frozen=True, slots=True)
class _Link:
    """`task` of `dag` makes a run of `to` and waits for it: in every run that goes well, if it is `certain`."""

    dag: ResolvedDag
    task: ResolvedTask
    to: ResolvedDag
    named: ResolvedArgument
    certain: bool


def check(program: ResolvedProgram, graphs: Sequence[tuple[ResolvedDag, Graph]], outputs: Outputs) -> None:
    dags = {dag.decl.name.name: dag for file in program.files for dag in file.dags}
    similar = Similar(dags)
    fits = Fits(AS_PARAM)
    links: list[_Link] = []
    for dag, graph in graphs:
        asking = [task for task in (*dag.tasks.values(), *dag.sketches) if _asks(task)]
        if not asking:
            continue
        types = DagTypes(dag, outputs)
        certain = _certain(dag, graph)
        for task in asking:
            named = task.argument(0, "dag")
            if named is None or not isinstance(named.value, spec.Literal) or not isinstance(named.value.value, str):
                continue
            to = dags.get(named.value.value)
            if to is None:
                if not any(file.scope.may_declare(named.value.value) for file in program.files):
                    _unknown(task, named, named.value.value, similar)
                continue
            inference = types.at(task)
            if task.when is not None:
                inference.assume(task.when)
            _check_params(task, to, named, inference, fits)
            if dag.tasks.get(task.id) is task and dag.template is None and _waits(task):
                links.append(_Link(dag, task, to, named, task.id in certain))
    _check_circles(links)


def _asks(task: ResolvedTask) -> bool:
    return isinstance(task.callee, FoundCallable) and task.callee.spec.id == RUN_DAG


def _unknown(task: ResolvedTask, named: ResolvedArgument, name: str, dags: Similar) -> None:
    found = dags.to(name)
    syntax = named.syntax.value
    edit = None
    if found is not None and isinstance(syntax, ast.Constant) and is_slip(name, found):
        edit = Edit(syntax.span, string_text(found))
    task.scope.file.report(
        UNKNOWN_DAG,
        f"the program has no dag `{name}`",
        syntax.span,
        labels=task.labels(),
        help=similar_help(found, "dag") or "a run is of a dag of the same program: `include` the file that declares it",
        edit=edit,
    )


# --- params ----------------------------------------------------------------------------------------------------------


def _check_params(
    task: ResolvedTask, to: ResolvedDag, named: ResolvedArgument, inference: Inference, fits: Fits
) -> None:
    argument = task.argument(1, "params")
    if argument is None:
        _check_missing(task, to, named, ())
        return
    match argument.value:
        case spec.DictOf(pairs):
            given = {key.value: value for key, value in pairs if isinstance(key, spec.Literal)}
            if len(given) == len(pairs):
                _check_missing(task, to, named, tuple(given))
            _check_given(task, to, argument, given, inference=inference, fits=fits)
        case spec.Literal(None):
            _check_missing(task, to, named, ())


def _check_missing(task: ResolvedTask, to: ResolvedDag, named: ResolvedArgument, given: tuple[object, ...]) -> None:
    missing = [name for name, param in to.params.items() if param.decl.default is None and name not in given]
    if missing:
        what = "the param" if len(missing) == 1 else "the params"
        task.scope.file.report(
            MISSING_PARAM,
            f"a run of `{to.decl.name.name}` needs {what} {', '.join(f'`{name}`' for name in missing)}",
            named.syntax.value.span,
            labels=(Label(to.params[missing[0]].decl.span, "it has no default"), *task.labels()),
            help=f'give a value: `params = {{"{missing[0]}": …}}`',
        )


def _check_given(
    task: ResolvedTask,
    to: ResolvedDag,
    argument: ResolvedArgument,
    given: Mapping[spec.Constant, spec.Expr],
    *,
    inference: Inference,
    fits: Fits,
) -> None:
    syntax, file = argument.syntax.value, task.scope.file
    for name, value in given.items():
        if not isinstance(name, str):
            continue
        param = to.params.get(name)
        if param is None:
            if not to.scope.file.may_declare(name):
                key = _key(syntax, name)
                found = Similar(to.params).to(name)
                edit = slip_edit(key.span, string_text(name), None if found is None else string_text(found))
                file.report(
                    UNKNOWN_PARAM,
                    f"dag `{to.decl.name.name}` has no param `{name}`",
                    key.span,
                    labels=task.labels(),
                    help=similar_help(found, "param") or _has(to),
                    edit=edit if isinstance(key, ast.Constant) else None,
                )
            continue
        wanted = param_type(param.type)
        misfit = fits.misfit(inference.quietly(value), wanted)
        if misfit is not None:
            part, whole = part_of(syntax, (name, *misfit.path))
            instead = literal_instead(part, misfit.wanted) if whole else None
            file.add(
                Diagnostic(
                    WRONG_PARAM,
                    f"param `{name}` of dag `{to.decl.name.name}` takes {words(wanted)}",
                    part.span,
                    f"this {misfit.what}",
                    (Label(param.decl.span, "declared here"), *task.labels()),
                    help=misfit.help if instead is None else f"write `{instead}`",
                    edit=None if instead is None else Edit(part.span, instead),
                )
            )


def _key(syntax: ast.Expr, name: str) -> ast.Expr:
    """Where the name of a param is written; the whole argument where it is not written there."""
    pairs = syntax.items if isinstance(syntax, ast.DictLiteral) else ()
    return next((key for key, _ in pairs if isinstance(key, ast.Constant) and key.value == name), syntax)


def _has(dag: ResolvedDag) -> str:
    return f"it has {', '.join(f'`{name}`' for name in dag.params)}" if dag.params else "it has no params"


# --- circles ---------------------------------------------------------------------------------------------------------


def _waits(task: ResolvedTask) -> bool:
    """Whether it is known to wait for the run that it makes."""
    wait = task.argument(None, "wait")
    return wait is None or (isinstance(wait.value, spec.Literal) and wait.value.value is True)


def _certain(dag: ResolvedDag, graph: Graph) -> set[str]:
    """The tasks that each run comes to if all goes well: no condition, choice or list stands before them."""
    found: set[str] = set()
    for node in graph.layout.order:
        task = dag.tasks[graph.ids[node]]
        trigger = task.settings.get("trigger", spec.Trigger.ALL_SUCCESS)
        own = task.when is None and task.fan_out is None and trigger not in _MAY_NOT_RUN
        if own and task.handler not in _ON_OUTCOME and all(graph.ids[each] in found for each in graph.parents[node]):
            found.add(task.id)
    return found


def _check_circles(links: Sequence[_Link]) -> None:
    steps: dict[tuple[str, str], _Link] = {}
    for link in links:
        if link.dag is link.to:
            _check_itself(link)
        elif link.certain:
            steps.setdefault((link.dag.decl.name.name, link.to.decl.name.name), link)
    for circle in _circles(steps):
        _report([steps[step] for step in pairwise((*circle, circle[0]))])


def _check_itself(link: _Link) -> None:
    """A run that waits for another of its own dag: for one that cannot begin, or that waits for the next in turn."""
    name = link.dag.decl.name.name
    if link.certain:
        why = "every run of it would make another and wait for that: none would ever end"
    elif link.dag.settings.get("max_active_runs", 1) == 1:
        why = "only one run of it may be active at a time (`max_active_runs`), and that is the one that waits"
    else:
        return
    link.task.scope.file.report(
        CIRCLE,
        f"a run of dag `{name}` waits for a run of `{name}`",
        link.named.syntax.value.span,
        labels=link.task.labels(),
        notes=(why,),
        help="with `wait = false` it goes on without waiting" if not link.certain else "",
    )


def _circles(steps: Mapping[tuple[str, str], _Link]) -> Iterator[list[str]]:
    names = list(dict.fromkeys(name for step in steps for name in step))
    numbers = {name: number for number, name in enumerate(names)}
    parents: list[list[int]] = [[] for _ in names]
    children: list[list[int]] = [[] for _ in names]
    for one, other in steps:
        children[numbers[one]].append(numbers[other])
        parents[numbers[other]].append(numbers[one])
    for circle in cycles(Graph(names, parents, children, lay_out(parents, children))):
        yield [names[node] for node in circle]


def _report(circle: Sequence[_Link]) -> None:
    names = [link.dag.decl.name.name for link in circle]
    names.append(names[0])
    first, *rest = circle
    if len(circle) > _MOST_SHOWN:
        half = _MOST_SHOWN // 2
        names = [*names[:half], "…", *names[-half:]]
        rest = [*circle[1:half], *circle[-half:]]
    first.task.scope.file.add(
        Diagnostic(
            CIRCLE,
            f"runs of these dags wait for each other: {' -> '.join(names)}",
            first.named.syntax.value.span,
            _text(first),
            (
                *(Label(link.named.syntax.value.span, _text(link)) for link in rest),
                *(label for link in (first, *rest) for label in link.task.labels()),
            ),
            ("every run would make the next one and wait for it: none would ever end",),
            help="take one of these tasks out, or give it a `when`",
        )
    )


def _text(link: _Link) -> str:
    return f"a run of `{link.dag.decl.name.name}` waits for one of `{link.to.decl.name.name}`"
