"""What only the worker can work out: values that depend on its environment and on secrets, and the task's folder."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from pathlib import Path

from ppacer import spec
from ppacer.core import codec
from ppacer.core.trace_ids import TRACEPARENT, traceparent
from ppacer.protocol import Assignment
from ppacer.services.worker_arguments import ArgumentError
from ppacer.services.worker_secrets import Secrets
from ppacer.trace_settings import trace_settings

NO_VARIABLES = "{}"
"""The variables of a task that has none of its own, as its assignment has them."""

_EXPRESSIONS = typing.get_args(spec.Expr)


class Surroundings:
    """What `env(…)` and `secret(…)` mean in one attempt.

    `environment` is the worker's own. Each secret is looked up once, and given to `disclose` before anything else.
    """

    def __init__(self, environment: Mapping[str, str], secrets: Secrets, disclose: Callable[[str], object]) -> None:
        self._environment = environment
        self._secrets = secrets
        self._disclose = disclose
        self._found: dict[str, str] = {}

    def value(self, value: object) -> object:
        """The value itself, or that of an expression. Raises `ArgumentError`, and what `Secrets.find` raises."""
        if not isinstance(value, _EXPRESSIONS):
            return value
        from ppacer.core.evaluate import EvaluationError, Scope, evaluate  # noqa: PLC0415 (few attempts need it)

        expression = typing.cast("spec.Expr", value)
        try:
            return evaluate(expression, Scope(env=self._environment.__getitem__, secret=self._secret))
        except EvaluationError as fault:
            raise ArgumentError(f"an argument has no value: {fault}") from None

    def variables(self, assignment: Assignment) -> dict[str, str | None]:
        """The task's environment variables; none for one that it shall not have. Raises as `value` does.

        Where traces are sent, the attempt's span is among them, unless the task has another one.
        """
        made: dict[str, str | None] = {}
        traces = trace_settings(self._environment)
        if traces is not None:
            made[TRACEPARENT] = traceparent(assignment.run.id, assignment.attempt, traces.share)
        if assignment.env == NO_VARIABLES:
            return made
        variables = codec.decode(assignment.env)
        assert isinstance(variables, dict)
        for name, given in variables.items():
            value = self.value(given)
            if value is None:
                made[name] = None
                continue
            made[name] = shown = _text(value)
            if "\0" in shown:
                raise ArgumentError(f"the environment variable {name} cannot hold a null character")
        return made

    def folder(self, assignment: Assignment, home: str) -> Path | None:
        """The task's folder, if it has one of its own; relative to the program's, `home`. Raises as `value` does."""
        if assignment.cwd is None:
            return None
        folder = Path(home, _text(self.value(codec.decode(assignment.cwd))))
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "does not exist"
            raise ArgumentError(f"the task's folder {what}: {folder}")
        return folder

    def _secret(self, name: str) -> str:
        if name not in self._found:
            secret = self._secrets.find(name)
            self._disclose(secret)
            self._found[name] = secret
        return self._found[name]


def _text(value: object) -> str:
    """A value as an f-string of the language shows it."""
    from ppacer.core.operators import text  # noqa: PLC0415 (few attempts need it)

    return text(value)
