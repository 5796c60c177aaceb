"""What is offered at a cursor, shown as `|`; the rest of the line is as broken as it is while one types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from ppc.callables import BUILT_IN_TASKS
from ppc.lsp import snippets
from ppc.lsp.completion import complete
from ppc.lsp.session import Session
from ppc.lsp.workspace import Workspace
from ppc.parse import parse
from ppc.source import Source
from tests.lsp.conftest import SHOP
from tests.lsp.editor import Editor, place

HEAD = """include "common.ppd"
import shop
from shop import clean as tidy_up

let days = 3
template copy(table: str) { task dump = shop.extract(table) }

dag sales {
  param full: bool = false
  task raw[region in regions] = shop.extract(region)
  task tidy = shop.clean(raw["eu"])
  group copies = copy("x")
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("completion")
    (folder / "shop.py").write_text(SHOP)
    (folder / "common.ppd").write_text('let regions = ["eu"]\npool warehouse { slots = 2 }\nlabel gpu\n')
    return Session(Workspace([str(folder)]))


def offered(session: Session, text: str) -> list[str]:
    """The labels at the cursor of a text that follows `HEAD`."""
    whole = text if text.startswith(("^", "import", "from", "include")) else HEAD + text
    before, _, after = whole.removeprefix("^").partition("|")
    [folder] = session.workspace._folders
    uri = Path(folder, "typed.ppd").as_uri()
    session.open(uri, before + after, 1)
    position = lsp.Position(before.count("\n"), len(before.rpartition("\n")[2]))
    return [item.label for item in complete(session, uri, position)]


CASES = [
    ("^|", ["dag", "import", "pool"], ["task", "retries"]),
    ("^da|", ["dag"], ["task"]),
    ("  |", ["task", "group", "param", "finally", "schedule", "timezone", "tidy"], ["retries", "import"]),
    ("  task a = |", ["shop", "tidy_up", "print", "shell"], ["copy", "tidy"]),
    ("  task a = shop.|", ["extract", "clean", "report"], ["print", "tidy"]),
    ("  task a = shop.extract(|", ["region = ", "day = ", "full = ", "days", "tidy", "params"], ["schedule"]),
    ("  task a = shop.extract(region = 1, |)", ["day = ", "full = "], ["region = "]),
    ("  task a = shop.extract(params.|)", ["full"], ["days", "day = "]),
    ("  task a = shop.extract(run.|", ["date", "scheduled_at"], ["full", "attempt"]),
    ("  task a = shop.extract(task.|", ["id", "attempt"], ["date"]),
    ("  task a[day in da|] = print(1)", ["days", "regions"], []),
    ("  task a[day in days] = print(da|", ["day", "days"], []),
    ("  task a = print(1) when ru|", ["run", "params"], []),
    ("  group g = |", ["copy"], ["shop", "print"]),
    ("  tidy -> |", ["raw", "copies"], ["days", "region"]),
    ("  tidy -> copies.|", ["dump"], ["raw"]),
    ("  task a = print(1) { | }", ["retries", "timeout", "after", "pool"], ["schedule", "task"]),
    ("  task a = print(1) { retries = 1, |", ["timeout"], ["retries"]),
    ("  task a = print(1) { pool = |", ["warehouse"], ["gpu", "days"]),
    ("  task a = print(1) { runs_on = |", ["gpu"], ["warehouse"]),
    ("  task a = print(1) { trigger = |", ["all_done", "one_failed"], ["days"]),
    ("  task a = print(1) { alert_on = [failure, |", ["retry"], ["days"]),
    ("  task a = print(1) { after = |", ["tidy"], ["days"]),
    ("  task a = print(1) { backoff = |", ["exponential"], []),
    ("  defaults { | }", ["retries"], ["after", "doc", "schedule"]),
    ("  schedule = |", ["cron", "every"], ["tidy"]),
    ("  catchup = |", ["latest", "none"], ["days"]),
    ('  timezone = "Europe/Wa|', ["Europe/Warsaw", "UTC"], ["dag"]),
    ("  param p: |", ["str", "duration", "choice"], ["tidy"]),
    ("  # a task | ", [], ["task", "retries"]),
    ('  task a = print("re|', [], ["regions", "retries"]),
    ("import |", ["shop"], ["dag"]),
    ("from shop import |", ["extract", "clean"], ["dag"]),
    ("from sh|", ["shop"], []),
    ('include "|', ["common.ppd"], ["dag"]),
]


@pytest.mark.parametrize(("text", "wanted", "unwanted"), CASES, ids=[case[0].strip() for case in CASES])
def test_what_is_offered(session: Session, text: str, wanted: list[str], unwanted: list[str]) -> None:
    found = offered(session, text)
    assert [each for each in wanted if each not in found] == []
    assert [each for each in unwanted if each in found] == []


def test_every_built_in_task_is_offered(session: Session) -> None:
    assert set(BUILT_IN_TASKS) <= set(offered(session, "  task a = |"))


def snippet_cases() -> list[tuple[str, str]]:
    inside = (*snippets.BODY_SNIPPETS, *snippets.DAG_SNIPPETS)
    found = [(each.word, f"{each.text}\n") for each in snippets.FILE_SNIPPETS]
    found += [(each.word, f"dag d {{\n{each.text}\n}}\n") for each in inside]
    found += [(each.word, f"dag d {{\nschedule = {each.text}\n}}\n") for each in snippets.SCHEDULE_SNIPPETS]
    found += [(each.word, f"dag d {{\ntask t = print({each.text})\n}}\n") for each in snippets.VALUE_SNIPPETS]
    return [*found, ("backoff", f"defaults {{ backoff = {snippets.BACKOFF.text} }}\n")]


@pytest.mark.parametrize(("word", "text"), snippet_cases(), ids=[word for word, _ in snippet_cases()])
def test_a_snippet_parses_as_it_is_filled_in(word: str, text: str) -> None:
    filled = re.sub(r"\$\{\d:([^}]*)\}", r"\1", text).replace("$0", "task x = print(1)" if "task" not in text else "")
    filled = "defaults { retries = 1 }\n" if filled.startswith("defaults {\n") else filled
    assert parse(Source("snippet.ppd", filled))[1] == () or word == "defaults"


def test_a_callable_is_described_when_it_is_chosen(editor: Editor) -> None:
    text = "import shop\ndag chosen {\n  task a = shop.\n}\n"
    editor.open("chosen.ppd", text)
    found = editor.ask("completion", "chosen.ppd", position=place(text, "shop.", after=True, nth=0))
    [item] = [each for each in found if each["label"] == "extract"]
    described = editor.request("completionItem/resolve", item)
    assert "Loads the orders of a region." in described["documentation"]["value"]
