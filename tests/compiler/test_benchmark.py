"""What the benchmark measures is what it says: sound programs, faulty ones, and Lark reading the same text."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from lark import Lark, Token

from ppc.cli import main
from ppc.parse_grammar import GRAMMAR

FILE = Path(__file__).parents[2] / "benchmarks" / "compiler.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_the_compiler", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_its_sources_are_sound(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.py").write_text(benchmark.SHOP, encoding="utf-8")
    for name, text, contents in [
        ("small", benchmark.small(), "2 dags, 34 tasks"),
        ("large", benchmark.large(3, 10), "3 dags, 30 tasks"),
        ("chain", benchmark.chain(10), "1 dag, 10 tasks"),
        ("fan", benchmark.fan_out(10), "1 dag, 10 tasks"),
    ]:
        Path(f"{name}.ppd").write_text(text, encoding="utf-8")
        assert main(["check", f"{name}.ppd"]) == 0
        assert capsys.readouterr() == (f"{name}.ppd: {contents}, no errors\n", "")
    Path("faulty.ppd").write_text(benchmark.faulty(20), encoding="utf-8")
    assert main(["check", "faulty.ppd"]) == 1
    assert capsys.readouterr().err.endswith("\n20 errors\n")


def test_lark_reads_the_same_text(benchmark: ModuleType) -> None:
    parser = benchmark.lark_parser(Lark, Token, GRAMMAR.read_text(encoding="utf-8"))
    tree = parser.parse(benchmark.large(3, 10))
    assert sum(1 for _ in tree.find_data("task")) == 30
    assert sum(1 for _ in tree.find_data("edge")) == 12
    assert tree.meta.end_line == benchmark.large(3, 10).count("\n") + 1
