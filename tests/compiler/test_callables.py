"""Callables are found, described and hashed from their source alone: every module of the project fails on import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ppacer.spec import CallableKind
from ppc.callables import BUILT_IN_TASKS, CallableFinder, FoundCallable
from ppc.definitions import Fault, FaultKind


def found(finder: CallableFinder, name: str) -> FoundCallable:
    module, _, names = name.partition(":")
    answer = finder.find(module, tuple(names.split(".")))
    assert isinstance(answer, FoundCallable), answer
    return answer


def fault(finder: CallableFinder, name: str) -> Fault:
    module, _, names = name.partition(":")
    answer = finder.find(module, tuple(names.split(".")))
    assert isinstance(answer, Fault), answer
    return answer


FUNCTION, COROUTINE, CLASS = CallableKind.FUNCTION, CallableKind.COROUTINE, CallableKind.CLASS
OBJECT, UNKNOWN = CallableKind.OBJECT, CallableKind.UNKNOWN


@pytest.mark.parametrize(
    ("name", "kind", "signature", "nothing"),
    [
        (
            "shop.etl:extract",
            FUNCTION,
            "(region: str, day: date | None = …, full: bool = …)",
            False,
        ),
        ("shop.etl:fetch", COROUTINE, "(url: str, *, attempts: int = …)", False),
        (
            "shop.etl:load",
            FUNCTION,
            "(rows: list[dict[str, str]], /, table: str, *, chunk: int = …, **options: object)",
            False,
        ),
        ("shop.etl:clean_up", FUNCTION, "()", True),
        ("shop.etl:forget", FUNCTION, "(path: str)", True),
        ("shop.etl:report", FUNCTION, "(title: str)", False),
        ("shop.etl:decorated", UNKNOWN, None, False),
        ("shop.etl:cached", FUNCTION, "(a: int)", False),
        ("shop.etl:extract_again", FUNCTION, "(region: str, day: date | None = …, full: bool = …)", False),
        ("shop.etl:double", FUNCTION, "(x)", False),
        ("shop.etl:partial", OBJECT, None, False),
        ("shop:pull", FUNCTION, "(region: str, day: date | None = …, full: bool = …)", False),
        ("shop:Loader", CLASS, "(table: str, chunk: int = …)", False),
        ("shop:Loader.count", FUNCTION, "(table: str)", False),
        ("shop:Loader.make", FUNCTION, "(table: str)", False),
        ("shop.tools:Copy", CLASS, "(source: str, target: str, mode: str = …, log: list[str] = …)", True),
        ("shop.tools:Inherited", CLASS, "(source: str)", False),
        ("shop.tools:Asking", CLASS, "(table: str)", False),
        ("shop.tools:Inheriting", CLASS, "(table: str)", False),
        ("shop.tools:FromElsewhere", CLASS, None, False),
        ("shop.branches:place", UNKNOWN, None, False),
        ("shop.branches:dumps", UNKNOWN, None, False),
        ("shop.branches:made_on_demand", UNKNOWN, None, False),
        ("shop.circle_a:around", UNKNOWN, None, False),
        ("time:sleep", UNKNOWN, None, False),
        ("math:sqrt", UNKNOWN, None, False),
        (
            "shutil:copyfile",
            FUNCTION,
            "(src, dst, *, follow_symlinks = …)",
            False,
        ),
    ],
)
def test_describes_a_callable(
    finder: CallableFinder, name: str, kind: CallableKind, signature: str | None, nothing: bool
) -> None:
    callable_ = found(finder, name)
    assert callable_.spec.id == name
    assert callable_.spec.kind is kind
    assert (callable_.signature.text if callable_.signature else None) == signature
    assert callable_.returns_nothing is nothing


@pytest.mark.parametrize(
    ("name", "kind", "message", "similar"),
    [
        ("shop.etl:extrct", FaultKind.NO_NAME, "module `shop.etl` has no `extrct`", "extract"),
        ("shop.etl:REGIONS", FaultKind.NOT_CALLABLE, "`REGIONS` is a list, not a callable", None),
        ("shop:etl", FaultKind.NOT_CALLABLE, "`shop.etl` is a module, not a callable", None),
        ("shop.etl:functools", FaultKind.NOT_CALLABLE, "is a module", None),
        ("shop.etl:lines", FaultKind.GENERATOR, "`lines` is a generator", None),
        ("shop.etl:stream", FaultKind.GENERATOR, "`stream` is a generator", None),
        ("shop.etl:outer.inner", FaultKind.NOT_REACHABLE, "`inner` is inside the function `outer`", None),
        ("shop:Loader.close", FaultKind.NOT_REACHABLE, "needs an instance of `Loader`", None),
        ("shop:Loader.Count", FaultKind.NO_NAME, "class `Loader` has no `Count`", "count"),
        ("shop.tools:Silent", FaultKind.NOT_CALLABLE, "a class without `__call__`", None),
        ("shop.tools:Wanting", FaultKind.NOT_CALLABLE, "it may take a `TaskContext` only", None),
        ("shop.broken:oops", FaultKind.BROKEN_MODULE, "`shop/broken.py` does not parse: line 1", None),
        ("shop.circle_a:nothing", FaultKind.NO_NAME, "module `shop.circle_a` has no `nothing`", None),
    ],
)
def test_says_why_a_name_is_no_callable(
    finder: CallableFinder, name: str, kind: FaultKind, message: str, similar: str | None
) -> None:
    answer = fault(finder, name)
    assert answer.kind is kind
    assert message in answer.message
    assert answer.similar == similar


def test_tells_which_part_of_the_name_is_wrong(finder: CallableFinder) -> None:
    assert fault(finder, "shop:etl.extrct").part == 1
    assert fault(finder, "shop:Loader.close").part == 1
    assert fault(finder, "shop:Loadr").part == 0


@pytest.mark.parametrize(
    ("module", "part", "similar"),
    [("shpo.etl", 0, "shop"), ("shop.elt", 1, "shop.etl"), ("shop.etl.deeper", 2, None), ("jsn", 0, "json")],
)
def test_finds_no_such_module(finder: CallableFinder, module: str, part: int, similar: str | None) -> None:
    answer = finder.module_fault(module)
    assert answer is not None
    assert (answer.kind, answer.part, answer.similar) == (FaultKind.NO_MODULE, part, similar)


def test_finds_the_parameter_that_takes_the_context(finder: CallableFinder) -> None:
    assert found(finder, "shop.etl:report").spec.context == "context"  # imported for type checkers alone, as a text
    assert found(finder, "shop:Loader").spec.context == "context"  # through a module
    assert found(finder, "shop.etl:extract").spec.context is None


def test_a_class_may_take_the_context_in_its_constructor_and_in_its_call(finder: CallableFinder) -> None:
    asking = found(finder, "shop.tools:Asking")
    assert (asking.given, asking.spec.context) == ("where", "run")


def test_carries_the_source_and_its_place(finder: CallableFinder) -> None:
    code = found(finder, "shop:Loader.count").spec.code
    assert code is not None
    assert code.path == "shop/tools.py"
    assert code.text.startswith("@staticmethod\ndef count(table: str)")
    assert Path(__file__).parent.joinpath("project/shop/tools.py").read_text().splitlines()[code.line - 1].strip() == (
        "@staticmethod"
    )


@pytest.mark.parametrize("name", BUILT_IN_TASKS)
def test_describes_the_built_in_tasks(finder: CallableFinder, name: str) -> None:
    callable_ = finder.built_in(name)
    assert isinstance(callable_, FoundCallable)
    assert callable_.signature is not None
    assert callable_.spec.id == BUILT_IN_TASKS[name]
    assert callable_.spec.hash == ""


def test_executes_nothing(finder: CallableFinder) -> None:
    found(finder, "shop:pull")
    assert not [name for name in sys.modules if name.partition(".")[0] == "shop"]


def write(folder: Path, **modules: str) -> CallableFinder:
    for name, text in modules.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return CallableFinder([folder], sys.path)


def test_hashes_the_projects_modules_that_the_callable_is_made_of(tmp_path: Path) -> None:
    first = {"a": "import b\ndef f(): ...\n", "b": "import c\n", "c": "X = 1\n", "d": "import b\ndef g(): ...\n"}
    before = found(write(tmp_path, **first), "a:f").spec.hash
    assert len(before) == 64
    assert found(write(tmp_path, d="Y = 2\n"), "a:f").spec.hash == before
    assert found(write(tmp_path, c="X = 2\n"), "a:f").spec.hash != before
    assert found(write(tmp_path, **first), "a:f").spec.hash == before


def test_hashes_relative_imports_and_the_packages_above(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name, text in {"__init__": "Z = 1\n", "a": "from . import b\ndef f(): ...\n", "b": "X = 1\n"}.items():
        (tmp_path / "p" / f"{name}.py").write_text(text)
    hashes = {found(CallableFinder([tmp_path], sys.path), "p.a:f").spec.hash}
    for changed in ("__init__", "b"):
        (tmp_path / "p" / f"{changed}.py").write_text("X = 2\n")
        hashes.add(found(CallableFinder([tmp_path], sys.path), "p.a:f").spec.hash)
    assert len(hashes) == 3


def test_takes_a_folder_without_init_for_a_package(tmp_path: Path) -> None:
    finder = write(tmp_path, space__deep__module="def f(a): ...\n")
    assert found(finder, "space.deep.module:f").signature is not None
    assert finder.module_fault("space.deep.other") is not None


def test_the_project_comes_before_installed_modules(tmp_path: Path) -> None:
    finder = write(tmp_path, jinja2="def mine(): ...\n")
    assert found(finder, "jinja2:mine").spec.hash


def test_a_built_in_module_cannot_be_hidden(tmp_path: Path) -> None:
    finder = write(tmp_path, time="def mine(): ...\n")
    assert found(finder, "time:sleep").spec.kind is UNKNOWN


def test_names_of_extension_modules_of_another_python_are_not_judged(tmp_path: Path) -> None:
    (tmp_path / "fast.cpython-399-x86_64-linux-gnu.so").write_bytes(b"")
    finder = CallableFinder([tmp_path], sys.path)
    assert finder.module_fault("fast") is None
    assert found(finder, "fast:anything").spec.kind is UNKNOWN


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\x00'\n", "(" * 5000])
def test_a_source_that_python_refuses_is_a_fault(tmp_path: Path, text: str) -> None:
    finder = write(tmp_path, bad=text)
    answer = finder.module_fault("bad")
    assert answer is not None
    assert answer.kind is FaultKind.BROKEN_MODULE
