"""`info` and `verify`: what a program is made of, and whether it is still what was built."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import ppacer
from ppacer.bundle.manifest import INDEX, MANIFEST, Manifest
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Cell, Console, Style


def info(invocation: Invocation) -> int:
    manifest = _manifest(invocation.file)
    console = invocation.console
    if invocation.flag("json"):
        console.write(_as_json(invocation, manifest))
        return 0
    program = invocation.program
    size = invocation.file.stat().st_size
    rows: list[list[str | Cell]] = [
        [Cell("program", Style.BOLD), program.name],
        [Cell("build", Style.BOLD), program.build],
        [Cell("compiled by", Style.BOLD), f"ppc {program.compiler}"],
        [Cell("file", Style.BOLD), f"{invocation.file}, {_size(size)}"],
        [Cell("sha256", Style.BOLD), _file_digest(invocation.file)],
        [Cell("time zones", Style.BOLD), f"checked with tzdata {program.tzdata}"],
        [Cell("runs on", Style.BOLD), f"Python {platform.python_version()}, {_place(manifest)}"],
    ]
    if manifest is not None:
        here = sys.implementation.cache_tag in manifest["bytecode"]
        note = "" if here else " (none for this Python: it starts from the sources, which takes longer)"
        rows.append([Cell("bytecode", Style.BOLD), ", ".join(manifest["bytecode"]) + note])
    rows += [[Cell("source", Style.BOLD), f"{source.path}  sha256 {source.sha256}"] for source in program.sources]
    console.table(rows)
    console.line()
    if manifest is None:
        _installed(console)
    else:
        _carried(console, manifest)
    return 0


def verify(invocation: Invocation) -> int:
    manifest = _manifest(invocation.file)
    if manifest is None:
        raise CommandError(
            f"{invocation.file.name} is neither a `.pyz` nor an executable: it holds nothing that could be verified", 2
        )
    problems = list(_problems(invocation.file, manifest["files"]))
    native = manifest.get("native")
    if native is not None and hashlib.sha256(_at(invocation.file, 0, native["bytes"])).hexdigest() != native["sha256"]:
        problems.append("the Python inside has been changed")
    for problem in problems:
        invocation.console.line(problem, Style.RED)
    if problems:
        raise CommandError(f"{invocation.file} is not what was built: copy or build it again")
    count = len(manifest["files"])
    invocation.console.line(
        f"{invocation.file}: all of the {count:,} files inside are what they were built as", Style.GREEN
    )
    return 0


def _place(manifest: Manifest | None) -> str:
    native = None if manifest is None else manifest.get("native")
    return sys.executable if native is None else f"inside it (by PyInstaller {native['pyinstaller']})"


def _problems(file: Path, expected: Mapping[str, str]) -> Iterator[str]:
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        yield from (f"{name} is missing" for name in sorted(expected.keys() - entries.keys()))
        yield from (
            f"{name} was not built into it" for name in sorted(entries.keys() - expected.keys() - {INDEX, MANIFEST})
        )
        places = json.loads(archive.read(INDEX))["entries"]
        for name in sorted(expected.keys() & entries.keys()):
            try:
                content = archive.read(name)
            except zipfile.BadZipFile as error:
                yield f"{name} is damaged ({error})"
                continue
            if hashlib.sha256(content).hexdigest() != expected[name]:
                yield f"{name} has been changed"
            elif name in places and _at(file, *places[name]) != content:
                yield f"{name} is not where the index says"


def _at(file: Path, offset: int, size: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(size)


def _manifest(file: Path) -> Manifest | None:
    """That of a program in one file; none for a plain program. Raises `CommandError` where it cannot be read."""
    if file.suffix == ".py" or not zipfile.is_zipfile(file):
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            found: Manifest = json.loads(archive.read(MANIFEST))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CommandError(f"{file} is damaged: what it says of itself cannot be read ({error})") from error
    return found


def _carried(console: Console, manifest: Manifest) -> None:
    rows: list[list[str | Cell]] = []
    for each in manifest["distributions"]:
        how = "unpacked when used" if each["unpacked"] else ""
        size = Cell(_size(each["bytes"]), right=True)
        rows.append([Cell(each["name"], Style.BOLD), each["version"], size, each["licence"], Cell(how, Style.DIM)])
    console.table(rows, ("inside it", "version", "size", "licence", ""))
    if manifest["modules"]:
        console.line(f"and the project's own modules: {', '.join(manifest['modules'])}")
    for part, tags in manifest["parts"].items():
        if tags:
            console.line(f"{part} is compiled for {', '.join(tags[name] for name in sorted(tags))}")


def _installed(console: Console) -> None:
    """What a plain program imports of what is installed."""
    rows: list[list[str | Cell]] = []
    for name in _needs():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = "not installed"
        rows.append([Cell(name, Style.BOLD), version])
    console.table(rows, ("installed here", "version"))


def _needs() -> list[str]:
    try:
        wanted = metadata.requires("ppacer") or []
    except metadata.PackageNotFoundError:
        wanted = []
    named = [text for text in wanted if "extra ==" not in text]
    return ["ppacer", *sorted("".join(_name(text)) for text in named)]


def _name(requirement: str) -> Iterator[str]:
    for character in requirement:
        if not (character.isalnum() or character in "-_."):
            return
        yield character


def _as_json(invocation: Invocation, manifest: Manifest | None) -> str:
    program = invocation.program
    told: dict[str, object] = {
        "name": program.name,
        "build": program.build,
        "compiler": program.compiler,
        "runtime": ppacer.__version__,
        "tzdata": program.tzdata,
        "file": str(invocation.file),
        "sha256": _file_digest(invocation.file),
        "python": platform.python_version(),
        "sources": [{"path": source.path, "sha256": source.sha256} for source in program.sources],
    }
    if manifest is not None:
        told |= {name: manifest[name] for name in ("bytecode", "modules", "distributions", "parts", "files")}
        if "native" in manifest:
            told["native"] = manifest["native"]
    return json.dumps(told, indent=2) + "\n"


def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 100_000 else f"{count / 1000:.1f} kB"
