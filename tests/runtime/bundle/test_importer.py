"""Modules, their files and their metadata come out of the program's file, whatever happens to its path meanwhile."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path

import pytest

from ppacer.bundle.archive import Archive, ArchiveError
from ppacer.bundle.importer import PathHook
from ppacer.bundle.start import find_inside
from tests.runtime.bundle import archives

ENTRIES = {
    "lib/carried_plain.py": "def fail():\n    raise ValueError('on line two')\n",
    "lib/carried_package/__init__.py": "",
    "lib/carried_package/part.py": "answer = 42\n",
    "lib/carried_package/later.py": "answer = 43\n",
    "lib/carried_package/data/table.csv": "a,b\n",
    "lib/carried_space/inside.py": "from . import __path__ as portions\n",
    "lib/carried_dist-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: carried-dist\nVersion: 1.5\n",
}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """One whose modules can be imported, until the test ends."""
    before = sys.path[:], sys.path_hooks[:], sys.meta_path[:], set(sys.modules)
    archive = archives.write(tmp_path / "p.pyz", ENTRIES)
    find_inside(archive)
    yield archive
    sys.path[:], sys.path_hooks[:], sys.meta_path[:] = before[:3]
    sys.path_importer_cache.clear()
    for name in sys.modules.keys() - before[3]:
        if name.startswith("carried_"):
            del sys.modules[name]


def test_modules_packages_and_portions_are_found(archive: Archive) -> None:
    part = importlib.import_module("carried_package.part")
    assert part.answer == 42
    assert part.__file__ == f"{archive.path}/lib/carried_package/part.py"
    inside = importlib.import_module("carried_space.inside")
    assert list(inside.portions) == [f"{archive.path}/lib/carried_space"]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("carried_package.missing")


def test_a_traceback_shows_the_lines(archive: Archive) -> None:
    module = importlib.import_module("carried_plain")
    with pytest.raises(ValueError, match="two") as raised:
        module.fail()
    shown = "".join(traceback.format_exception(raised.value))
    assert 'File "p.pyz/lib/carried_plain.py", line 2, in fail\n    raise ValueError' in shown


def test_files_of_packages_are_read(archive: Archive) -> None:
    package = resources.files("carried_package")
    assert package.joinpath("data", "table.csv").read_text(encoding="utf-8") == "a,b\n"
    with (package / "data/table.csv").open("rb") as file:
        assert file.read() == b"a,b\n"
    assert sorted(each.name for each in package.iterdir()) == ["__init__.py", "data", "later.py", "part.py"]
    assert package.joinpath("data").is_dir()
    assert not package.joinpath("nothing").is_file()
    with pytest.raises(FileNotFoundError):
        package.joinpath("nothing").read_bytes()
    assert pkgutil.get_data("carried_package", "data/table.csv") == b"a,b\n"


def test_packages_tell_what_is_in_them(archive: Archive) -> None:
    package = importlib.import_module("carried_package")
    assert [each.name for each in pkgutil.iter_modules(package.__path__)] == ["later", "part"]
    found = {each.name: each.ispkg for each in pkgutil.iter_modules([f"{archive.path}/lib"])}
    assert found == {"carried_package": True, "carried_plain": False}


def test_distributions_tell_their_versions(archive: Archive) -> None:
    assert metadata.version("Carried_Dist") == "1.5"
    assert "carried-dist" in {each.metadata["Name"] for each in metadata.distributions()}


def test_what_is_imported_after_an_upgrade_is_of_the_file_that_the_process_began_with(archive: Archive) -> None:
    importlib.import_module("carried_package")
    other = Path(archive.path).with_name("new")
    archives.write(other, {"lib/carried_package/later.py": "answer = 'of the new file'\n", "x": "y" * 1000})
    other.replace(archive.path)
    assert importlib.import_module("carried_package.later").answer == 43


def test_a_descriptor_that_users_code_closed_is_opened_again(archive: Archive) -> None:
    with Path(archive.path).with_name("stranger").open("wb") as stranger:
        stranger.write(b"x" * 10_000)
        os.dup2(stranger.fileno(), archive._descriptor)  # as the system gives the number to another file
    assert archive.read("lib/carried_package/part.py") == b"answer = 42\n"


def test_a_file_that_was_replaced_and_closed_is_told_and_not_misread(archive: Archive) -> None:
    os.close(archive._descriptor)
    other = Path(archive.path).with_name("new")
    archives.write(other, ENTRIES)
    other.replace(archive.path)
    with pytest.raises(ArchiveError, match="has been replaced"):
        archive.read("lib/carried_package/part.py")


def test_paths_elsewhere_are_left_to_others(archive: Archive) -> None:
    hook = PathHook(archive)
    for path in (archive.path, f"{archive.path}x/lib", f"{archive.path}/lib/nowhere", "/"):
        with pytest.raises(ImportError):
            hook(path)
