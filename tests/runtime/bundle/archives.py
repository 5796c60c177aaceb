"""Small archives in the form of a program in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

from ppacer.bundle.archive import Archive
from ppacer.bundle.manifest import FORMAT, INDEX, Manifest
from ppc import bundle_zip


def write(
    place: Path,
    entries: Mapping[str, str],
    *,
    unpacked: Mapping[str, Sequence[str]] | None = None,
    parts: Mapping[str, Mapping[str, str]] | None = None,
) -> Archive:
    """Writes the file and opens it."""
    manifest: Manifest = {
        "format": FORMAT,
        "name": "p",
        "build": "00",
        "compiler": "0",
        "bytecode": [],
        "sources": [],
        "modules": [],
        "distributions": [],
        "parts": {name: dict(tags) for name, tags in (parts or {}).items()},
        "files": {},
    }
    content = bundle_zip.write(
        {name: text.encode() for name, text in entries.items()},
        manifest,
        head=b"#!/usr/bin/env python3\n",
        label=place.name,
        bytecode={},
        unpacked=unpacked or {},
    )
    place.write_bytes(content)
    with ZipFile(place) as file:
        return Archive(str(place), file.read(INDEX))
