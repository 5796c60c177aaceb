"""What counts as a change of a program's sources, and when it is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ppc.watch import Places, Watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose files are old."""
    (tmp_path / "shop").mkdir()
    for name in ("sales.ppd", "steps.py", "shop/load.py", "notes.txt", "sales.py"):
        write(tmp_path / name, "one")
    return tmp_path


def write(file: Path, text: str, seconds: int = 1_000_000) -> None:
    """Written so many seconds after 1970: no test waits for a clock."""
    file.write_text(text, encoding="utf-8")
    os.utime(file, (seconds, seconds))


def places(folder: Path) -> Places:
    files = ("sales.ppd", "shared.ppd", "steps.py", "shop/load.py")
    return Places(frozenset(str(folder / name) for name in files), frozenset({str(folder), str(folder / "shop")}))


def watching(folder: Path) -> Watch:
    watch = Watch(places(folder), folder / "sales.py")
    watch.begin()
    watch.end(places(folder))
    assert not looked_twice(watch)
    return watch


def looked_twice(watch: Watch) -> bool:
    watch.changed()
    return watch.changed()


def replace_with_its_like(file: Path) -> None:
    """As editors do that write beside and rename: another file, of the same size and time."""
    beside = file.with_suffix(".new")
    write(beside, file.read_text(encoding="utf-8"))
    beside.replace(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: write(folder / "sales.ppd", "longer"),
        lambda folder: write(folder / "steps.py", "two", 2_000_000),
        lambda folder: replace_with_its_like(folder / "sales.ppd"),
        lambda folder: (folder / "shop/load.py").unlink(),
        lambda folder: write(folder / "shared.ppd", "an include that was not there"),
        lambda folder: write(folder / "shop/more.py", "a module that was not there"),
        lambda folder: (folder / "fresh").mkdir(),
        lambda folder: (folder / "shop").rename(folder / "stall"),
    ],
)
def test_a_change(folder: Path, change: Callable[[Path], None]) -> None:
    watch = watching(folder)
    change(folder)
    assert looked_twice(watch)
    watch.begin()
    watch.end(places(folder))
    assert not looked_twice(watch)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: write(folder / "notes.txt", "longer"),
        lambda folder: write(folder / "sales.db", "a database"),
        lambda folder: write(folder / "sales.py", "the program itself"),
        lambda folder: (folder / "sales.py").unlink(),
        lambda folder: (folder / "shop/__pycache__").mkdir(),
        lambda folder: write(folder / ".steps.py.swp", "of an editor"),
    ],
)
def test_no_change(folder: Path, change: Callable[[Path], None]) -> None:
    watch = watching(folder)
    change(folder)
    assert not looked_twice(watch)


def test_a_file_that_is_still_being_written_is_waited_for(folder: Path) -> None:
    watch = watching(folder)
    for text in ("first", "first and second"):
        write(folder / "sales.ppd", text)
        assert not watch.changed()
    assert watch.changed()


def test_what_changes_while_the_files_are_read_has_changed(folder: Path) -> None:
    watch = watching(folder)
    watch.begin()
    write(folder / "steps.py", "longer")
    watch.end(places(folder))
    assert looked_twice(watch)


@pytest.mark.parametrize("recent", [True, False])
def test_a_file_that_was_not_known_may_have_changed_since_it_was_read(folder: Path, *, recent: bool) -> None:
    (folder / "other").mkdir()
    late = folder / "other/late.ppd"
    write(late, "included")
    watch = watching(folder)
    watch.begin()
    if recent:
        late.touch()
    known = places(folder)
    watch.end(Places(known.files | {str(late)}, known.folders))
    assert looked_twice(watch) is recent


def test_a_folder_that_is_none_is_no_change_either(tmp_path: Path) -> None:
    watch = Watch(Places(folders=frozenset({str(tmp_path / "gone")})), tmp_path / "sales.py")
    watch.begin()
    watch.end(Places(folders=frozenset({str(tmp_path / "gone")})))
    assert not looked_twice(watch)
