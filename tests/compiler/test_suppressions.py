"""`# ppc: allow …` hides the warnings of its line, and nothing else; what it does not do is told."""

from __future__ import annotations

import pytest

from ppc.diagnostics import Diagnostic, Span
from ppc.render import render_text
from ppc.source import Source
from ppc.suppressions import suppress

KNOWN = {"W201", "W202", "W401", "W001", "W002", "E201"}


def check(text: str, *found: tuple[str, str]) -> tuple[list[tuple[str, int]], str]:
    """The codes and lines that are left of those `found`, each at the first place of a text; and the text once all
    edits are made."""
    source = Source("a.ppd", text)
    diagnostics = []
    for code, place in found:
        start = text.index(place)
        diagnostics.append(Diagnostic(code, "…", Span("a.ppd", start, start + len(place))))
    left = suppress(diagnostics, {"a.ppd": source}, KNOWN.__contains__)
    render_text(left, {"a.ppd": source}, colour=False)
    mended = text
    for diagnostic in reversed(left):
        if diagnostic.edit is not None:
            mended = mended[: diagnostic.edit.span.start] + diagnostic.edit.text + mended[diagnostic.edit.span.end :]
    return [(each.code, source.line_column(each.span.start)[0]) for each in left], mended


@pytest.mark.parametrize(
    "comment",
    ["# ppc: allow W201", "#ppc:allow W201", "## ppc:  allow  W201 ", "# ppc: allow W202,W201",
     "# ppc: allow W201 W202", "# ppc: allow W201, W202 # on purpose: \"W401\""],
)  # fmt: skip
def test_a_warning_of_the_line_is_allowed(comment: str) -> None:
    text = f"import a  {comment}\nimport b\n"
    left, _ = check(text, ("W201", "import a"), ("W202", "a"), ("W201", "import b"))
    assert left == ([("W201", 2)] if "W202" in comment else [("W202", 1), ("W201", 2)])


def test_it_stands_on_the_first_or_last_line_of_a_warning() -> None:
    for text in ("f(  # ppc: allow W201\n  1,\n  2)", "f(\n  1,\n  2)  # ppc: allow W201"):
        assert check(text, ("W201", text[: text.index(")") + 1]))[0] == []
    middle = "f(\n  1,  # ppc: allow W201\n  2)"
    assert check(middle, ("W201", middle))[0] == [("W201", 1), ("W001", 2)]


def test_errors_are_never_allowed() -> None:
    left, _ = check("x  # ppc: allow E201\n", ("E201", "x"))
    assert left == [("E201", 1), ("W002", 1)]


@pytest.mark.parametrize("comment", ["# ppc: allow W999", "# ppc: allow W001", "# ppc: allow W002", "# ppc: alow W201",
                                     "# ppc: allow", "# ppc: allow ,", "# ppc:", "# ppc: w201 allow"])  # fmt: skip
def test_what_is_not_understood_is_told(comment: str) -> None:
    left, mended = check(f"import a {comment}\n", ("W201", "import a"))
    assert left == [("W201", 1), ("W002", 1)]
    assert mended == ("import a\n" if "allow W" in comment else f"import a {comment}\n")


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("let x = 1   # ppc: allow W201\nlet y = 2\n", "let x = 1\nlet y = 2\n"),
        ("let x = 1   # ppc: allow W201 # once needed\n", "let x = 1   # once needed\n"),
        ("let x = 1\n  # ppc: allow W201\nlet y = 2\n", "let x = 1\nlet y = 2\n"),
        ("let x = 1\r\n  # ppc: allow W201\r\nlet y = 2\r\n", "let x = 1\r\nlet y = 2\r\n"),
        ("let x = 1\n# ppc: allow W201", "let x = 1\n"),
    ],
)
def test_what_allows_nothing_is_told_and_taken_out(text: str, mended: str) -> None:
    left, after = check(text)
    assert [code for code, _ in left] == ["W001"]
    assert after == mended


def test_of_several_codes_only_the_useless_one_goes() -> None:
    left, mended = check("import a  # ppc: allow W202, W201, W401\n", ("W201", "import a"), ("W202", "import a"))
    assert left == [("W001", 1)]
    assert mended == "import a  # ppc: allow W202, W201\n"


def test_a_code_that_is_given_twice_is_useless_once() -> None:
    assert check("import a  # ppc: allow W201, W201\n", ("W201", "import a"))[0] == [("W001", 1)]


def test_nothing_seems_useless_while_there_are_errors() -> None:
    left, _ = check("import a  # ppc: allow W201\nx\n", ("E201", "x"))
    assert left == [("E201", 2)]


def test_only_comments_count() -> None:
    text = 'let x = "# ppc: allow W201"\nlet y = """\n# ppc: allow W201\n"""\n'
    assert check(text, ("W201", "let x"))[0] == [("W201", 1)]


def test_a_comment_on_a_line_of_its_own_is_for_what_stands_there() -> None:
    text = "# ppc: allow W201\nimport a\n"
    assert check(text, ("W201", "import a"))[0] == [("W001", 1), ("W201", 2)]
