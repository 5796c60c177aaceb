"""Statements as templates, with places to fill in; each parses with the placeholders' own words."""

from __future__ import annotations

from typing import Final

from ppacer.records import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    """`text` is in the protocol's own notation: `${1:name}` is a place to fill in, `$0` where the cursor ends."""

    word: str
    text: str
    doc: str


FILE_SNIPPETS: Final = (
    Snippet("dag", "dag ${1:name} {\n  schedule = ${2:every(1h)}\n\n  $0\n}", "a dag with a schedule"),
    Snippet("template", "template ${1:name}(${2:table: str}) {\n  $0\n}", "a piece of a dag to be used again"),
    Snippet("let", "let ${1:name} = ${0:1}", "a constant"),
    Snippet("import", "import ${0:module}", "a Python module whose callables are named"),
    Snippet("from", "from ${1:module} import ${0:name}", "names of a Python module"),
    Snippet("include", 'include "${0:file.ppd}"', "the declarations of another file"),
    Snippet("notifier", "notifier ${1:name} = ${0:log()}", "who is told of failures"),
    Snippet("pool", "pool ${1:name} { slots = ${0:4} }", "how many tasks may use something at once"),
    Snippet("label", "label ${0:name}", "a label that executors may have"),
    Snippet("defaults", "defaults {\n  $0\n}", "settings of all tasks of the file"),
)
BODY_SNIPPETS: Final = (
    Snippet("task", 'task ${1:name} = ${0:shell("true")}', "one node: a call of a Python callable"),
    Snippet("group", "group ${1:name} {\n  $0\n}", "a named part"),
)
DAG_SNIPPETS: Final = (
    Snippet("param", 'param ${1:name}: ${2:str} = ${0:""}', "a parameter of a run"),
    Snippet("defaults", "defaults {\n  $0\n}", "settings of all tasks of the dag"),
    Snippet("on success", "on success {\n  $0\n}", "tasks for when all has succeeded"),
    Snippet("on failure", "on failure {\n  $0\n}", "tasks for when something has failed"),
    Snippet("finally", "finally {\n  $0\n}", "tasks that run at the very end, whatever happened"),
)
SCHEDULE_SNIPPETS: Final = (
    Snippet("cron", 'cron("${0:15 2 * * *}")', "at wall-clock times: minute, hour, day, month, day of the week"),
    Snippet("every", "every(${0:10m})", "again and again after so much time"),
)
VALUE_SNIPPETS: Final = (
    Snippet("env", 'env("${0:NAME}")', "a variable of the environment, read where the value is needed"),
    Snippet("secret", 'secret("${0:NAME}")', "a secret, looked up when the attempt starts and hidden everywhere"),
)
BACKOFF: Final = Snippet(
    "exponential", "exponential(initial = ${1:10s}, max = ${0:5m})", "a delay that grows from attempt to attempt"
)
