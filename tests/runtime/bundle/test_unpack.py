"""What needs real files is unpacked to a folder of this user's, and used only as it was built."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ppacer.bundle.archive import Archive
from ppacer.bundle.finder import CarriedFinder
from ppacer.bundle.unpack import Unpacker, UnpackError, machine
from tests.runtime.bundle import archives

ENTRIES = {"unpacked/part-1/real/__init__.py": "value = 1\n", "unpacked/part-1/real/data.txt": "data"}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return archives.write(tmp_path / "p.pyz", ENTRIES, unpacked={"real": ["part-1"]}, parts={"part-1": {}})


def test_a_part_is_unpacked_once_for_all_processes(archive: Archive, tmp_path: Path) -> None:
    folder = Path(Unpacker(archive).folder("part-1"))
    assert folder.parent == tmp_path / "cache" / "ppacer"
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert (folder / "real" / "data.txt").read_text(encoding="utf-8") == "data"
    before = (folder / "real" / "data.txt").stat().st_ino
    assert Unpacker(archive).folder("part-1") == str(folder)
    assert (folder / "real" / "data.txt").stat().st_ino == before


@pytest.mark.parametrize("change", ["another text", None])
def test_what_was_changed_is_unpacked_anew(archive: Archive, change: str | None) -> None:
    file = Path(Unpacker(archive).folder("part-1"), "real", "__init__.py")
    if change is None:
        file.unlink()
    else:
        file.write_text(change, encoding="utf-8")
    assert Unpacker(archive).folder("part-1") == str(file.parent.parent)
    assert file.read_text(encoding="utf-8") == "value = 1\n"


def test_what_a_killed_process_left_is_in_nobodys_way(archive: Archive, tmp_path: Path) -> None:
    folder = Path(Unpacker(archive).folder("part-1"))
    folder.rename(folder.with_name(f"{folder.name}.tmp"))
    assert Unpacker(archive).folder("part-1") == str(folder)
    assert [each.name for each in folder.parent.iterdir() if each.suffix == ".tmp"] == []


def test_a_folder_that_others_can_write_to_is_not_used(archive: Archive, tmp_path: Path) -> None:
    shared = tmp_path / "cache" / "ppacer"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    assert Path(Unpacker(archive).folder("part-1")).is_relative_to(tmp_path / "home" / ".cache" / "ppacer")
    assert list(shared.iterdir()) == []


def test_a_link_is_not_followed(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ppacer").symlink_to(tmp_path / "elsewhere")
    assert Path(Unpacker(archive).folder("part-1")).is_relative_to(tmp_path / "home")


def test_without_any_folder_it_says_what_to_do(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that is compiled cannot be loaded from everywhere; anything else can."""
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    monkeypatch.delenv("HOME")
    (tmp_path / "tmp" / f"ppacer-{os.geteuid()}").mkdir(parents=True, mode=0o700)
    noexec = os.ST_NOEXEC
    real = os.statvfs

    class Mounted:
        def __init__(self, path: Path) -> None:
            self.f_flag = real(path).f_flag | noexec

    monkeypatch.setattr(os, "statvfs", Mounted)
    assert Path(Unpacker(archive).folder("part-1")).is_relative_to(tmp_path / "tmp")
    compiled = archives.write(tmp_path / "c.pyz", ENTRIES, parts={"part-1": machine()})
    with pytest.raises(UnpackError, match=r"part-1 needs real files.*XDG_CACHE_HOME.*noexec"):
        Unpacker(compiled).folder("part-1")


def test_compiled_code_for_another_python_is_refused(tmp_path: Path) -> None:
    tags = {"python": "cpython-309", "platform": machine()["platform"]}
    archive = archives.write(tmp_path / "p.pyz", ENTRIES, parts={"part-1": tags})
    with pytest.raises(UnpackError, match=rf"compiled for cpython-309 \(here it is {sys.implementation.cache_tag}\)"):
        Unpacker(archive).folder("part-1")


def test_a_damaged_file_is_told(archive: Archive) -> None:
    whole = Path(archive.path).read_bytes()
    time = Path(archive.path).stat().st_mtime_ns
    Path(archive.path).write_bytes(whole.replace(b"value = 1", b"value = 2"))
    os.utime(archive.path, ns=(time, time))
    with pytest.raises(UnpackError, match="is damaged"):
        Unpacker(archive).folder("part-1")


def test_what_nobody_has_used_for_months_is_removed(archive: Archive) -> None:
    folder = Path(Unpacker(archive).folder("part-1"))
    old = folder.with_name("old-0")
    old.mkdir()
    lock = folder.with_name("old-0.lock")
    lock.touch()
    os.utime(lock, (0, 0))
    (folder / "real" / "data.txt").unlink()
    Unpacker(archive).folder("part-1")
    assert sorted(each.name for each in folder.parent.iterdir()) == [folder.name, f"{folder.name}.lock"]


def test_modules_of_a_part_are_imported_from_the_real_files(archive: Archive) -> None:
    spec = CarriedFinder(archive).find_spec("real")
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_file()
    assert CarriedFinder(archive).find_spec("unreal") is None
