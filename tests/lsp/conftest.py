"""One server for all tests of a file, each of which has files of names of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lsp.editor import Editor

SHOP = '''"""Steps of the shop."""


def extract(region: str, day: str = "today", *, full: bool = False) -> list[int]:
    """Loads the orders of a region."""
    return []


def clean(rows: list[int]) -> list[int]:
    return rows


def report(rows: list[int]) -> None:
    """Sends the report."""
'''


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop.py").write_text(SHOP)
    with Editor(folder) as editor:
        yield editor


@pytest.fixture
def project(editor: Editor) -> Path:
    """The folder that the editor has open."""
    return editor.folder
