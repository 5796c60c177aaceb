"""`docs/ppc.md` tells every command and option that there is, and its walk can be walked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ppc.cli import _COMMANDS, _parser, main

TEXT = (Path(__file__).parents[2] / "docs" / "ppc.md").read_text(encoding="utf-8")
ELSEWHERE = {"fmt"}
"""Commands whose options another document tells."""


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_and_option_is_told(command: str) -> None:
    assert re.search(rf"^\| `ppc {command}\b", TEXT, re.MULTILINE)
    if command in ELSEWHERE:
        return
    for action in _parser(command)._actions:
        for option in action.option_strings:
            if option not in ("-h", "--help"):
                assert f"`{option}" in TEXT or f" {option}`" in TEXT or f" {option} " in TEXT, option


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_help_for_each_argument(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_module(_COMMANDS[command][0]).run
    assert all(action.help for action in _parser(command)._actions)
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: ppc {command} " in capsys.readouterr().out


def test_no_command_is_told_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `ppc (\w+)", TEXT, re.MULTILINE)) == set(_COMMANDS)


def test_the_json_example_is_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sales.ppd").write_text('let regions = ["eu", "us"]\n\ndag nightly {\n  task a = print(region)\n}\n', "utf-8")
    assert main(["check", "sales.ppd", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (example,) = re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert told == json.loads(example)


def test_the_allowed_warning_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"^```ppd\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    Path("shop").mkdir()
    Path("shop/plugins.py").touch()
    Path("a.ppd").write_text(example, encoding="utf-8")
    assert main(["check", "-W", "error", "a.ppd"]) == 0
    Path("a.ppd").write_text(example.replace("ppc:", ""), encoding="utf-8")
    assert main(["check", "-W", "error", "a.ppd"]) == 1


@pytest.mark.slow
def test_the_walk(tmp_path: Path) -> None:
    (walk,) = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    script = re.sub(r"^ppc ", f"{sys.executable} -m ppc.cli ", walk, flags=re.MULTILINE)
    done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build" / "sales.py").is_file()
    assert (tmp_path / "sales" / "sales.svg").is_file()
