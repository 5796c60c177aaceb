"""What goes into a program in one file, and that it is the same each time."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

import ppacer
from ppacer.bundle.manifest import FORMAT, INDEX, Index, Manifest
from ppc import bundle_zip
from ppc.bundle_distributions import Installed
from ppc.bundle_error import BundleError
from ppc.bundle_modules import Project, excludes, gather_project, matching, needs_files
from ppc.bundle_native import check_archive, find_packer
from ppc.bundle_target import compile_for, find_target, named_target
from ppc.cli import main
from ppc.cli_python import PythonError
from ppc.modules import ModuleFinder

HELLO = 'dag hello {\n  task start = print("hello")\n}\n'


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def gathered(folder: Path, *modules: str, exclude: tuple[str, ...] = (), others: tuple[str, ...] = ()) -> Project:
    finder = ModuleFinder([folder], sys.path)
    return gather_project(finder, modules, belongs=lambda top: top in others, excluded=excludes(exclude))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/etl.py": "import json\nimport requests\ndef f():\n    import rates, nowhere\n",
            "shop/data/prices.csv": "a,b\n",
            "shop/__pycache__/x.pyc": "",
            "rates.py": "from lonely import x\n",
            "lonely.py": "x = 1\n",
            "unused.py": "",
            "data/a.csv": "",
        },
    )
    return tmp_path


def test_packages_are_carried_whole_with_all_that_they_import(shop: Path) -> None:
    project = gathered(shop, "shop.etl", others=("requests",))
    assert set(project.files) == {"shop/__init__.py", "shop/etl.py", "shop/data/prices.csv", "rates.py", "lonely.py"}
    assert project.tops == {"shop", "rates", "lonely"}
    assert project.others == {"requests"}
    assert project.missing == {"nowhere"}


def test_what_is_excluded_is_not_looked_into(shop: Path) -> None:
    project = gathered(shop, "shop.etl", exclude=("shop.etl", "shop/data/*"))
    assert set(project.files) == {"shop/__init__.py"}
    assert project.others == project.missing == set()


def test_files_are_named_by_patterns(shop: Path) -> None:
    assert set(matching(["data/*.csv"], [shop])) == {"data/a.csv"}
    assert set(matching(["d*"], [shop])) == {"data/a.csv"}
    with pytest.raises(BundleError, match=r"data/\*\.json: there is no such file below"):
        matching(["data/*.json"], [shop])


@pytest.mark.parametrize(
    ("name", "text", "needs"),
    [
        ("m.py", "x = 1", False),
        ("m.py", "OUT = Path(__file__).parent", True),
        ("m.py", "places = spec.submodule_search_locations", True),
        ("m.py", "'tells of __file__'", False),
        ("m.py", "__file__ = (", True),
        ("m.pyi", "", False),
        ("py.typed", "", False),
        ("table.csv", "", True),
        ("x.cpython-311-x86_64-linux-gnu.so", "", True),
    ],
)
def test_what_needs_real_files_is_seen(name: str, text: str, needs: bool) -> None:
    assert needs_files(name, text.encode()) is needs


@pytest.fixture(scope="module")
def installed() -> Installed:
    return Installed(sys.path, find_target(sys.executable).markers, Path(ppacer.__file__).parent)


def test_a_distribution_is_carried_with_what_it_requires(installed: Installed) -> None:
    needed = installed.needed(["ppacer"])
    assert {"alembic", "mako", "markupsafe", "ppacer", "sqlalchemy", "tornado", "tzdata"} <= set(needed)
    assert {"lark", "greenlet", "psycopg"}.isdisjoint(needed)
    assert {"psycopg", "psycopg-binary"} <= set(installed.needed(["psycopg[binary]"]))
    assert "psycopg-binary" in installed.needed(["ppacer[postgresql]"])
    assert "pandas" not in installed.needed(["vega_datasets"], frozenset({"pandas"}))
    with pytest.raises(BundleError, match="no-such-thing is not installed for the Python of the program"):
        installed.needed(["no-such-thing"])


def test_what_an_extra_would_have_brought_is_told_with_the_extra(tmp_path: Path) -> None:
    about = tmp_path / "shop-1.0.dist-info"
    about.mkdir()
    required = "Provides-Extra: mail\nRequires-Dist: no-such-thing[a]>=2; extra == 'mail'\n"
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n{required}", encoding="utf-8")
    found = Installed([str(tmp_path)], find_target(sys.executable).markers, Path(ppacer.__file__).parent)
    with pytest.raises(BundleError, match=r"^shop needs no-such-thing\[a\]>=2, which is not .* 'shop\[mail\]'`, or"):
        found.needed(["shop[mail]"])


def test_compiled_files_are_left_out_where_python_takes_their_place(installed: Installed) -> None:
    for key in ("sqlalchemy", "tornado", "markupsafe"):
        carried = installed.read(key, runtime=True, excluded=lambda _: False)
        assert not [name for name in carried.files if name.endswith((".so", ".pyc", ".pyi"))]
        assert (carried.compiled, carried.about["unpacked"]) == ((), False)
        assert carried.about["licence"]
    driver = installed.read("psycopg-binary", runtime=False, excluded=lambda _: False)
    assert driver.about["unpacked"]
    assert any(name.startswith("psycopg_binary/_psycopg.") for name in driver.compiled)
    assert "psycopg_binary" in driver.tops
    assert installed.bringing("psycopg_binary") == ["psycopg-binary"]


def test_bytecode_is_the_same_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = find_target(sys.executable)
    sources = [("p/a.py", b"x = {'a', 'b', 'c'}\ny = 1 in {'d', 'e', 'f'}\n"), ("p/b.py", b"print 'old'"), ("c", b"")]
    first = compile_for(target, sources)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.chdir(tmp_path)
    assert compile_for(target, sources) == first
    assert [bool(each) for each in first] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "says"), [("3.2", "there is no Python python3.2 here"), ("/bin/sh", "is no Python 3.11 or newer")]
)
def test_a_python_that_is_none_is_told(name: str, says: str) -> None:
    with pytest.raises(PythonError, match=says):
        named_target(name)


def test_the_archive_has_each_entry_where_the_index_says() -> None:
    manifest: Manifest = {
        "format": FORMAT,
        "name": "é",
        "build": "0",
        "compiler": "0",
        "bytecode": [],
        "sources": [],
        "modules": [],
        "distributions": [],
        "parts": {},
        "files": {},
    }
    entries = {"b/é.py": b"1", "a": b"22", "c": b""}
    made = [
        bundle_zip.write(each, manifest, head=b"#!x\n", label="p.pyz", bytecode={"cpython-311": ".pyc"}, unpacked={})
        for each in (entries, dict(reversed(entries.items())))
    ]
    assert made[0] == made[1]
    assert made[0].startswith(b"#!x\nPK")
    with zipfile.ZipFile(io.BytesIO(made[0])) as archive:
        assert archive.testzip() is None
        index: Index = json.loads(archive.read(INDEX))
    for name, content in entries.items():
        offset, size = index["entries"][name]
        assert made[0][offset : offset + size] == content


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ('{"pyinstaller": null}', "pip install 'ppacer[bin]'"),
        ('{"pyinstaller": "6.22.3", "library": null, "version": "3.12.1"}', "apt-get install libpython3.12)"),
    ],
)
def test_a_python_that_no_executable_can_be_made_of_is_told(answer: str, says: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    python.chmod(0o755)
    with pytest.raises(BundleError) as told:
        find_packer(str(python))
    assert says in str(told.value)
    assert str(python) in str(told.value)


def test_the_mark_of_the_loader_is_nowhere_behind_it() -> None:
    check_archive(b"MEI")
    with pytest.raises(BundleError, match="--exclude pyinstaller"):
        check_archive(b"PK MEI\x0c\x0b\x0a\x0b\x0e")


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, ["--sbom", "x"], "are for --format pyz and bin"),
        (2, ["--format", "bin", "--target-python", "3.12"], "--target-python is for --format pyz"),
        (1, ["--format", "pyz", "--include", "sqlalchemi"], "did you mean `sqlalchemy`?"),
        (1, ["--format", "pyz", "--include", "./*.csv"], "there is no such file below"),
        (1, ["--format", "pyz", "--exclude", "pandaz"], "there is nothing of that name"),
        (1, ["--format", "pyz", "--target-python", "3.2"], "there is no Python python3.2 here"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(
    code: int,
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hello.ppd").write_text(HELLO, encoding="utf-8")
    assert main(["build", "hello.ppd", *arguments]) == code
    assert says in capsys.readouterr().err
    assert os.listdir() == ["hello.ppd"]  # noqa: PTH208 - names alone
