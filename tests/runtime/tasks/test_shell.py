"""The tasks `shell` and `script`: real processes, their outputs, their ends."""

from __future__ import annotations

import sys
import threading
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest

from ppacer.tasks import shell as shell_module
from ppacer.tasks.shell import ProcessError, script, shell

pytestmark = pytest.mark.slow


# --- shell -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "form", "expected"),
    [
        ("echo one; echo two", "line", "two"),
        ("echo two; echo; echo ' '", "line", "two"),
        ("printf no-newline", "line", "no-newline"),
        ("true", "line", None),
        ("""echo '{"a":'; echo '[1]}'""", "json", {"a": [1]}),
        ("echo x", "none", None),
    ],
)
def test_the_output_of_a_shell_command(
    capfd: pytest.CaptureFixture[str], command: str, form: Literal["line", "json", "none"], expected: object
) -> None:
    assert shell(command, output=form) == expected


def test_a_pipe_fails_with_its_last_command_or_with_any(capfd: pytest.CaptureFixture[str]) -> None:
    assert shell("(echo one; exit 3) | cat") == "one"
    assert shell("(echo one; exit 3) | cat", pipefail=False) == "one"
    assert shell("echo one | cat", pipefail=True) == "one"
    with pytest.raises(ProcessError, match="the command ended with exit code 3"):
        shell("(echo one; exit 3) | cat", pipefail=True)


def test_pipes_where_sh_does_not_know_the_option(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    refused = tmp_path / "sh"
    refused.write_text("#!/bin/sh\necho 'Illegal option -o pipefail' >&2\nexit 2\n")
    refused.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell_module, "_SH", str(refused))
        shell_module.pipefail_shell.cache_clear()
        try:
            assert shell_module.pipefail_shell()[0].endswith("bash")
            with pytest.raises(ProcessError, match="exit code 3"):
                shell("(echo one; exit 3) | cat", pipefail=True)
            patch.setenv("PATH", str(tmp_path))
            shell_module.pipefail_shell.cache_clear()
            with pytest.raises(ProcessError, match="install bash"):
                shell("echo one | cat", pipefail=True)
        finally:
            shell_module.pipefail_shell.cache_clear()


def test_a_shell_command_streams_both_outputs(capfd: pytest.CaptureFixture[str]) -> None:
    shell("echo out; echo err >&2")
    assert capfd.readouterr() == ("out\n", "err\n")


@pytest.mark.parametrize(
    ("command", "form", "message"),
    [
        ("exit 3", "line", "the command ended with exit code 3"),
        (
            "for i in $(seq 30); do echo line $i >&2; done; exit 1",
            "line",
            "the command ended with exit code 1; the end of its stderr:\n"
            + "\n".join(f"  line {n}" for n in range(11, 31)),
        ),
        ("kill -KILL $$", "line", "the command was killed by SIGKILL"),
        ("echo no", "json", "stdout is not JSON: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_a_shell_command_that_fails(
    capfd: pytest.CaptureFixture[str], command: str, form: Literal["line", "json", "none"], message: str
) -> None:
    with pytest.raises(ProcessError) as caught:
        shell(command, output=form)
    assert str(caught.value) == message


def test_a_shell_command_ends_although_something_of_it_goes_on(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    began = time.monotonic()
    assert shell(f"(while [ ! -e {tmp_path}/stop ]; do echo x; done) & echo started", output="none") is None
    (tmp_path / "stop").touch()
    assert time.monotonic() - began < 60


def test_the_words_for_an_output_are_checked(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    with pytest.raises(ValueError, match='output is one of "line", "json" and "none", not \'xml\''):
        shell("true", output="xml")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='output is one of "line", "json" and "none", not \'xml\''):
        script(tmp_path / "a.py", output="xml")  # type: ignore[arg-type]


# --- script ----------------------------------------------------------------------------------------------------------


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def test_a_script_runs_in_a_process_of_its_own_with_the_programs_python(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = write(tmp_path / "a.py", "import json, os, sys; print(json.dumps([sys.executable, os.getppid() != 1]))")
    assert script(file, output="json") == [sys.executable, True]


def test_its_arguments_are_texts_as_the_language_writes_them(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "import json, sys; print(json.dumps(sys.argv[1:]))")
    given = ("a b", 1, 1.5, True, date(2026, 1, 2), timedelta(minutes=90), Decimal("9.90"), Path("x/y"), "$HOME; `ls`")
    assert script(file, *given, output="json") == [
        *("a b", "1", "1.5", "true", "2026-01-02", "1h30m", "9.90", "x/y", "$HOME; `ls`"),
    ]


def test_its_lines_are_in_the_log_when_they_are_printed(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.py",
        f"import pathlib, time\nprint('begun')\n"
        f"for _ in range(9000):\n  if pathlib.Path({str(tmp_path / 'go')!r}).exists(): break\n  time.sleep(0.01)\n",
    )
    seen: list[str] = []

    def watch() -> None:
        until = time.monotonic() + 60
        while "begun" not in "".join(seen) and time.monotonic() < until:
            seen.append(capfd.readouterr().out)
            time.sleep(0.01)
        (tmp_path / "go").touch()

    watching = threading.Thread(target=watch)
    watching.start()
    assert script(file) == "begun"
    watching.join()
    assert "".join(seen) == "begun\n"


def test_a_script_that_fails(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "import sys\nsys.exit('no rows')\n")
    with pytest.raises(ProcessError) as caught:
        script(file)
    assert str(caught.value) == f"the script {file} ended with exit code 1; the end of its stderr:\n  no rows"


def test_a_relative_path_is_of_the_tasks_folder_and_then_of_the_programs(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("task", "program"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "a.py", f"print('{folder}')")
    monkeypatch.chdir(tmp_path / "task")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "program" / "sales.py"), raising=False)
    assert script(Path("a.py")) == "task"
    (tmp_path / "task" / "a.py").unlink()
    assert script(Path("a.py")) == "program"


def test_a_script_works_in_the_tasks_folder_and_imports_from_its_own(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scripts").mkdir()
    write(tmp_path / "scripts" / "beside.py", "NAME = 'beside'")
    write(tmp_path / "scripts" / "a.py", "import os, beside; print(beside.NAME, os.getcwd())")
    monkeypatch.chdir(tmp_path)
    assert script(Path("scripts/a.py")) == f"beside {tmp_path}"


def test_a_script_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/srv/sales.py", raising=False)
    with pytest.raises(ProcessError, match=rf"^there is no script a\.py, neither in {tmp_path} nor in /srv$"):
        script(Path("a.py"))
    with pytest.raises(ProcessError, match=r"^there is no script /nowhere/a\.py$"):
        script(Path("/nowhere/a.py"))
    with pytest.raises(ProcessError, match=r"^folder is a folder, not a Python file$"):
        script(Path("folder"))
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "sales.py"), raising=False)
    with pytest.raises(ProcessError, match=rf"^there is no script a\.py in {tmp_path}$"):
        script(Path("a.py"))
