"""What an editor offers to do: a constant becomes a `let`, an order an edge, and what is missing is supplied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import Editor, apply, edits_of, range_of

HEAD = "from shop import extract, clean, report\n\n"
DAG = HEAD + "dag d {{\n  task raw = extract({})\n{}}}\n"


def offered(editor: Editor, name: str, text: str, part: str, nth: int = 0) -> dict[str, dict[str, Any]]:
    """The actions for a part of a text, by their titles."""
    editor.open(name, text)
    found = editor.ask("codeAction", name, range=range_of(text, part, nth=nth), context={"diagnostics": []})
    return {action["title"]: action for action in found}


def done(editor: Editor, name: str, text: str, part: str, title: str, nth: int = 0) -> str:
    """The text after an action; what it makes has no fault that was not there."""
    before = {each["code"] for each in editor.open(name, text)}
    action = offered(editor, name, text, part, nth)[title]
    after = apply(text, edits_of(action, editor.uri(name)))
    assert {each["code"] for each in editor.open(name, after)} <= before
    return after


@pytest.mark.parametrize(
    ("argument", "part", "name"),
    [
        ('"eu"', '"eu"', "value"),
        ('"eu", day = "mon" + "day"', '"mon" + "day"', "day"),
        ('"eu", day = f"{1 + 2}"', 'f"{1 + 2}"', "day"),
        ('"eu", full = not false', "not false", "full"),
        ('"eu"', "3", "retries"),
    ],
)
def test_a_constant_becomes_a_let(editor: Editor, argument: str, part: str, name: str) -> None:
    text = DAG.format(argument, "  task sent = report(raw) { retries = 3 }\n")
    after = done(editor, "lets.ppd", text, part, f"Extract `let {name}`")
    assert f"report\n\nlet {name} = {part}\n\ndag d" in after
    assert after.count(part) == 1


def test_a_let_is_put_behind_the_others_and_has_a_name_of_its_own(editor: Editor) -> None:
    text = HEAD + 'let day = "mon"\n\ndag d {\n  task raw = extract("eu", day = day + "day")\n}\n'
    after = done(editor, "others.ppd", text, 'day + "day"', "Extract `let day_2`")
    assert 'let day = "mon"\nlet day_2 = day + "day"\n' in after
    assert "day = day_2)" in after


@pytest.mark.parametrize("part", ["run.date", "raw", "extract", "params.day", "dag"])
def test_what_is_no_constant_becomes_no_let(editor: Editor, part: str) -> None:
    text = DAG.format('f"{run.date}", day = params.day', '  param day: str = "x"\n  task sent = report(raw)\n')
    titles = offered(editor, "none.ppd", text, part, nth=text[len(HEAD) :].startswith(part) and 0)
    assert not [title for title in titles if title.startswith("Extract")]


@pytest.mark.parametrize(
    ("written", "part", "edge", "expected"),
    [
        ("task sent = report(raw)", "raw", "raw -> sent", "task sent = report(raw)\n  raw -> sent\n"),
        ("task sent = report(raw) { after = raw }", "after", "raw -> sent", "task sent = report(raw)\n  raw -> sent\n"),
        (
            "task sent = report(raw) {\n    after = [raw]\n    retries = 1\n  }",
            "after",
            "[raw] -> sent",
            "task sent = report(raw) {\n    retries = 1\n  }\n  [raw] -> sent\n",
        ),
        (
            "task sent = report(raw) { retries = 1, after = raw }",
            "after",
            "raw -> sent",
            "task sent = report(raw) { retries = 1 }\n  raw -> sent\n",
        ),
        (
            'task each[x in ["a", "b"]] = extract(x)\n  task sent = report(each["a"])',
            'each["a"]',
            'each["a"] -> sent',
            'task sent = report(each["a"])\n  each["a"] -> sent\n',
        ),
    ],
)
def test_an_order_becomes_an_edge(editor: Editor, written: str, part: str, edge: str, expected: str) -> None:
    text = DAG.format('"eu"', f"  {written}\n")
    last = text.count(part) - 1
    assert expected in done(editor, "edges.ppd", text, part, f"Write the edge `{edge}`", nth=last)


def test_an_edge_that_is_there_is_not_offered(editor: Editor) -> None:
    text = DAG.format('"eu"', "  task sent = report(raw)\n  raw -> sent\n")
    assert not [title for title in offered(editor, "there.ppd", text, "raw)") if "edge" in title]


@pytest.mark.parametrize(
    ("call", "title", "expected"),
    [
        ("extract()", "Add `region`", 'extract(region = "")'),
        ("extract(full = true)", "Add `region`", 'extract(full = true, region = "")'),
        ("clean()", "Add `rows`", "clean(rows = [])"),
    ],
)
def test_a_missing_argument_is_added(editor: Editor, call: str, title: str, expected: str) -> None:
    text = HEAD + f"dag d {{\n  task t = {call}\n}}\n"
    assert expected in done(editor, "arguments.ppd", text, call, title)


@pytest.mark.parametrize(
    ("head", "call", "line"),
    [
        ("", "extract(params.where)", "  param where: str\n"),
        ("  param other: int = 1\n", "extract(params.where)", "  param other: int = 1\n  param where: str\n"),
        ('  """Doc."""\n', 'extract("eu", full = params.all)', '  """Doc."""\n  param all: bool\n'),
    ],
)
def test_a_missing_param_is_added(editor: Editor, head: str, call: str, line: str) -> None:
    text = HEAD + f"dag d {{\n{head}  task t = {call}\n}}\n"
    title = f"Add `{line.splitlines()[-1].strip()}`"
    assert f"dag d {{\n{line}  task t" in done(editor, "params.ppd", text, "params.", title)


def test_a_missing_function_is_created_with_the_types_of_its_arguments(editor: Editor, project: Path) -> None:
    text = (
        'import shop\n\ndag d {\n  param day: date = run.date\n  task raw = shop.extract("eu")\n'
        '  task made = shop.count(raw, params.day, limit = 3, names = ["a"])\n  task said = print(made)\n}\n'
    )
    action = offered(editor, "created.ppd", text, "count")["Create the function `count` in `shop`"]
    module = (project / "shop.py").read_text(encoding="utf-8")
    after = apply(module, edits_of(action, editor.uri("shop.py")))
    assert "from datetime import date\n" in after
    assert after.endswith(
        "\n\n\ndef count(raw: list[int], day: date, *, limit: int, names: list[str]) -> object:\n"
        '    raise NotImplementedError("count")\n'
    )
    compile(after, "shop.py", "exec")


def test_a_missing_module_is_created(tmp_path: Path) -> None:
    text = 'from stock import send\n\ndag d {\n  task sent = send(text = "x")\n}\n'
    operations = {"workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]}}
    with Editor(tmp_path, workspace=operations) as editor:
        action = offered(editor, "new.ppd", text, "stock")["Create the function `send` in `stock`"]
        made, written = action["edit"]["documentChanges"]
    assert (made["kind"], made["uri"]) == ("create", (tmp_path / "stock.py").as_uri())
    assert written["edits"][0]["newText"].startswith("def send(text: str) -> None:\n")


def test_an_editor_that_makes_no_files_is_not_asked_to(editor: Editor) -> None:
    text = 'from stock import send\n\ndag d {\n  task sent = send(text = "x")\n}\n'
    assert not [title for title in offered(editor, "unmade.ppd", text, "stock") if title.startswith("Create")]
