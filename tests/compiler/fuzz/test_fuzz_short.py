"""A short run of the fuzzer, the same at every time, and what the fuzzer itself must do: notice and replay."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from ppc.callables import CallableFinder
from ppc.diagnostics import Diagnostic, Span
from ppc.source import Source
from tests.compiler.fuzz import laws, trial
from tests.compiler.fuzz.inputs import Corpus, draw, read_corpus
from tests.compiler.fuzz.laws import BrokenLawError
from tests.compiler.fuzz.trial import Outcome, TooSlowError, processor_time, shrink, try_inputs

SEED = 20260101
INPUTS = 3000


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus()


def test_a_few_thousand_inputs_neither_crash_nor_hang(corpus: Corpus, finder: CallableFinder) -> None:
    outcome = try_inputs(corpus, SEED, range(INPUTS), finder)
    assert [(failure.what, failure.raw, failure.trace) for failure in outcome.failures.values()] == []
    assert outcome.inputs == INPUTS
    assert len(outcome.kinds) == 7
    assert outcome.compiled == INPUTS // 25
    assert 0 < outcome.sound < outcome.compiled
    assert outcome.faults > INPUTS


def test_an_input_can_be_had_again(corpus: Corpus) -> None:
    drawn = [draw(corpus, SEED, number) for number in range(200)]
    assert [draw(corpus, SEED, number) for number in reversed(range(200))] == drawn[::-1]
    assert [draw(corpus, SEED + 1, number) for number in range(200)] != drawn


def test_a_crash_is_told_with_the_smallest_input(
    corpus: Corpus, finder: CallableFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = laws.parse

    def crashing(source: Source) -> object:
        if "}" in source.text:
            raise ValueError(f"no {source.text}")
        return parse(source)

    monkeypatch.setattr(laws, "parse", crashing)
    outcome = try_inputs(corpus, SEED, range(100), finder)
    (failure,) = outcome.failures.values()
    assert outcome.failed[failure.what] > 1
    assert "crashing" in failure.what
    assert shrink(failure, finder) == b"}"


def test_counts_of_processes_are_added(corpus: Corpus, finder: CallableFinder) -> None:
    whole = try_inputs(corpus, SEED, range(60), finder)
    parts = Outcome()
    for share in range(3):
        parts.add(try_inputs(corpus, SEED, range(share, 60, 3), finder))
    assert parts == whole


def test_a_place_outside_the_text_breaks_a_law() -> None:
    source = Source(laws.NAME, "dag")
    laws.check_faults((Diagnostic("E101", "wrong", Span(laws.NAME, 3, 3)),), source)
    with pytest.raises(BrokenLawError, match="E101 points at"):
        laws.check_faults((Diagnostic("E101", "wrong", Span(laws.NAME, 3, 4)),), source)


def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(TooSlowError), processor_time(0.05):
        all(True for _ in itertools.repeat(None))


def test_the_corpus_has_examples_cases_and_documents(corpus: Corpus) -> None:
    texts = set(corpus.texts)
    assert Path(trial.ROOT, "examples/hello.ppd").read_text(encoding="utf-8") in texts
    assert len(corpus.sound) > 50
    assert len(texts) > 200
