"""What an edit undoes: counted, for an editor asks after every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppc.callables import CallableFinder
from ppc.cli_compile import compile_with
from ppc.cli_python import find_python
from ppc.includes import Files
from ppc.lsp import workspace as workspace_module
from ppc.lsp.workspace import Workspace
from ppc.parse_pieces import Pieces
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
    parse, parse_again = workspace_module.parse, Pieces.parse

    def counted(source: Source) -> object:
        found.append(Path(source.path).name)
        return parse(source)

    def counted_again(pieces: Pieces, source: Source) -> object:
        found.append(Path(source.path).name)
        return parse_again(pieces, source)

    monkeypatch.setattr(workspace_module, "parse", counted)
    monkeypatch.setattr(Pieces, "parse", counted_again)
    return found


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose programs are checked, in order."""
    found: list[str] = []
    examine = workspace_module.examine

    def counted(files: Files, callables: CallableFinder) -> object:
        found.append(Path(files.files[0].source.path).name)
        return examine(files, callables)

    monkeypatch.setattr(workspace_module, "examine", counted)
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return Workspace([str(tmp_path)])


def names(paths: list[str]) -> list[str]:
    return sorted(Path(path).name for path in paths)


def typed(workspace: Workspace, folder: Path, name: str, text: str | None = None) -> None:
    workspace.put(Source(str((folder / name).resolve()), text or FILES[name]))


def check_all(workspace: Workspace) -> None:
    for path in workspace.programs():
        workspace.check(path)


def test_programs_are_the_open_files_and_what_includes_them(workspace: Workspace, tmp_path: Path) -> None:
    typed(workspace, tmp_path, "middle.ppd")
    assert names(workspace.programs()) == ["middle.ppd", "top.ppd"]
    typed(workspace, tmp_path, "alone.ppd")
    assert names(workspace.programs()) == ["alone.ppd", "middle.ppd", "top.ppd"]


@pytest.mark.parametrize(
    ("name", "text", "programs"),
    [
        ("alone.ppd", "dag alone { task a = print(2) }\n", ["alone.ppd"]),
        ("middle.ppd", FILES["middle.ppd"] + "\n", ["middle.ppd", "top.ppd"]),
        ("base.ppd", "let base = 2\n", ["base.ppd", "middle.ppd", "top.ppd"]),
    ],
)
def test_an_edit_parses_its_file_alone_and_checks_what_depends_on_it(
    workspace: Workspace,
    tmp_path: Path,
    parsed: list[str],
    checked: list[str],
    name: str,
    text: str,
    programs: list[str],
) -> None:
    for each in FILES:
        typed(workspace, tmp_path, each)
    check_all(workspace)
    assert sorted(parsed) == sorted(checked) == sorted(FILES)
    parsed.clear()
    checked.clear()
    typed(workspace, tmp_path, name, text)
    check_all(workspace)
    assert parsed == [name]
    assert sorted(checked) == programs


def test_many_files_are_parsed_and_checked_once_each(tmp_path: Path, parsed: list[str], checked: list[str]) -> None:
    texts = {f"f{n}.ppd": f'include "base.ppd"\ndag d{n} {{ task a = print(base) }}\n' for n in range(40)}
    texts["base.ppd"] = "let base = 1\n"
    workspace = Workspace([str(tmp_path)])
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        workspace.put(Source(str((tmp_path / name).resolve()), text))
    check_all(workspace)
    assert sorted(parsed) == sorted(checked) == sorted(texts)
    parsed.clear()
    checked.clear()
    typed(workspace, tmp_path, "f7.ppd", "dag d7 { task a = print(7) }\n")
    check_all(workspace)
    assert parsed == checked == ["f7.ppd"]


def test_a_file_that_appears_is_found_by_who_looked_for_it(tmp_path: Path) -> None:
    workspace = Workspace([str(tmp_path)])
    top = str((tmp_path / "top.ppd").resolve())
    workspace.put(Source(top, 'include "late.ppd"\ndag top { task a = print(late) }\n'))
    assert [each.code for each in workspace.check(top).diagnostics] == ["E001"]
    (tmp_path / "late.ppd").write_text("let late = 1\n")
    workspace.stored([str((tmp_path / "late.ppd").resolve())])
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
