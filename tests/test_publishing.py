"""What is published: a wheel of the three packages alone, the same from the sources as from their archive."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0"}


def call(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive of the sources, and the wheel that was built from that."""
    folder = tmp_path_factory.mktemp("built")
    call("-m", "build", "--no-isolation", "--outdir", folder, ".")
    return folder


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.mark.slow
def test_the_wheel_holds_the_three_packages_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(only(built, "*.whl")) as wheel:
        names = wheel.namelist()
        metadata = only_named(names, ".dist-info/METADATA")
        told = wheel.read(metadata).decode()
    assert {name.split("/")[0] for name in names} == {"ppc", "ppacer", "ppd", metadata.split("/")[0]}
    assert {f"{package}/py.typed" for package in ("ppc", "ppacer", "ppd")} <= set(names)
    assert [name for name in names if name.endswith((".pyc", ".db")) or "/tests/" in name] == []
    needed = ("ppd/ppd.lark", "ppc/templates/deployment/service.j2", "ppacer/web/static/app.js")
    assert [name for name in needed if name not in names] == []
    assert only_named(names, ".dist-info/licenses/LICENSE")
    assert "License-Expression: Apache-2.0\n" in told


def only_named(names: list[str], ending: str) -> str:
    (found,) = [name for name in names if name.endswith(ending)]
    return found


@pytest.mark.slow
def test_the_sources_build_the_same_wheel_as_their_archive(built: Path, tmp_path: Path) -> None:
    call("-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ".")
    assert only(tmp_path, "*.whl").read_bytes() == only(built, "*.whl").read_bytes()
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        tops = {name.split("/")[1] for name in archive.getnames()}
    kept = {"compiler", "runtime", "grammar", "examples", "tests", "docs", "README.md", "LICENSE", "pyproject.toml"}
    assert tops - {".gitignore"} == kept | {"PKG-INFO"}


@pytest.mark.slow
def test_an_index_would_take_both(built: Path) -> None:
    assert call("-m", "twine", "--no-color", "check", "--strict", *sorted(built.iterdir())).count("PASSED") == 2


@pytest.fixture(scope="module")
def dependencies() -> Mapping[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_dependencies.py"))


def test_a_program_needs_no_more_than_the_document_tells(dependencies: Mapping[str, Any]) -> None:
    told = rows()
    for extra in dependencies["EXTRAS"]:
        heading = f"`ppacer[{extra}]`" if extra else "What every program needs"
        listed = told[heading]
        asked = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
        declared = {dependencies["key"](Requirement(text).name) for text in asked}
        assert declared == {name for name, (why, _) in listed.items() if not why.startswith("needed by")}
        assert [name for name in declared if listed[name][0] != dependencies["WHY"][name]] == []
    base = told["What every program needs"]
    needed = dependencies["closure"]("")
    assert [name for name in needed if name not in base] == [], "run `python docs/make_dependencies.py`"
    assert not {"jinja2", "lark", "psycopg", "pygls", "pandas"} & set(needed)


def test_what_a_program_needs_is_under_permissive_licences(dependencies: Mapping[str, Any]) -> None:
    for name in dependencies["closure"](""):
        words = set(re.split(r" (?:AND|OR) ", dependencies["licence"](name)))
        assert words <= PERMISSIVE, name


def rows() -> dict[str, dict[str, tuple[str, str]]]:
    """What the document tells under each of its headings: of a distribution what for, and its licence."""
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0]
        cells = re.findall(r"^\| `([\w-]+)` \| (.*?) \| (.*?) \|", part, re.MULTILINE)
        found[heading] = {name: (why, licence) for name, why, licence in cells}
    return found
