"""Writes the archive of a program in one file: the same bytes for the same entries, wherever and whenever that is."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence

from ppacer.bundle.manifest import FORMAT, INDEX, MANIFEST, Index, Manifest

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_LOCAL_HEADER = 30
"""Bytes before the name of an entry."""


def write(
    entries: Mapping[str, bytes],
    manifest: Manifest,
    *,
    head: bytes,
    label: str,
    bytecode: Mapping[str, str],
    unpacked: Mapping[str, Sequence[str]],
) -> bytes:
    """The file: `head`, which a system that is told to run it goes by, then a zip archive of the entries as they are,
    the manifest and the index. `manifest.files` is filled in.

    Nothing is compressed: it would start later, and other versions of the library would write other bytes.
    """
    manifest["files"] = {name: hashlib.sha256(entries[name]).hexdigest() for name in sorted(entries)}
    stream = io.BytesIO()
    stream.write(head)
    places: dict[str, tuple[int, int]] = {}
    with zipfile.ZipFile(stream, "w") as archive:

        def put(name: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
            places[name] = entry.header_offset + _LOCAL_HEADER + len(name.encode()), len(content)

        for name in sorted(entries):
            put(name, entries[name])
        put(MANIFEST, _json(manifest))
        index: Index = {
            "format": FORMAT,
            "label": label,
            "entries": dict(places),
            "bytecode": dict(bytecode),
            "unpacked": {name: list(parts) for name, parts in sorted(unpacked.items())},
        }
        put(INDEX, _json(index))
    return stream.getvalue()


def _json(value: Manifest | Index) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
