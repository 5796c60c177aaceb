"""What a reader of the tutorial and of the how-tos does, word for word, in an empty folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.walk import walking

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.slow


def test_the_tutorial_can_be_walked(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        walk.through(DOCS / "tutorial.md")
    assert len(walk.typed) >= 15
    assert (walk.folder / "server" / "sales.db").is_file()


@pytest.mark.parametrize("name", ["retries", "secrets", "backfill", "upgrade", "cron", "go-ppacer"])
def test_a_how_to_can_be_followed(name: str, tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        walk.through(DOCS / "howto" / f"{name}.md")
    assert walk.typed


def test_several_machines_can_be_used_as_is_told(tmp_path: Path) -> None:
    """All are this one, and the scheduler answers there alone."""
    with walking(tmp_path, {" --host 0.0.0.0": ""}) as walk:
        walk.through(DOCS / "howto" / "machines.md")
        assert len(walk.serving) == 2


def test_postgresql_can_be_used_as_is_told(tmp_path: Path, empty_database: Callable[[str], str]) -> None:
    document = DOCS / "howto" / "postgresql.md"
    (shown,) = set(re.findall(r"postgresql://\S+", document.read_text(encoding="utf-8")))
    with walking(tmp_path, {shown: f"'{empty_database('postgresql')}'"}) as walk:
        walk.through(document)
    assert len(walk.typed) == 3
