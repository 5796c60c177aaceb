"""Every edit that a diagnostic offers, applied: its fault is gone, and nothing new is at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic
from ppc.parse import parse
from ppc.source import Source
from tests.compiler.test_cases import BAD, name_of

ALONE = [file for file in BAD if not (file.parent / "parts").exists()]
UNCOVERED = {"E520", "W202"}
"""Codes whose fault may hide another of the same kind: the next field of a dict, a `let` that only this one named."""


def faults_of(text: str, finder: CallableFinder) -> Sequence[Diagnostic]:
    source = Source("case.ppd", text)
    module, faults = parse(source)
    return compile_program("case", [(source, module)], callables=finder, faults=faults, support=False)[1]


@pytest.mark.parametrize("file", ALONE, ids=name_of)
def test_an_edit_mends_its_fault(file: Path, finder: CallableFinder) -> None:
    text = file.read_text(encoding="utf-8")
    before = faults_of(text, finder)
    for fault in before:
        if fault.edit is None:
            continue
        span = fault.edit.span
        after = faults_of(text[: span.start] + fault.edit.text + text[span.end :], finder)
        new = Counter(each.code for each in after) - Counter(each.code for each in before)
        assert not new, f"{fault.message}: {new}"
        assert len(after) < len(before) or fault.code in UNCOVERED, fault.message
