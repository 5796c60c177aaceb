"""The command `ppc lsp` where its extra is not installed, and the rest of the compiler without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ppc.cli import main


def test_without_its_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] in ("pygls", "lsprotocol") or name.startswith("ppc.lsp"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    assert main(["lsp"]) == 1
    assert 'pip install "ppacer[lsp]"' in capsys.readouterr().err


def test_no_other_command_loads_it() -> None:
    asked = "import sys, ppc.cli, ppc.cli_check; print([m for m in sys.modules if 'pygls' in m or 'lsprotocol' in m])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
