"""Which declarations of a file have their names read, and that it makes no difference to what is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from ppc.lsp import names as names_module
from ppc.lsp.completion import complete
from ppc.lsp.session import Session
from ppc.lsp.workspace import Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXT = """import shop
let regions = ["eu", "us"]

template copy(table: str) {
  task dump = print(table)
}

dag first {
  task one[region in regions] = shop.extract(region)
  group copies = copy("all")
  task two = print(one) {
    CURSOR
  }
}

dag second {
  task three = print(regions)
}
""".replace("CURSOR", "")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The declarations that are read, in order, by the first line of each."""
    found: list[str] = []
    top = names_module._Walker.top

    def counted(walker: names_module._Walker, item: names_module.ast.TopItem) -> None:
        found.append(TEXT[item.span.start :].partition("\n")[0])
        top(walker, item)

    monkeypatch.setattr(names_module._Walker, "top", counted)
    return found


def test_completion_reads_the_declaration_at_hand_alone(tmp_path: Path, read: list[str]) -> None:
    session = Session(Workspace([str(tmp_path)]))
    uri = (tmp_path / "large.ppd").as_uri()
    session.open(uri, TEXT, 1)
    line = TEXT[: TEXT.index("    \n")].count("\n")
    offered = [item.label for item in complete(session, uri, lsp.Position(line, 4))]
    assert "retries" in offered
    assert read == ["dag first {"]


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.ppd"))[:12], ids=lambda path: path.stem)
def test_what_is_found_at_a_place_is_what_all_names_of_the_file_say(path: Path, broken: bool) -> None:
    text = path.read_text(encoding="utf-8")
    if broken:
        text = text[: len(text) // 2] + " }} task = \n" + text[len(text) // 2 :]
    session = Session(Workspace([str(path.parent)]))
    session.open(path.as_uri(), text, 1)
    everything = session.names(str(path))
    assert everything is not None
    occurrences, scopes = list(everything.occurrences), list(everything.scopes)
    assert occurrences == sorted(occurrences, key=lambda each: each.span)
    session.open(path.as_uri(), text + "\n", 2)
    names = session.names(str(path))
    assert names is not None
    for offset in range(0, len(text), 7):
        here = [each for each in occurrences if each.span.start <= offset <= each.span.end]
        innermost = min(here, key=lambda each: each.span.end - each.span.start, default=None)
        found, scope = names.at(offset), names.scope(offset)
        assert (found and found.span) == (innermost and innermost.span)
        around = [each for each in scopes if each.span.start <= offset <= each.span.end]
        assert (scope and scope.span) == (around[-1].span if around else None)
        before = [each for each in scopes if each.outer is None and each.span.start <= offset]
        unfinished = names.unfinished(offset)
        assert (unfinished and unfinished.span) == (before[-1].span if before else None)
