"""What a program in one file says of itself, in two entries that are JSON: the index, which every start reads, and the
manifest, which is read where something is unpacked, shown or verified."""

from __future__ import annotations

from typing import NotRequired, TypedDict

INDEX = "index.json"
MANIFEST = "manifest.json"
FORMAT = 1
"""The version of what is written here."""


class Index(TypedDict):
    """Where things are. `entries` gives for each name the place of its content in the file, and its size, in bytes;
    `bytecode`, by the cache tag of a Python, what the names of its bytecode end in; `unpacked`, by the name of a
    top-level module, the parts that it is unpacked from. `label` is the name that the file was built under."""

    format: int
    label: str
    entries: dict[str, tuple[int, int]]
    bytecode: dict[str, str]
    unpacked: dict[str, list[str]]


class Carried(TypedDict):
    """A distribution inside. `sha256` is that of its files' names and hashes; `unpacked` says that it needs real files;
    `left_out` are its compiled files that Python modules take the place of."""

    name: str
    version: str
    licence: str
    requires: list[str]
    bytes: int
    files: int
    sha256: str
    unpacked: bool
    left_out: list[str]


class Library(TypedDict):
    """A library of the system's that an executable holds for Python. `sha256` is that of the file that it was taken
    from; inside it is stripped of what debuggers read."""

    name: str
    sha256: str


class Native(TypedDict):
    """What an executable (`--format bin`) holds in front of the archive, in so many `bytes` with that hash."""

    python: str
    pyinstaller: str
    bytes: int
    sha256: str
    libraries: list[Library]


class Manifest(TypedDict):
    """What there is. `bytecode` names the Pythons that there is bytecode for; `modules` are the project's own;
    `parts` says of each that is unpacked which Python and machine it was compiled for, nothing where that does not
    matter; `files` has the SHA-256 of every entry but the index and this one. `native` is there in an executable."""

    format: int
    name: str
    build: str
    compiler: str
    bytecode: list[str]
    sources: list[dict[str, str]]
    modules: list[str]
    distributions: list[Carried]
    parts: dict[str, dict[str, str]]
    files: dict[str, str]
    native: NotRequired[Native]
