"""The command `ppc` as a person meets it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ppacer import __version__
from ppc.cli import main

HELLO = """\
dag hello {
  task start = print("hello")
  task end = empty()
  start -> end
}
"""
SHOP = """\
import shop.etl

dag sales {
  task load = shop.etl.load("eu")
}
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def shop(folder: str) -> None:
    write(f"{folder}/shop/__init__.py", "")
    write(f"{folder}/shop/etl.py", "raise SystemExit('imported at build time')\n\ndef load(region: str) -> int: ...\n")


def listing(folder: str) -> list[str]:
    return sorted(entry.name for entry in Path(folder).iterdir())


def program(path: str) -> dict[str, object]:
    namespace: dict[str, object] = {"__name__": "generated"}
    exec(compile(Path(path).read_bytes(), path, "exec"), namespace)
    return namespace


def test_check_says_what_is_there_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write("hello.ppd", HELLO)
    assert main(["check", "hello.ppd"]) == 0
    assert capsys.readouterr() == ("hello.ppd: 1 dag, 2 tasks, no errors\n", "")
    assert listing(".") == ["hello.ppd"]


@pytest.mark.parametrize(
    ("output", "place"),
    [
        ([], "flows/hello.py"),
        (["-o", "build"], "build/hello.py"),
        (["-o", "a/b/"], "a/b/hello.py"),
        (["-o", "c/d.py"], "c/d.py"),
    ],
)
def test_build_writes_the_program(output: list[str], place: str, capsys: pytest.CaptureFixture[str]) -> None:
    write("flows/hello.ppd", HELLO)
    assert main(["build", "flows/hello.ppd", *output]) == 0
    assert capsys.readouterr() == (f"flows/hello.ppd -> {place}: 1 dag, 2 tasks\n", "")
    first = Path(place).read_bytes()
    assert main(["build", "flows/hello.ppd", *output]) == 0
    assert Path(place).read_bytes() == first
    assert [name for name in listing(str(Path(place).parent)) if not name.endswith(".ppd")] == [Path(place).name]


def test_a_program_says_where_its_modules_are_from_its_own_place(monkeypatch: pytest.MonkeyPatch) -> None:
    write("flows/sales.ppd", SHOP)
    shop("lib")
    texts = []
    for cwd, command in [
        (".", ["build", "flows/sales.ppd", "--path", "lib", "-o", "build"]),
        ("flows", ["build", "sales.ppd", "--path", "../lib", "-o", "../build/"]),
        ("lib", ["build", "--path", ".", os.path.realpath("flows/sales.ppd"), "-o", "../build/sales.py"]),
    ]:
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            assert main(command) == 0
        texts.append(Path("build/sales.py").read_text(encoding="utf-8"))
    assert len(set(texts)) == 1
    assert 'search_path=("../flows", "../lib")' in texts[0]
    assert 'path="../flows/sales.ppd"' in texts[0]


def test_several_files_make_one_program_named_after_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    write("a.ppd", HELLO)
    write("b.ppd", HELLO.replace("dag hello", "dag other"))
    assert main(["build", "a.ppd", "b.ppd", "./a.ppd"]) == 0
    assert capsys.readouterr().out == "a.ppd and 2 more -> a.py: 2 dags, 4 tasks\n"
    assert {"dag_hello", "dag_other"} < set(program("a.py"))


def test_all_faults_of_all_files_come_at_once_and_the_old_program_stays(capsys: pytest.CaptureFixture[str]) -> None:
    write("a.ppd", HELLO)
    assert main(["build", "a.ppd"]) == 0
    old = Path("a.py").read_bytes()
    write("a.ppd", HELLO.replace("-> end", "-> ende").replace("empty()", "empty(1)"))
    write("b.ppd", "dag other {\n  task x = print(\n}\n")
    capsys.readouterr()
    assert main(["build", "a.ppd", "b.ppd"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "a.ppd:3:" in err
    assert "a.ppd:4:12" in err
    assert "start -> ende" in err
    assert "^^^^" in err
    assert "b.ppd:2:" in err or "b.ppd:3:" in err
    assert err.index("a.ppd:3:") < err.index("a.ppd:4:12") < err.index("b.ppd:")
    assert err.endswith("3 errors\n")
    assert Path("a.py").read_bytes() == old
    assert listing(".") == ["a.ppd", "a.py", "b.ppd"]


def test_a_warning_is_told_and_the_program_written(capsys: pytest.CaptureFixture[str]) -> None:
    write("a.ppd", "import json\n\n" + HELLO)
    assert main(["build", "a.ppd"]) == 0
    out, err = capsys.readouterr()
    assert out == "a.ppd -> a.py: 1 dag, 2 tasks\n"
    assert "a.ppd:1:" in err
    assert err.endswith("1 warning\n")


def _no_file(path: Path) -> None:
    assert not path.exists()


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _comment_only(path: Path) -> None:
    path.write_text("# nothing yet\n\n", encoding="utf-8")


def _no_dag(path: Path) -> None:
    path.write_text('"""Only lets."""\nimport json\n', encoding="utf-8")


def _latin_1(path: Path) -> None:
    path.write_bytes("dag café {}\n".encode("latin-1"))


def _endless_link(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [_no_file, _folder, _empty, _comment_only, _no_dag, _latin_1, _endless_link])
@pytest.mark.parametrize("command", ["check", "build"])
def test_bad_files_are_told_and_the_old_program_stays(
    make: object, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(make)
    write("bad.py", "# Generated by ppc 0: the old program\n")
    make(Path("bad.ppd"))
    assert main([command, "bad.ppd"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[E0")
    assert "bad.ppd" in err
    assert "Traceback" not in err
    assert Path("bad.py").read_text(encoding="utf-8") == "# Generated by ppc 0: the old program\n"


@pytest.mark.parametrize("command", ["check", "build", "run"])
@pytest.mark.parametrize("place", [".", "..", "/", ""])
def test_what_is_no_file_is_told(command: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, place]) == 1
    assert capsys.readouterr().err.startswith("error[E002]")


@pytest.mark.usefixtures("ordinary_permissions")
def test_an_unreadable_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write("bad.ppd", HELLO).chmod(0)
    assert main(["check", "bad.ppd"]) == 1
    assert "Permission denied" in capsys.readouterr().err


def test_one_bad_file_does_not_hide_the_faults_of_another(capsys: pytest.CaptureFixture[str]) -> None:
    write("b.ppd", HELLO.replace("-> end", "-> ende"))
    assert main(["check", "a.ppd", "b.ppd"]) == 1
    err = capsys.readouterr().err
    assert "a.ppd" in err
    assert "b.ppd:4:12" in err
    assert err.endswith("2 errors\n")


def test_an_output_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write("hello.ppd", HELLO)
    write("file", "")
    assert main(["build", "hello.ppd", "-o", "file/"]) == 1
    assert capsys.readouterr() == ("", "error: cannot write file/hello.py: Not a directory\n")
    assert main(["build", "hello.ppd", "-o", "hello.ppd/x.py"]) == 1
    assert capsys.readouterr() == ("", "error: cannot write hello.ppd/x.py: Not a directory\n")


@pytest.mark.parametrize("place", ["n" * 300 + ".py", "loop.py", "loop/x.py", "loop/", "/proc/nosuch/", "/dev/null/"])
def test_an_odd_output_is_told_without_a_traceback(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    write("hello.ppd", HELLO)
    Path("loop").symlink_to("loop")
    Path("loop.py").symlink_to("loop.py")
    before = listing(".")
    assert main(["build", "hello.ppd", "-o", place]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: cannot write ")
    assert listing(".") == before


def test_somebodys_own_file_is_kept_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    write("hello.ppd", HELLO)
    write("hello.py", "print('mine')\n")
    assert main(["build", "hello.ppd"]) == 1
    assert "hello.py was not generated by ppc" in capsys.readouterr().err
    assert Path("hello.py").read_text(encoding="utf-8") == "print('mine')\n"
    assert main(["build", "hello.ppd", "--force"]) == 0
    assert "PROGRAM" in program("hello.py")


def test_a_program_is_not_named_like_a_module_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    write("calendar.ppd", HELLO)
    assert main(["build", "calendar.ppd"]) == 1
    assert "-o calendar_dags.py" in capsys.readouterr().err
    assert main(["build", "calendar.ppd", "-o", "calendar_dags.py"]) == 0


@pytest.mark.parametrize(
    "arguments", [["--nosuch"], ["check"], ["build", "x.ppd", "--nosuch"], ["check", "x", "--path", "y"]]
)
def test_misuse_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ppc")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["biuld", "x.ppd"], "did you mean `build`?"),
        (["make", "x.ppd"], "`ppc --help` lists"),
        (["x.ppd"], "`ppc check x.ppd`"),
        ([], "`ppc check FILE`"),
    ],
)
def test_what_is_no_command_is_told_with_what_is_one(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert hint in err


@pytest.mark.parametrize("command", ["check", "build", "run", "show", "fmt"])
def test_python_is_no_source(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "import  shop\n\nclass Load: ...\n"
    write("shop.py", text)
    assert main([command, "shop.py"]) == 1
    assert "`shop.py` is Python" in capsys.readouterr().err
    assert Path("shop.py").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("named", "help"),
    [
        ("flows/helo.ppd", "= help: there is `flows/hello.ppd`"),
        ("flows/hello", "= help: there is `flows/hello.ppd`"),
        ("flow/hello.ppd", "= help: there is no folder `flow`"),
        ("quite_other.ppd", " --> quite_other.ppd\n\n1 error"),
    ],
)
def test_a_file_that_is_not_there_is_told_with_what_is(
    named: str, help: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write("flows/hello.ppd", HELLO)
    assert main(["check", named]) == 1
    assert help in capsys.readouterr().err


def test_without_the_extra_of_the_compiler_the_build_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("hello.ppd", HELLO)
    for module in ("ppc.emit", "ppc.templating"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main(["build", "hello.ppd"]) == 1
    said = 'error: the compiler needs more, jinja2 is not installed: pip install "ppacer[build]"\n'
    assert capsys.readouterr() == ("", said)
    assert not Path("hello.py").exists()


def test_a_reader_of_the_faults_may_go(tmp_path: Path) -> None:
    write("bad.ppd", "dag a { task x = nosuch() }\n" * 300)
    read, written = os.pipe()
    os.close(read)
    with os.fdopen(written, "wb") as pipe:
        command = [sys.executable, "-m", "ppc.cli", "check", "bad.ppd"]
        assert subprocess.run(command, stdout=pipe, stderr=pipe, check=False, timeout=300).returncode == 1


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ppc {__version__}\n"


# --- the Python of the program ---------------------------------------------------------------------------------------


def python_with(path: str, folder: str) -> str:
    """A Python that finds modules in `folder` too."""
    script = write(path, f'#!/bin/sh\nPYTHONPATH={shlex.quote(folder)} exec {shlex.quote(sys.executable)} "$@"\n')
    script.chmod(0o755)
    return str(script.absolute())


@pytest.mark.slow
def test_modules_are_found_in_the_python_that_was_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("flows/sales.ppd", SHOP)
    shop("site")
    assert main(["check", "flows/sales.ppd"]) == 1
    assert "shop" in capsys.readouterr().err
    chosen = python_with("bin/python", str(tmp_path / "site"))
    assert main(["check", "flows/sales.ppd", "--python", chosen]) == 0
    python_with(".venv/bin/python", str(tmp_path / "site"))
    assert main(["check", "flows/sales.ppd"]) == 0


@pytest.mark.slow
def test_a_python_without_ppacer_still_builds(capsys: pytest.CaptureFixture[str]) -> None:
    write("hello.ppd", HELLO)
    script = write(".venv/bin/python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S "$@"\n')
    script.chmod(0o755)
    assert main(["check", "hello.ppd"]) == 0
    capsys.readouterr()
    assert main(["run", "hello.ppd"]) == 1
    assert "cannot import ppacer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "cannot run the Python ./py: No such file or directory"),
        ("#!/bin/sh\necho 'SyntaxError: python 2' >&2; exit 1\n", "./py is no Python 3.11 or newer: SyntaxError"),
        ("#!/bin/sh\n", "./py is no Python 3.11 or newer: no output"),
        ("#!/bin/sh\necho '[1]'\n", "./py is no Python 3.11 or newer: [1]"),
    ],
)
def test_what_is_no_python_is_told(script: str | None, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    write("hello.ppd", HELLO)
    if script is not None:
        write("py", script).chmod(0o755)
    assert main(["check", "hello.ppd", "--python", "./py"]) == 1
    assert capsys.readouterr().err.startswith(f"error: {message}")


# --- real processes --------------------------------------------------------------------------------------------------


def ppc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ppc.cli", *arguments], capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


BROKEN = 'dag broken {\n  task end = shell("echo so it goes >&2; exit 3")\n}\n'


@pytest.mark.slow
def test_run_runs_the_only_dag_or_the_named_one_and_leaves_nothing(temporary: Path) -> None:
    write("calendar.ppd", HELLO)
    done = ppc("run", "calendar.ppd")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "start" in done.stdout
    write("two.ppd", HELLO + BROKEN)
    quiet = ppc("run", "two.ppd", "hello", "--quiet")
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr
    which = ppc("run", "two.ppd", "-q")
    assert (which.returncode, which.stderr) == (2, "error: which dag? There are hello, broken\n")
    assert ppc("run", "two.ppd", "nosuch").returncode == 2
    assert ppc("run", "missing.ppd").returncode == 1
    assert not any(temporary.iterdir())


@pytest.mark.slow
def test_a_run_that_fails_ends_with_1_and_keeps_its_logs(temporary: Path) -> None:
    write("broken.ppd", BROKEN)
    done = ppc("run", "broken.ppd")
    assert done.returncode == 1, done.stdout + done.stderr
    (folder,) = temporary.iterdir()
    assert done.stderr.endswith(f"The program and the run's logs are kept in {folder}\n")
    assert "task end of dag broken (broken.ppd:2)" in done.stdout
    logs = subprocess.run(
        [sys.executable, folder / "broken.py", "logs", "latest"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "so it goes" in logs.stdout


def ends(group: int) -> bool:
    """Whether a group of processes is gone, once whoever inherits those that have ended has noticed."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
def test_ctrl_c_cancels_the_run_and_leaves_nothing_running(temporary: Path) -> None:
    write("long.ppd", 'dag long {\n  task nap = shell("echo begun; sleep 300")\n}\n')
    with subprocess.Popen(
        [sys.executable, "-m", "ppc.cli", "run", "long.ppd"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "begun" in line:
                break
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does; the group is this command's own
        rest = process.stdout.read()
        assert process.wait(90) == 1, rest
        assert "cancel" in rest
        assert ends(process.pid), "something of its group is left"


@pytest.mark.slow
def test_a_command_imports_only_what_it_needs() -> None:
    write("hello.ppd", HELLO)
    for arguments, absent in [
        (["--version"], ["lark", "jinja2", "ppc.parse", "croniter", "ppacer.spec"]),
        (["check", "hello.ppd"], ["jinja2", "tornado", "sqlalchemy", "ppacer.cli", "ppacer.services"]),
        (["check", "hello.ppd"], ["lark", "dataclasses", "inspect", "difflib", "subprocess", "shutil", "ppc.lower"]),
    ]:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "ppc.cli", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "ppc" in loaded
        assert not loaded & set(absent)
