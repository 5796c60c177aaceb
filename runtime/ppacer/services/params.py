"""The parameters of a run, from what a trigger gives."""

from __future__ import annotations

from collections.abc import Mapping

from ppacer import spec
from ppacer.core import codec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate
from ppacer.services.errors import InvalidTrigger


def params_json(dag: spec.Dag, given: Mapping[str, object]) -> str:
    """The JSON of a run's parameters: those given over the defaults. Raises `InvalidTrigger`."""
    declared = {param.name: param for param in dag.params}
    for name in given:
        if name not in declared:
            has = f"it has {', '.join(declared)}" if declared else "it has none"
            raise InvalidTrigger(f"dag {dag.id} has no parameter {name}; {has}")
    values: dict[str, object] = {}
    for name, param in declared.items():
        if name in given:
            values[name] = given[name]
        elif param.default is None:
            raise InvalidTrigger(f"dag {dag.id} needs a value for its parameter {name}")
        else:
            try:
                values[name] = evaluate(param.default, Scope())
            except EvaluationError as error:
                raise InvalidTrigger(f"the default of parameter {name} of dag {dag.id}: {error.message}") from error
    try:
        return codec.encode(values)
    except codec.CodecError as error:
        raise InvalidTrigger(f"the parameters of dag {dag.id} have no JSON: {error}") from error
