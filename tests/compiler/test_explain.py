"""Every code has a page, and what the pages show as wrong or right is so."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import ppc
from ppc import explanations
from ppc.cli import main


def collected() -> dict[str, str]:
    """The codes of all modules of the compiler with their titles."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(ppc.__path__, "ppc."):
        codes: Mapping[str, str] = getattr(importlib.import_module(module.name), "CODES", {})
        for code, title in codes.items():
            assert re.fullmatch(r"[EW]\d{3}", code)
            assert found.setdefault(code, title) == title, f"{code} in {module.name} is taken"
    return found


CODES = collected()
_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)
_BLOCK = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def sections(code: str) -> dict[str, str]:
    """The parts of a page by their headings; what comes first by ``."""
    first, *rest = _SECTION.split(explanations.page(code))
    return {"": first, **dict(zip(rest[::2], rest[1::2], strict=True))}


def found_in(code: str, section: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The codes of what `ppc check` finds in the example of a section."""
    example: tuple[str, str] | None = None
    for _, name, text in _BLOCK.findall(explanations.page(code)):
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    for language, name, text in _BLOCK.findall(sections(code)[section]):
        if not name:
            assert example is None, "one example a section"
            example = language, text
    assert example is not None
    language, text = example
    if language == "sh":
        command = text.replace("python3", sys.executable).replace("ppc check", f"{sys.executable} -m ppc.cli check")
        done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
        said = done.stderr
    else:
        assert language == "ppd"
        (folder / "example.ppd").write_text(text, encoding="utf-8")
        capsys.readouterr()
        main(["check", "example.ppd"])
        said = capsys.readouterr().err
    return set(re.findall(r"^(?:error|warning)\[(\w+)\]", said, re.MULTILINE))


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_there_is_a_page_for_each_code_and_no_other() -> None:
    assert explanations.codes() == sorted(CODES)


@pytest.mark.parametrize("code", explanations.codes())
def test_a_page_has_its_parts(code: str) -> None:
    parts = sections(code)
    assert parts[""].startswith(f"# {code}: {CODES[code]}\n\n")
    assert explanations.title(code) == CODES[code]
    wanted = ["", "Why", "Wrong", "Right"]
    assert list(parts) == ([*wanted, "To allow it"] if code.startswith("W") else wanted)
    assert all(len(line) <= 120 for line in explanations.page(code).splitlines() if not line.startswith("  task"))


@pytest.mark.parametrize("code", explanations.codes())
def test_the_wrong_example_has_this_fault_alone(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found_in(code, "Wrong", tmp_path, capsys) == {code}


@pytest.mark.parametrize("code", explanations.codes())
def test_the_right_example_has_none(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found_in(code, "Right", tmp_path, capsys) == set()


@pytest.mark.parametrize("code", [code for code in explanations.codes() if code.startswith("W")])
def test_a_warning_is_allowed_as_the_page_says(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "```" in sections(code)["To allow it"]:
        assert found_in(code, "To allow it", tmp_path, capsys) == set()
    else:
        assert "cannot be allowed" in sections(code)["To allow it"]


def test_explain_prints_a_page_or_all_titles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "e201"]) == 0
    assert capsys.readouterr().out == explanations.page("E201")
    assert main(["explain"]) == 0
    assert capsys.readouterr().out == "".join(f"{code}  {CODES[code]}\n" for code in sorted(CODES))


@pytest.mark.parametrize(
    ("code", "way_out"), [("E21", "a similar one is E"), ("nonsense", "`ppc explain` lists all"), ("../E201", "")]
)
def test_an_unknown_code_is_told(code: str, way_out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: there is no code {code}; ")
    assert way_out in err
