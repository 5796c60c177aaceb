"""The extension for VS Code as a program: its types, its own logic with the real server, and the package of it."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.node import installed, node
from tests.editors.truth import ROOT

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "vscode"
EXTENSION = ROOT / "grammar/vscode"


@pytest.fixture(scope="module")
def modules() -> Path:
    """What the extension is made of and with."""
    return installed("vscode-extension", EXTENSION)


@pytest.fixture(scope="module")
def extension(modules: Path) -> Iterator[Path]:
    """A copy of the extension where Node.js finds the modules."""
    with tempfile.TemporaryDirectory(dir=modules) as folder:
        copied = Path(folder) / "extension"
        shutil.copytree(EXTENSION, copied, ignore=shutil.ignore_patterns("node_modules", "dist", "*.vsix"))
        yield copied


@pytest.fixture(scope="module")
def bundle(modules: Path, extension: Path) -> Path:
    """The file that the editor loads, made as `npm run bundle` makes it."""
    manifest = json.loads((extension / "package.json").read_text(encoding="utf-8"))
    command, *arguments = manifest["scripts"]["bundle"].split()
    assert command == "esbuild"
    node(modules / "node_modules/esbuild/bin/esbuild", *arguments, cwd=extension)
    return extension / "dist/extension.js"


def test_its_types_are_sound(modules: Path, extension: Path) -> None:
    node(modules / "node_modules/typescript/bin/tsc", cwd=extension)


def test_it_does_what_it_should(modules: Path, extension: Path) -> None:
    """Its own logic; with the real server; and as a whole, with stand-ins for the editor and the client."""
    beside = extension.parent
    shutil.copy(HERE / "extension.entry.mjs", beside)
    stand_ins = {"vscode": "editor", "vscode-languageclient/node": "languageclient"}
    node(
        modules / "node_modules/esbuild/bin/esbuild",
        *("extension.entry.mjs", "--bundle", "--platform=node", "--format=cjs", "--outfile=stand-ins.cjs"),
        *(f"--alias:{name}={HERE / own}.mjs" for name, own in stand_ins.items()),
        cwd=beside,
    )
    said = node(
        "--test",
        "--test-reporter=tap",
        *sorted(HERE.glob("*.test.mjs")),
        MODULES=str(modules),
        PPC=str(Path(sys.executable).with_name("ppc")),
        EXTENSION=str(beside / "stand-ins.cjs"),
    )
    assert int(re.findall(r"^# pass (\d+)", said, re.MULTILINE)[0]) >= 17


def test_the_editor_can_load_it(bundle: Path) -> None:
    assert json.loads(node(HERE / "load.cjs", bundle)) == ["activate", "deactivate"]


def test_it_packages(modules: Path, extension: Path, bundle: Path) -> None:
    package = extension / "ppd.vsix"
    flags = ("--no-dependencies", "--allow-missing-repository", "--out", package)
    node(modules / "node_modules/@vscode/vsce/vsce", "package", *flags, cwd=extension)
    with zipfile.ZipFile(package) as vsix:
        names = {name.removeprefix("extension/") for name in vsix.namelist() if name.startswith("extension/")}
        manifest = json.loads(vsix.read("extension/package.json"))
        assert vsix.read("extension/dist/extension.js") == bundle.read_bytes()
    assert names == {
        "LICENSE.txt",
        "dist/extension.js",
        "language-configuration.json",
        "media/icon.png",
        "media/icon.svg",
        "media/preview.css",
        "media/preview.js",
        "package.json",
        "readme.md",
        "snippets.json",
        "syntaxes/ppd.tmLanguage.json",
    }
    assert manifest["main"] == "./dist/extension.js"
    assert "ppc.graph" not in [command["command"] for command in manifest["contributes"]["commands"]]
