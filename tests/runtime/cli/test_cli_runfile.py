"""The run file: private, whole, and removed only by the one who wrote it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ppacer.runfile import RunFile, read_run_file, remove_run_file, write_run_file

CONTENT = RunFile("http://127.0.0.1:1", 42, "i-1", "secret")


def test_it_is_read_as_written_and_readable_to_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "shop.run.json"
    path.write_text("something older, readable to all")
    path.chmod(0o644)
    write_run_file(path, CONTENT)
    assert read_run_file(path) == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["shop.run.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1, "pid": 2, "instance": "x", "token": null}'])
def test_what_is_not_whole_is_no_run_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shop.run.json"
    path.write_text(text)
    assert read_run_file(path) is None


def test_only_its_writer_removes_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.run.json"
    write_run_file(path, CONTENT)
    remove_run_file(path, "i-2")
    assert path.exists()
    remove_run_file(path, "i-1")
    assert not path.exists()
    remove_run_file(path, "i-1")
