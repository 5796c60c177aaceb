"""What is shown beside the text: parameters, hints, colours, and the graph; over the standard streams of a server."""

from __future__ import annotations

import pytest

from tests.lsp.editor import Editor, place, text_at

TEXT = """import shop
let days = 3

dag hints {
  schedule = every(10m)
  task raw = shop.extract("😀", full = true)
  task tidy = shop.clean(raw)
  task sent = shop.report(tidy)
}
"""


@pytest.mark.parametrize(
    ("typed", "active"),
    [("shop.extract(", 0), ('shop.extract("eu", ', 1), ("shop.extract(full = ", 2), ("shop.extract([1, 2], ", 1)],
)
def test_the_parameter_that_is_typed_is_marked(editor: Editor, typed: str, active: int) -> None:
    text = f"import shop\ndag help {{\n  task a = {typed}\n}}\n"
    editor.open("help.ppd", text)
    found = editor.ask("signatureHelp", "help.ppd", position=place(text, typed, after=True))
    [signature] = found["signatures"]
    assert signature["label"] == "shop.extract(region: str, day: str = …, *, full: bool = …) -> list[int]"
    assert [each["label"] for each in signature["parameters"]] == ["region: str", "day: str = …", "full: bool = …"]
    assert "Loads the orders" in signature["documentation"]["value"]
    assert found["activeParameter"] == active


@pytest.mark.parametrize("broken", [False, True])
def test_hints_tell_outputs_and_the_next_run(editor: Editor, broken: bool) -> None:
    name = f"hints_{broken}.ppd".lower()
    text = TEXT + ("dag torn {\n  task a = = 1\n" if broken else "")
    editor.open(name, text)
    whole = {"start": place(text, "import"), "end": place(text, "sent", after=True)}
    found = editor.ask("inlayHint", name, range=whole)
    labels = {each["position"]["line"]: each["label"] for each in found}
    assert labels.pop(4).startswith("next: ")
    assert labels == {5: "-> list[int]", 6: "-> list[int]"}
    assert found[1]["position"] == place(text, "full = true)", after=True)


def test_names_are_coloured_by_what_they_are(editor: Editor) -> None:
    editor.open("colours.ppd", TEXT)
    legend = editor.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"]
    data = editor.ask("semanticTokens/full", "colours.ppd")["data"]
    found: list[tuple[str, str]] = []
    line = column = 0
    for at in range(0, len(data), 5):
        down, right, length, kind, _ = data[at : at + 5]
        line, column = line + down, right if down else column + right
        start, end = {"line": line, "character": column}, {"line": line, "character": column + length}
        found.append((text_at(TEXT, {"start": start, "end": end}), legend[kind]))
    assert ("hints", "namespace") in found
    assert ("schedule", "property") in found
    assert ("extract", "method") in found
    assert found.count(("tidy", "function")) == 2
    assert ("days", "variable") in found


def test_a_dags_graph_is_drawn_as_by_ppc_graph(editor: Editor) -> None:
    editor.open("drawn.ppd", TEXT)
    [lens] = editor.ask("codeLens", "drawn.ppd")
    command = {"command": lens["command"]["command"], "arguments": lens["command"]["arguments"]}
    drawn = editor.request("workspace/executeCommand", command)
    assert drawn["dag"] == "hints"
    assert drawn["svg"].startswith("<svg")
    assert "raw" in drawn["mermaid"]
    editor.open("drawn.ppd", TEXT.replace("clean(raw)", "clean(row)"))
    assert "errors" in editor.request("workspace/executeCommand", command)["error"]


@pytest.mark.parametrize("broken", [False, True])
def test_upstream_and_downstream_of_a_task(editor: Editor, broken: bool) -> None:
    name = f"streams_{broken}.ppd".lower()
    text = TEXT.replace("}\n", "  task next[each in [1, 2]] = print(each)\n  tidy -> next\n}\n")
    text = text.replace("dag hints", "dag streams") + ("dag torn {\n  task a = = 1\n" if broken else "")
    editor.open(name, text)
    [item] = editor.ask("prepareCallHierarchy", name, position=place(text, "tidy)"))
    assert (item["name"], item["detail"]) == ("tidy", "shop.clean")
    before = editor.request("callHierarchy/incomingCalls", {"item": item})
    after = editor.request("callHierarchy/outgoingCalls", {"item": item})
    assert [each["from"]["name"] for each in before] == ["raw"]
    assert sorted(each["to"]["name"] for each in after) == ["next", "sent"]


INHERITED = """defaults { timeout = 1h }

template twice() {
  task inner = print(1)
}

dag inherited {
  defaults { retries = 3 }
  task plain = print(1)
  task own = print(2) { retries = 1, timeout = 5m }
  task half = print(3) { retries = 1 }
  group g { task within = print(4) }
  group made = twice()
}
"""


@pytest.mark.parametrize("broken", [False, True])
def test_hints_tell_what_a_task_inherits(editor: Editor, broken: bool) -> None:
    name = f"inherited_{broken}.ppd".lower()
    text = INHERITED + ("dag torn {\n  task a = = 1\n" if broken else "")
    editor.open(name, text)
    whole = {"start": place(text, "defaults"), "end": place(text, "twice()\n}", after=True)}
    hints = editor.ask("inlayHint", name, range=whole)
    labels = {text.split("\n")[each["position"]["line"]].split()[1]: each["label"] for each in hints}
    both = "retries 3, timeout 1h"
    assert labels == {"inner": both, "plain": both, "half": "timeout 1h", "g": both}


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("1 + 2", ["an operator", "type: `int`", "value: `3`"]),
        ("[1, base]", ["a list", "type: `list[int]`", "value: `[1, 3]`"]),
        ('f"{base}"', ["type: `str`", 'value: `"3"`']),
        ("base)", ["let base = 1 + 2", "type: `int`", "value: `3`"]),
        ("params.day", ["type: `date`"]),
        ("run.date - 1d", ["an operator", "type: `date`"]),
        ("7)", ["a constant", "type: `int`"]),
        ("2h", ["a duration", "type: `duration`"]),
    ],
)
def test_hover_tells_what_an_expression_is(editor: Editor, part: str, told: list[str]) -> None:
    text = (
        "let base = 1 + 2\n\ndag values {\n  param day: date = run.date\n  task a = print(params.day, 7)\n"
        '  task b = print([1, base], f"{base}", run.date - 1d, base)\n  task c = print(a) { timeout = 2h }\n}\n'
    )
    editor.open("values.ppd", text)
    at = text.index(part) + (part.index("-") if "-" in part else part.index("+") if "+" in part else 0)
    before = text[:at]
    position = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
    found = editor.ask("hover", "values.ppd", position=position)["contents"]["value"]
    for each in told:
        assert each in found
