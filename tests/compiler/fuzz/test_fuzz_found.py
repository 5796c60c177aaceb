"""Inputs that the fuzzer found, made small: each once broke a law."""

from __future__ import annotations

import pytest

from ppc.callables import CallableFinder
from tests.compiler.fuzz.laws import check

FOUND = {
    "what follows a block is not taken for a setting": b"=m{),}e}",
    "nor behind a lone name": b"defaults{s,}0}",
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str, finder: CallableFinder) -> None:
    assert check(FOUND[name], finder, twice=True).faults
