"""Names: what they are, where they lead, and how they are changed everywhere; in sound files and in broken ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ppc.lsp import describe
from ppc.settings import DAG_SETTINGS, POOL_SETTINGS, TASK_SETTINGS, Owner
from tests.lsp.editor import Editor, apply, place, text_at

COMMON = 'let regions = ["eu", "us"]\npool warehouse { slots = 2 }\n'
TEXT = '''include "{common}"
import shop
from shop import clean as tidy_up

template copy(table: str) {{
  task dump = shop.extract(table)
  task load = shop.clean(dump)
  dump -> load
}}

dag {name} {{
  """All of it."""
  schedule = cron("15 2 * * *")
  timezone = "Europe/Warsaw"
  param full: bool = false
  task raw[region in regions] = shop.extract(region, full = params.full) {{ pool = warehouse, retries = 5 }}
  task tidy = tidy_up(raw["eu"])
  task sent = shop.report(tidy) when run.date > 2026-01-01
  task told = shell("true")
  group copies = copy("orders")
  copies.dump -> sent
  copies -> tidy
}}
'''


def opened(editor: Editor, project: Path, name: str, *, broken: bool = False) -> str:
    (project / f"{name}_common.ppd").write_text(COMMON)
    text = TEXT.format(name=name, common=f"{name}_common.ppd")
    if broken:
        text = text.replace("  copies -> tidy\n", "  copies -> -> tidy\n  task more = = print(tidy)\n")
    editor.open(f"{name}.ppd", text)
    return text


def hover(editor: Editor, name: str, text: str, part: str, nth: int = 0) -> str:
    found = editor.ask("hover", f"{name}.ppd", position=place(text, part, nth=nth))
    return "" if found is None else str(found["contents"]["value"])


@pytest.mark.parametrize("broken", [False, True])
def test_hovers_say_what_a_name_is(editor: Editor, project: Path, broken: bool) -> None:
    name = f"hover_{broken}".lower()
    text = opened(editor, project, name, broken=broken)

    def at(part: str, nth: int = 0) -> str:
        return hover(editor, name, text, part, nth)

    assert "how often a failed attempt is made again" in at("retries")
    assert "Without it: `0`" in at("retries")
    signature = at("extract(")
    assert "def extract(region: str, day: str = …, *, full: bool = …) -> list[int]" in signature
    assert "Loads the orders of a region." in signature
    assert "Steps of the shop." in at("shop")
    assert "let regions" in at("regions]")
    assert "param full: bool = false" in at("full)")
    assert "output: `list[int]`" in at("tidy)")
    assert "the date of the planned time" in at("date >")
    assert "a loop variable" in at("region,")
    assert "All of it." in at(name + " {")
    assert "pool warehouse" in at("warehouse")
    assert "type: `str`" in at('"orders"')


def test_a_schedule_tells_its_next_five_times_in_its_zone(editor: Editor, project: Path) -> None:
    text = opened(editor, project, "times")
    times = [line for line in hover(editor, "times", text, "schedule").splitlines() if line.startswith("- ")]
    assert len(times) == 5
    assert all(line.endswith(("02:15:00 CET", "02:15:00 CEST")) for line in times)


def test_every_setting_says_what_it_takes() -> None:
    rules = {Owner.TASK: TASK_SETTINGS, Owner.DAG: DAG_SETTINGS, Owner.POOL: POOL_SETTINGS}
    for owner, settings in rules.items():
        for name, rule in settings.items():
            text = describe.setting(owner, name)
            assert rule.doc in text
            assert "any value" not in text


def led_to(found: dict[str, Any] | None) -> tuple[str, str]:
    """The file that a location is in, and the text there."""
    assert found is not None
    path = Path(found["uri"].removeprefix("file://"))
    return path.name, text_at(path.read_text(), found["range"])


@pytest.mark.parametrize("broken", [False, True])
def test_definitions_lead_into_python_included_files_and_the_file_itself(
    editor: Editor, project: Path, broken: bool
) -> None:
    name = f"lead_{broken}".lower()
    text = opened(editor, project, name, broken=broken)
    (project / f"{name}.ppd").write_text(text)

    def at(part: str, nth: int = 0, method: str = "definition") -> tuple[str, str]:
        return led_to(editor.ask(method, f"{name}.ppd", position=place(text, part, nth=nth)))

    assert at("extract(") == ("shop.py", "extract")
    assert at("tidy_up(") == ("shop.py", "clean")
    assert at("regions]") == (f"{name}_common.ppd", "regions")
    assert at("warehouse") == (f"{name}_common.ppd", "warehouse")
    assert at(f"{name}_common.ppd") == (f"{name}_common.ppd", "")
    assert at("full)") == (f"{name}.ppd", "full")
    assert at("dump -> sent") == (f"{name}.ppd", "dump")
    assert at("copy(", 1) == (f"{name}.ppd", "copy")
    assert at("shell(") == ("shell.py", "shell")
    assert at("tidy)", method="typeDefinition") == ("shop.py", "clean")
    assert at("copies.", method="typeDefinition") == (f"{name}.ppd", "copy")
    if broken:
        assert at("tidy)", 1) == (f"{name}.ppd", "tidy")


def test_references_are_found_where_a_file_is_included(editor: Editor, project: Path) -> None:
    text = opened(editor, project, "uses")
    found = editor.ask("references", "uses.ppd", position=place(text, "regions]"), context={"includeDeclaration": True})
    assert sorted(Path(each["uri"]).name for each in found) == ["uses.ppd", "uses_common.ppd"]
    found = editor.ask("references", "uses.ppd", position=place(text, "dump ="), context={"includeDeclaration": False})
    assert [each["range"]["start"]["line"] for each in found] == [6, 7, 20]
    found = editor.ask("documentHighlight", "uses.ppd", position=place(text, "dump ="))
    assert [each["kind"] for each in found] == [3, 2, 2, 2]


def test_a_name_is_changed_in_all_files(editor: Editor, project: Path) -> None:
    text = opened(editor, project, "renamed")
    position = place(text, "regions]")
    assert text_at(text, editor.ask("prepareRename", "renamed.ppd", position=position)) == "regions"
    edit = editor.ask("rename", "renamed.ppd", position=position, newName="places")
    changes = {Path(uri).name: edits for uri, edits in edit["changes"].items()}
    assert sorted(changes) == ["renamed.ppd", "renamed_common.ppd"]
    changed = apply(text, changes["renamed.ppd"])
    assert "[region in places]" in changed
    (project / "renamed_common.ppd").write_text(apply(COMMON, changes["renamed_common.ppd"]))
    stored = [{"uri": editor.uri("renamed_common.ppd"), "type": 2}]
    editor.notify("workspace/didChangeWatchedFiles", {"changes": stored})
    assert [each for each in editor.open("renamed.ppd", changed) if each["severity"] == 1] == []


@pytest.mark.parametrize(("part", "name", "says"), [("regions]", "task", "no name"), ("extract(", "f", "not declared")])
def test_a_name_that_cannot_be_given_is_refused_with_the_reason(
    editor: Editor, project: Path, part: str, name: str, says: str
) -> None:
    text = opened(editor, project, "refused")
    with pytest.raises(AssertionError, match=says):
        editor.ask("rename", "refused.ppd", position=place(text, part), newName=name)
    assert editor.ask("prepareRename", "refused.ppd", position=place(text, "extract(")) is None


def test_a_name_that_is_taken_is_refused(editor: Editor, project: Path) -> None:
    text = opened(editor, project, "taken")
    with pytest.raises(AssertionError, match="there is a task `sent` already"):
        editor.ask("rename", "taken.ppd", position=place(text, "tidy ="), newName="sent")


@pytest.mark.parametrize("broken", [False, True])
def test_symbols_folds_links_and_selections(editor: Editor, project: Path, broken: bool) -> None:
    name = f"shape_{broken}".lower()
    text = opened(editor, project, name, broken=broken)
    symbols = editor.ask("documentSymbol", f"{name}.ppd")
    inner = {each["name"]: [child["name"] for child in each["children"]] for each in symbols}
    assert inner["copy"] == ["dump", "load"]
    assert inner[name][:5] == ["full", "raw", "tidy", "sent", "told"]
    found = editor.request("workspace/symbol", {"query": name[:-1]})
    assert name in [each["name"] for each in found]
    folds = [(each["startLine"], each["endLine"]) for each in editor.ask("foldingRange", f"{name}.ppd")]
    assert (4, 8) in folds
    assert (0, 2) in folds
    assert any(start == 10 for start, _ in folds)
    [link] = editor.ask("documentLink", f"{name}.ppd")
    assert link["target"] == editor.uri(f"{name}_common.ppd")
    [selection] = editor.ask("selectionRange", f"{name}.ppd", positions=[place(text, "region,")])
    grown = []
    while selection:
        grown.append(text_at(text, selection["range"]))
        selection = selection.get("parent")
    assert grown[0] == "region"
    assert grown[1].startswith("shop.extract(")
    assert grown[-1] == text
