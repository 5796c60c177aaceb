"""What an edit undoes: counted, for an editor asks after every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppc.cli_compile import compile_with
from ppc.cli_python import find_python
from ppc.lsp import workspace as workspace_module
from ppc.lsp.workspace import Workspace
from ppc.source import Source, read_source

FILES = {
    "base.ppd": "let base = 1\n",
    "middle.ppd": 'include "base.ppd"\nlet middle = 2\n',
    "top.ppd": 'include "middle.ppd"\ndag top { task a = print(base) }\n',
    "alone.ppd": "dag alone { task a = print(1) }\n",
}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are parsed, in order."""
    found: list[str] = []
    parse = workspace_module.parse

    def counted(source: Source) -> object:
        found.append(Path(source.path).name)
        return parse(source)

    monkeypatch.setattr(workspace_module, "parse", counted)
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return Workspace([str(tmp_path)])


def names(paths: list[str]) -> list[str]:
    return sorted(Path(path).name for path in paths)


def typed(workspace: Workspace, folder: Path, name: str, text: str | None = None) -> list[str]:
    return names(workspace.put(Source(str((folder / name).resolve()), text or FILES[name])))


def check_all(workspace: Workspace) -> None:
    for path in workspace.programs():
        workspace.check(path)


def test_programs_are_the_open_files_and_what_includes_them(workspace: Workspace, tmp_path: Path) -> None:
    typed(workspace, tmp_path, "middle.ppd")
    assert names(workspace.programs()) == ["middle.ppd", "top.ppd"]
    typed(workspace, tmp_path, "alone.ppd")
    assert names(workspace.programs()) == ["alone.ppd", "middle.ppd", "top.ppd"]


def test_an_edit_parses_its_file_alone_and_checks_what_depends_on_it(
    workspace: Workspace, tmp_path: Path, parsed: list[str]
) -> None:
    for name in FILES:
        typed(workspace, tmp_path, name)
    check_all(workspace)
    assert sorted(parsed) == sorted(FILES)
    parsed.clear()
    assert typed(workspace, tmp_path, "alone.ppd", "dag alone { task a = print(2) }\n") == ["alone.ppd"]
    check_all(workspace)
    assert parsed == ["alone.ppd"]
    parsed.clear()
    assert typed(workspace, tmp_path, "middle.ppd", FILES["middle.ppd"] + "\n") == ["middle.ppd", "top.ppd"]
    check_all(workspace)
    assert parsed == ["middle.ppd"]
    parsed.clear()
    assert typed(workspace, tmp_path, "base.ppd", "let base = 2\n") == ["base.ppd", "middle.ppd", "top.ppd"]
    check_all(workspace)
    assert parsed == ["base.ppd"]


def test_a_file_that_appears_is_found_by_who_looked_for_it(tmp_path: Path) -> None:
    workspace = Workspace([str(tmp_path)])
    top = str((tmp_path / "top.ppd").resolve())
    workspace.put(Source(top, 'include "late.ppd"\ndag top { task a = print(late) }\n'))
    assert [each.code for each in workspace.check(top).diagnostics] == ["E001"]
    (tmp_path / "late.ppd").write_text("let late = 1\n")
    assert workspace.stored([str((tmp_path / "late.ppd").resolve())]) == [top]
    assert workspace.check(top).diagnostics == []


def test_a_file_that_is_closed_is_what_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    typed(workspace, tmp_path, "top.ppd")
    base = str((tmp_path / "base.ppd").resolve())
    workspace.put(Source(base, "let other = 1\n"))
    top = str((tmp_path / "top.ppd").resolve())
    assert [each.code for each in workspace.check(top).diagnostics] == ["E201"]
    workspace.close(base)
    assert workspace.check(top).diagnostics == []


CASES = sorted((Path(__file__).parents[1] / "compiler" / "cases").rglob("*.ppd"))[::12]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_editor_says_what_a_build_says(path: Path) -> None:
    python = find_python(None, path.parent)
    built = compile_with([str(path.resolve())], [], python).diagnostics
    workspace = Workspace([])
    place = str(path.resolve())
    source = read_source(place)
    if isinstance(source, Source):
        workspace.put(source)
        assert list(workspace.check(place).diagnostics) == list(built)
