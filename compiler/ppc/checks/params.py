"""Parameters of dags and templates: defaults and arguments of their types, values for what runs by itself."""

from __future__ import annotations

from ppacer import spec
from ppc import ast
from ppc.bodies import TemplateCall
from ppc.checks.arguments import literal_instead, part_of
from ppc.diagnostics import Diagnostic, Edit, Label, Span
from ppc.infer import Inference
from ppc.resolved import ResolvedDag
from ppc.scopes import FileScope, Template
from ppc.typing_fits import AS_IT_IS, Fits
from ppc.typing_model import (
    ANY,
    BOOL,
    DATE,
    DATETIME,
    DURATION,
    FLOAT,
    INT,
    STR,
    ListType,
    Type,
    literal,
    optional,
    union,
    words,
)

WRONG_DEFAULT = "E640"
NO_DEFAULT = "E641"
WRONG_ARGUMENT = "E642"

CODES = {
    WRONG_DEFAULT: "a default that is not of its parameter's type",
    NO_DEFAULT: "a scheduled dag with a param that has no default",
    WRONG_ARGUMENT: "an argument that is not of the type of the template's parameter",
}

_KINDS: dict[spec.ParamKind, Type] = {
    spec.ParamKind.STR: STR,
    spec.ParamKind.INT: INT,
    spec.ParamKind.FLOAT: FLOAT,
    spec.ParamKind.BOOL: BOOL,
    spec.ParamKind.DATE: DATE,
    spec.ParamKind.DATETIME: DATETIME,
    spec.ParamKind.DURATION: DURATION,
    spec.ParamKind.JSON: ANY,
}
_FITS = Fits(AS_IT_IS)


def param_type(declared: spec.ParamType | None) -> Type:
    """What values of a param are; `ANY` where its type is at fault."""
    if declared is None:
        return ANY
    match declared.kind:
        case spec.ParamKind.LIST:
            found: Type = ListType(param_type(declared.of))
        case spec.ParamKind.CHOICE:
            found = union(literal(choice) for choice in declared.choices)
        case kind:
            found = _KINDS[kind]
    return optional(found) if declared.optional else found


def check_params(dag: ResolvedDag, inference: Inference) -> None:
    file = dag.scope.file
    schedule = next((i for i in dag.decl.body if isinstance(i, ast.Setting) and i.name.name == "schedule"), None)
    for param in dag.params.values():
        decl = param.decl
        if param.default is not None and decl.default is not None:
            found = inference.type_of(param.default, decl.default)
            what = f"param `{decl.name.name}`"
            _check_fit(file, decl.default, found, param.type, code=WRONG_DEFAULT, what=what)
        elif decl.default is None and schedule is not None:
            none = param.type is not None and param.type.optional
            file.add(
                Diagnostic(
                    NO_DEFAULT,
                    f"a run that the schedule makes has no value for `{decl.name.name}`",
                    decl.name.span,
                    labels=(Label(schedule.name.span, "the dag runs by itself"),),
                    help="give it a default: `= none`" if none else "give it a default: `= …`",
                    edit=Edit(Span(decl.span.file, decl.type.span.end, decl.type.span.end), " = none")
                    if none
                    else None,
                )
            )


def check_template(template: Template, inference: Inference) -> None:
    for parameter in template.parameters.values():
        decl = parameter.decl
        if parameter.default is not None and decl.default is not None:
            found = inference.type_of(parameter.default, decl.default)
            what = f"`{decl.name.name}` of template `{template.name.name}`"
            _check_fit(template.file, decl.default, found, parameter.type, code=WRONG_DEFAULT, what=what)


def check_template_call(call: TemplateCall, inference: Inference) -> None:
    """The arguments of one use of a template."""
    for bound in call.arguments:
        if bound.argument is not None and bound.value.value is not None:
            found = inference.type_of(bound.value.value, bound.argument.value)
            name = bound.parameter.decl.name.name
            what = f"`{name}` of template `{call.template.decl.name.name}`"
            labels = (Label(bound.parameter.decl.span, "declared here"),)
            _check_fit(
                call.scope.file,
                bound.argument.value,
                found,
                bound.parameter.type,
                code=WRONG_ARGUMENT,
                what=what,
                labels=labels,
            )


def _check_fit(
    file: FileScope,
    syntax: ast.Expr,
    found: Type,
    declared: spec.ParamType | None,
    *,
    code: str,
    what: str,
    labels: tuple[Label, ...] = (),
) -> None:
    wanted = param_type(declared)
    misfit = _FITS.misfit(found, wanted)
    if misfit is None:
        return
    part, whole = part_of(syntax, misfit.path)
    instead = literal_instead(part, misfit.wanted) if whole else None
    asked = "" if misfit.wanted is None or not misfit.path else f", {words(misfit.wanted)} is wanted"
    file.add(
        Diagnostic(
            code,
            f"{what} takes {words(wanted)}",
            part.span,
            f"this {misfit.what}{asked}",
            labels,
            help=misfit.help if instead is None else f"write `{instead}`",
            edit=None if instead is None else Edit(part.span, instead),
        )
    )
