"""Airflow's dag files as `.ppd`: what they say, read without running them, and what cannot be said here.

A file is followed as far as its constants carry: `with DAG(…)`, `@dag` and `@task`, operators, task groups, loops over
constants, functions that make tasks, and the ways of ordering tasks. Dates are those of Airflow 3
(https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/timetable.html): a run has the time at
which it is due, not the begin of an interval before.
"""

from __future__ import annotations

import ast
from itertools import groupby
from operator import itemgetter

from ppc.airflow_flows import Flows
from ppc.airflow_statements import Statements
from ppc.translation import Translation, UntranslatableError, comment_lines, flow_text


def translate(text: str, timezone: str, *, module: str) -> Translation:
    """The dags of a file. Times whose zone is not named are in `timezone`; `module` is the name of the module that the
    functions of its tasks get. Raises `UntranslatableError` where the file is no Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UntranslatableError(f"line {error.lineno or 1}: this is no Python: {error.msg}") from error
    except ValueError as error:
        raise UntranslatableError(f"this is no Python: {error}") from error
    except (RecursionError, MemoryError) as error:  # the latter is how the parser says it
        raise UntranslatableError("this is nested too deeply to be read") from error
    read = Flows(text, tree, timezone, module)
    try:
        Statements(read).follow()
    except RecursionError as error:
        raise UntranslatableError("this is nested too deeply to be followed") from error
    parts = [_HEAD]
    if read.imports:
        by_place = groupby(sorted(read.imports), key=itemgetter(0))
        lines = [f"from {place} import {', '.join(name for _, name in pairs)}" for place, pairs in by_place]
        parts.append("\n".join(lines))
    parts += [f"pool {name} {{ slots = 1 }}" for name in sorted(read.pools.values())]
    parts += [flow_text(flow) if flow.items else "\n".join(comment_lines(flow.comments)) for flow in read.flows]
    remarks = tuple(sorted(set(read.remarks), key=lambda each: (each.line, each.message)))
    return Translation(
        "\n\n".join(parts) + "\n",
        sum(bool(flow.items) for flow in read.flows),
        remarks,
        read.functions.source("an Airflow file"),
    )


_HEAD = "# Made from a dag file of Airflow. As there, tasks have no time-out unless they say so."
