"""The words of the language that editors know are those that the compiler knows."""

from __future__ import annotations

import runpy
from collections.abc import Mapping

from ppacer import spec
from ppc.callables import BUILT_IN_TASKS
from ppc.callees import BUILT_IN_NOTIFIERS
from ppc.settings import DAG_SETTINGS, POOL_SETTINGS, TASK_SETTINGS, Rule
from ppc.types import Word, Words
from ppd import words
from tests.editors.truth import ROOT


def test_settings() -> None:
    assert TASK_SETTINGS.keys() == words.TASK_SETTINGS
    assert DAG_SETTINGS.keys() == words.DAG_SETTINGS
    assert POOL_SETTINGS.keys() == words.POOL_SETTINGS


def test_words_of_settings() -> None:
    tables: tuple[Mapping[str, Rule], ...] = (TASK_SETTINGS, DAG_SETTINGS, POOL_SETTINGS)
    taken = {
        name: {str(word) for word in rule.type.words}
        for table in tables
        for name, rule in table.items()
        if isinstance(rule.type, Word | Words)
    }
    assert taken == words.SETTING_WORDS


def test_built_ins() -> None:
    assert BUILT_IN_TASKS.keys() == words.BUILT_IN_TASKS
    assert BUILT_IN_NOTIFIERS.keys() == words.BUILT_IN_NOTIFIERS


def test_types_of_params() -> None:
    assert {str(kind) for kind in spec.ParamKind} == words.TYPES


def test_the_grammars_have_the_words() -> None:
    """If not: python grammar/spread_words.py."""
    spread = runpy.run_path(str(ROOT / "grammar/spread_words.py"))["spread"]()
    assert len(spread) == 2
    for path, text in spread.items():
        assert path.read_text(encoding="utf-8") == text, path
