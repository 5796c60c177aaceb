"""Declarations of a file: what notifiers call, with which arguments; the defaults of templates' parameters."""

from __future__ import annotations

from ppacer import spec
from ppc.bodies import ResolvedArgument
from ppc.checks.arguments import Arguments
from ppc.checks.callables import report_callee
from ppc.checks.params import check_template
from ppc.definitions import Fault
from ppc.infer import Inference
from ppc.resolved import ResolvedFile
from ppc.typing_model import ANY, Type


class _Nowhere:
    """What is seen outside of dags: no task, no param."""

    def output(self, _task: str, /) -> Type:
        return ANY

    def param(self, _name: str, /) -> Type:
        return ANY

    def variable(self, _name: str, /) -> Type:
        return ANY

    def why_none(self, _expr: spec.Expr, /) -> str:
        return ""


def check(file: ResolvedFile, arguments: Arguments) -> None:
    scope = file.scope
    inference = Inference(_Nowhere(), scope.add)
    for template in file.templates:
        check_template(template, inference)
    for notifier in file.notifiers:
        call = notifier.decl.call
        if isinstance(notifier.callee, Fault):
            report_callee(scope, call.callee, notifier.callee, notifier.offset)
        given = [ResolvedArgument(syntax, value) for syntax, value in notifier.arguments]
        arguments.check(scope, call, notifier.callee, given, inference=inference)
