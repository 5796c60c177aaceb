"""The arguments of `group id = template(arguments)`, matched with the template's parameters as Python matches them."""

from __future__ import annotations

from ppc import ast
from ppc.bodies import BodyScope
from ppc.checks.arguments import MISSING_ARGUMENT, REPEATED_ARGUMENT, TOO_MANY_ARGUMENTS, UNKNOWN_ARGUMENT
from ppc.diagnostics import Label
from ppc.scopes import Template, similar_help, slip_edit
from ppc.similar import Similar


def match_template(call: ast.Call, template: Template, scope: BodyScope) -> dict[str, ast.Argument]:
    """The argument for each parameter that gets one; what does not match is reported."""
    report, name = scope.file.report, call.callee.text
    parameters = template.parameters
    takes = Label(call.callee.span, f"takes ({', '.join(_shown(each.decl) for each in parameters.values())})")
    positional = [argument for argument in call.arguments if argument.name is None]
    given = dict(zip(parameters, positional, strict=False))
    if len(positional) > len(parameters):
        count = f"{len(parameters)} argument{'' if len(parameters) == 1 else 's'}"
        message = f"the template `{name}` takes {count}, {len(positional)} are given"
        report(TOO_MANY_ARGUMENTS, message, positional[len(parameters)].span, labels=(takes,))
    for argument in call.arguments:
        if argument.name is None:
            continue
        word = argument.name
        if word.name not in parameters:
            message = f"the template `{name}` takes no argument `{word.name}`"
            similar = Similar(parameters).to(word.name)
            edit = slip_edit(word.span, word.name, similar)
            way_out = similar_help(similar, "parameter")
            report(UNKNOWN_ARGUMENT, message, word.span, labels=(takes,), help=way_out, edit=edit)
        elif word.name in given:
            labels = (Label(given[word.name].span, "given first here"),)
            report(REPEATED_ARGUMENT, f"the argument `{word.name}` is given twice", word.span, labels=labels)
        else:
            given[word.name] = argument
    missing = [each for each, of in parameters.items() if each not in given and of.decl.default is None]
    if missing:
        names = ", ".join(f"`{each}`" for each in missing)
        what = "the argument" if len(missing) == 1 else "the arguments"
        report(MISSING_ARGUMENT, f"the template `{name}` lacks {what} {names}", call.span, labels=(takes,))
    return given


def _shown(parameter: ast.Parameter) -> str:
    return f"{parameter.name.name}{'' if parameter.default is None else ' = …'}"
