"""Neovim with its own client: diagnostics, definitions, hover, rename and completion, as somebody would use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.editors.truth import ROOT

pytestmark = pytest.mark.slow

PLUGIN = ROOT / "grammar/vim"
SCRIPT = Path(__file__).parent / "neovim/client.lua"
PIPELINE = """\
import steps

dag sales {
  task raw = steps.lod("eu") { retries = 2 }
  task both = steps.join(raw, raw)
}
"""
STEPS = """\
def join(*rows: list[int]) -> list[int]: ...


def load(region: str) -> list[int]: ...
"""


def test_it_is_a_client_of_the_language_server(tmp_path: Path) -> None:
    (tmp_path / "sales.ppd").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "steps.py").write_text(STEPS, encoding="utf-8")
    answer = tmp_path / "answer.json"
    options = ("-u", "NONE", "-i", "NONE", "-n", "--cmd", f"set runtimepath^={PLUGIN}")
    subprocess.run(
        ["nvim", "--headless", *options, "-c", f"luafile {SCRIPT}"],
        env=os.environ
        | {
            "HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PPD_VIM": str(PLUGIN),
            "PPD_FILE": str(tmp_path / "sales.ppd"),
            "PPD_ANSWER": str(answer),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=300,
    )
    found = json.loads(answer.read_text(encoding="utf-8"))
    assert "fault" not in found, found["fault"]
    assert found["filetype"] == "ppd"
    (fault,) = found["diagnostics"]
    assert (fault["line"], fault["column"], fault["last"], fault["source"]) == (4, 20, 22, "ppc")
    assert "`lod`" in fault["message"]
    assert found["task"] == {"file": "sales.ppd", "line": 4, "column": 8}
    assert (found["callable"]["file"], found["callable"]["line"]) == ("steps.py", 4)
    assert any("retries" in line for line in found["hover"])
    assert found["renamed"] == PIPELINE.replace("lod", "load").replace("raw", "orders").splitlines()
    assert {"retries", "retry_delay"} <= set(found["completion"])
