"""The colours of source: nothing of a text is lost or changed, and the words are those of the language."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from ppd import words
from tests.browser.visits import Visits

ROOT = Path(__file__).parents[2]
MODULE = "import('/static/highlight.js')"


def test_the_words_are_those_of_the_language(visits: Visits) -> None:
    found = visits.open("/").evaluate(f"{MODULE}.then(({{ PPD }}) => PPD)")
    assert {name: frozenset(found[name]) for name in found} == {
        "declarations": words.DECLARATIONS,
        "clauses": words.CLAUSES,
        "operators": words.OPERATORS,
        "constants": words.CONSTANTS,
        "scopes": words.SCOPES,
    }


@pytest.mark.parametrize(("language", "pattern"), [("ppd", "*.ppd"), ("python", "*.py")])
def test_all_text_stays_as_it_is(visits: Visits, language: str, pattern: str) -> None:
    page = visits.open("/")
    folders = (ROOT / "examples", ROOT / "tests" / "e2e" / "pipelines", ROOT / "tests" / "compiler" / "cases")
    texts = [file.read_text(encoding="utf-8") for file in chain.from_iterable(each.rglob(pattern) for each in folders)]
    texts += ['"open', "'''open", "# at the end", "a = \\", "é = '𝄞'", "\x00\x1b[0m"]
    changed = page.evaluate(
        f"""([texts, language]) => {MODULE}.then(({{ tokens }}) =>
          texts.filter((text) => tokens(text, language).map(([, token]) => token).join("") !== text))""",
        [texts, language],
    )
    assert changed == []


CASES = {
    "ppd": (
        'dag sales { # all\n  task load = shop.task(run.date - 1d, "x")\n  param day: date = none }',
        "dag:keyword sales:name # all:comment task:keyword load:name run:scope 1d:number "
        '"x":string param:keyword day:name none:constant',
    ),
    "python": (
        '@cached\nasync def load(day):\n    """Docs # no comment."""\n    return f"{day}" if day is not None else 0x1f',
        '@cached:decorator async:keyword def:keyword load:name """Docs # no comment.""":string return:keyword '
        'f"{day}":string if:keyword is:keyword not:keyword None:constant else:keyword 0x1f:number',
    ),
}


@pytest.mark.parametrize("language", CASES)
def test_each_kind_of_token_is_told(visits: Visits, language: str) -> None:
    text, wanted = CASES[language]
    found = visits.open("/").evaluate(
        f"([text, language]) => {MODULE}.then(({{ tokens }}) => tokens(text, language))", [text, language]
    )
    assert " ".join(f"{token}:{kind}" for kind, token in found if kind != "text") == wanted
