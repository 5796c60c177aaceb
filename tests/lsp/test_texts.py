"""Texts as they are typed: diagnostics, their quick fixes, and formatting; over the standard streams of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.lsp.editor import Editor, apply, edits_of, place, range_of

SOUND = """dag sound {
  task a = print("x")
}
"""


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in found]


def test_faults_come_and_go_as_they_are_typed(editor: Editor) -> None:
    assert editor.open("typed.ppd", SOUND) == []
    end = place(SOUND, "}")
    broken = editor.change("typed.ppd", [{"range": {"start": end, "end": end}, "text": "  task b = print(zz)\n"}])
    assert [(each["code"], each["range"]["start"]["line"]) for each in broken] == [("E201", 2)]
    line = {"start": {"line": 2, "character": 0}, "end": {"line": 3, "character": 0}}
    assert editor.change("typed.ppd", [{"range": line, "text": ""}]) == []


def test_what_is_typed_counts_and_not_what_is_stored(editor: Editor, project: Path) -> None:
    (project / "stored.ppd").write_text("let broken = \n")
    assert editor.open("stored.ppd", SOUND.replace("sound", "stored")) == []


def test_columns_are_counted_in_utf_16(editor: Editor) -> None:
    text = 'dag wide {\n  task a = print("😀é", b)\n}\n'
    [fault] = editor.open("wide.ppd", text)
    assert fault["range"] == {"start": {"line": 1, "character": 24}, "end": {"line": 1, "character": 25}}
    wanted = {"start": {"line": 1, "character": 18}, "end": {"line": 1, "character": 20}}
    assert editor.change("wide.ppd", [{"range": wanted, "text": "x"}])[0]["range"]["start"]["character"] == 23


def test_columns_are_counted_in_utf_8_where_the_editor_prefers_that(tmp_path: Path) -> None:
    with Editor(tmp_path, encodings=("utf-8", "utf-16")) as editor:
        assert editor.capabilities["positionEncoding"] == "utf-8"
        [fault] = editor.open("wide.ppd", 'dag wide {\n  task a = print("😀é", b)\n}\n')
        assert fault["range"]["start"]["character"] == 27
    assert editor.code == 0


def test_an_edit_is_told_in_the_files_that_include_it(editor: Editor, project: Path) -> None:
    (project / "closed.ppd").write_text('include "shared.ppd"\ndag closed { task a = print(common) }\n')
    made = {"uri": editor.uri("closed.ppd"), "type": 1}
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [made]})
    editor.open("shared.ppd", "let common = 1\n")
    editor.open("user.ppd", 'include "shared.ppd"\ndag user { task a = print(common) }\n')
    editor.open("shared.ppd", "let other = 1\n")
    assert editor.published("user.ppd", ["E201"])
    assert editor.published("closed.ppd", ["E201"])
    editor.open("shared.ppd", "let common = 1\n")
    editor.published("user.ppd", [])
    editor.published("closed.ppd", [])


def test_a_python_file_that_is_stored_is_read_again(editor: Editor, project: Path) -> None:
    (project / "later.py").write_text("def f() -> None: ...\n")
    text = "from later import g\ndag later { task a = g() }\n"
    assert codes(editor.open("later.ppd", text)) == ["E503"]
    (project / "later.py").write_text("def g() -> None: ...\n")
    changed = {"uri": editor.uri("later.py"), "type": 2}
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [changed]})
    assert editor.published("later.ppd", []) == []


def test_a_quick_fix_does_what_its_fault_says(editor: Editor) -> None:
    text = SOUND.replace("}", "  retires = 1\n}").replace("print(", "prnt(").replace('"x")', '"x") { retires = 2 }')
    found = editor.open("fix.ppd", text)
    [fault] = [each for each in found if each["code"] == "E301" and each["range"]["start"]["line"] == 1]
    context = {"diagnostics": [fault], "only": ["quickfix"]}
    actions = editor.ask("codeAction", "fix.ppd", range=fault["range"], context=context)
    [mended] = [apply(text, edits_of(action, editor.uri("fix.ppd"))) for action in actions]
    assert "{ retries = 2 }" in mended


def test_all_that_is_safe_is_mended_at_once(editor: Editor) -> None:
    text = "dag all {\n  task a = print(True)\n  task b = print(False);\n}\n"
    editor.open("all.ppd", text)
    context = {"diagnostics": [], "only": ["source.fixAll"]}
    [action] = editor.ask("codeAction", "all.ppd", range=range_of(text, "dag"), context=context)
    mended = apply(text, edits_of(action, editor.uri("all.ppd")))
    assert mended == "dag all {\n  task a = print(true)\n  task b = print(false)\n}\n"


OPTIONS = {"tabSize": 2, "insertSpaces": True}


def test_a_file_is_formatted_as_by_ppc_fmt(editor: Editor) -> None:
    text = 'dag form {\n task a=print( "x" )\n\n\n\n task b = print("é😀")   { retries=1 }\n}\n'
    editor.open("form.ppd", text)
    formatted = apply(text, editor.ask("formatting", "form.ppd", options=OPTIONS))
    assert formatted == 'dag form {\n  task a = print("x")\n\n  task b = print("é😀") { retries = 1 }\n}\n'


def test_the_lines_that_are_selected_are_formatted_alone(editor: Editor) -> None:
    text = "dag some {\n task a=print(1)\n task b=print(2)\n}\n"
    editor.open("some.ppd", text)
    selected = {"start": {"line": 2, "character": 0}, "end": {"line": 3, "character": 0}}
    edits = editor.ask("rangeFormatting", "some.ppd", range=selected, options=OPTIONS)
    assert apply(text, edits) == "dag some {\n task a=print(1)\n  task b = print(2)\n}\n"


def test_a_line_is_formatted_when_it_is_left_and_a_block_when_it_ends(editor: Editor) -> None:
    text = "dag left {\n task a=print(1)\n\n}\n"
    editor.open("left.ppd", text)
    typed = {"position": {"line": 2, "character": 0}, "ch": "\n", "options": OPTIONS}
    edits = editor.ask("onTypeFormatting", "left.ppd", **typed)
    assert apply(text, edits) == "dag left {\n  task a = print(1)\n\n}\n"
    typed = {"position": {"line": 3, "character": 1}, "ch": "}", "options": OPTIONS}
    edits = editor.ask("onTypeFormatting", "left.ppd", **typed)
    assert apply(text, edits) == "dag left {\n  task a = print(1)\n}\n"


def test_what_does_not_parse_stays_as_it_is_among_what_is_formatted(editor: Editor) -> None:
    text = "dag half {\n task a = = print(1)\n task b=print(2)\n}\n"
    editor.open("half.ppd", text)
    edits = editor.ask("formatting", "half.ppd", options=OPTIONS)
    assert "task a = = print(1)" in apply(text, edits)
    assert "  task b = print(2)" in apply(text, edits)
