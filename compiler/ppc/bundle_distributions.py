"""The distributions that a program in one file carries: found, with all that they need, among those that are installed
for its Python."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from ppacer.bundle.manifest import Carried
from ppacer.records import dataclass
from ppc.bundle_error import BundleError
from ppc.bundle_modules import COMPILED, is_of_use, needs_files
from ppc.similar import Similar

_OPTIONAL = {
    "markupsafe": ("markupsafe/_speedups",),
    "protobuf": ("google/_upb/",),
    "pyyaml": ("yaml/_yaml", "_yaml/"),
    "sqlalchemy": ("sqlalchemy/cyextension/",),
    "tornado": ("tornado/speedups",),
}
"""Compiled files, by how their paths begin, that the distribution does without where they are missing."""

_UNUSED = {"sqlalchemy": frozenset({"greenlet"})}
"""What they require for uses that the runtime makes none of: greenlet, for SQLAlchemy's asyncio, is compiled."""

_TESTS = ("alembic/testing/", "sqlalchemy/testing/", "tornado/test/", "croniter/tests/", "ppacer/testing/")
"""What of the runtime's distributions is for tests alone."""

_KEPT = re.compile(r"(METADATA|entry_points\.txt|licenses/.+|LICEN[CS]E[^/]*|NOTICE[^/]*|COPYING[^/]*)$")
"""What is carried of a distribution's metadata."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One that is carried. `files` are by their paths below the folder of packages; `metadata` the same for what it
    says of itself. `tops` are its top-level modules, `compiled` the files that tie it to a Python or a machine."""

    key: str
    about: Carried
    files: Mapping[str, bytes]
    metadata: Mapping[str, bytes]
    tops: frozenset[str]
    compiled: tuple[str, ...]

    @property
    def part(self) -> str:
        return f"{self.key}-{self.about['version']}"


class Installed:
    """The distributions below the entries of a `sys.path`; of two with one name the first counts.

    `markers` is what requirements may depend on, `runtime` the folder of the package ppacer.
    """

    def __init__(self, path: Sequence[str], markers: Mapping[str, str], runtime: Path) -> None:
        self._markers = markers
        self._runtime = runtime
        self._found: dict[str, metadata.Distribution] = {}
        self._by_top: dict[str, list[str]] = {}
        for each in metadata.distributions(path=list(path)):
            key = plain(str(each.metadata["Name"]))
            if key not in self._found:
                self._found[key] = each
                for top in _tops(str(file) for file in each.files or ()):
                    self._by_top.setdefault(top, []).append(key)
        if "ppacer" not in self._found:
            self._found["ppacer"] = metadata.distribution("ppacer")

    def bringing(self, top: str) -> list[str]:
        """The distributions that bring a top-level module."""
        return self._by_top.get(top, [])

    def has(self, name: str) -> bool:
        return plain(name) in self._found

    def similar(self, name: str) -> str | None:
        return Similar(self._found).to(plain(name))

    def needed(self, wanted: Iterable[str], excluded: frozenset[str] = frozenset()) -> list[str]:
        """The distributions that requirements (`psycopg[binary]`) ask for, and all that these need, in order.

        Raises `BundleError` where one is not installed.
        """
        waiting = [(self._parsed(text), "") for text in wanted]
        done: set[tuple[str, frozenset[str]]] = set()
        while waiting:
            requirement, by = waiting.pop()
            key = plain(requirement.name)
            step = key, frozenset(requirement.extras)
            if key in excluded or step in done or key in _UNUSED.get(by, ()):
                continue
            if key not in self._found:
                raise BundleError(_missing(requirement, by))
            done.add(step)
            waiting += ((needed, key) for needed in self._required(key, requirement.extras))
        return sorted({key for key, _ in done})

    def read(self, key: str, *, runtime: bool, excluded: Callable[[str], bool]) -> Distribution:
        """A distribution with its files. What is part of the runtime is imported from the archive itself, whatever else
        is in it; of the others those that need real files keep all that they have. Raises `BundleError`."""
        found = self._found[key]
        paths = self._paths(key, found)
        kept = {name: path for name, path in paths.items() if is_of_use(name) and not excluded(name)}
        compiled = [name for name in kept if _is_compiled(name)]
        truly = [name for name in compiled if not _is_optional(key, name, kept)]
        contents = {name: path.read_bytes() for name, path in kept.items()}
        if runtime:
            if truly:
                raise BundleError(f"the runtime needs {key}, which has no form without compiled code ({truly[0]})")
            unpacked = False
            contents = {name: data for name, data in contents.items() if not name.startswith(_TESTS)}
        else:
            unpacked = bool(truly) or any(needs_files(n, data) for n, data in contents.items() if n not in compiled)
        left_out = [] if truly else compiled
        contents = {name: data for name, data in contents.items() if name not in left_out}
        about = _about(found, contents, unpacked=unpacked, left_out=left_out)
        about["requires"] = self._direct(key)
        tops = frozenset(_tops(contents))
        return Distribution(key, about, contents, _metadata(key, found), tops, tuple(truly))

    def _required(self, key: str, extras: Iterable[str] = ()) -> list[Requirement]:
        """What the distribution asks for here, with those extras of it."""
        found = [self._parsed(text) for text in self._found[key].requires or ()]
        surroundings = [{**self._markers, "extra": extra} for extra in ("", *extras)]
        return [each for each in found if each.marker is None or any(map(each.marker.evaluate, surroundings))]

    def _direct(self, key: str) -> list[str]:
        wanted = {plain(each.name) for each in self._required(key)}
        return sorted(wanted & self._found.keys() - _UNUSED.get(key, frozenset()))

    def _paths(self, key: str, found: metadata.Distribution) -> dict[str, Path]:
        if key == "ppacer":
            base = self._runtime.parent
            return {
                file.relative_to(base).as_posix(): file for file in sorted(self._runtime.rglob("*")) if file.is_file()
            }
        named = {str(file).replace("\\", "/"): Path(str(file.locate())) for file in found.files or ()}
        inside = {name: path for name, path in named.items() if not name.startswith((".", "/")) and path.is_file()}
        return {name: path for name, path in inside.items() if ".dist-info/" not in name and ".egg-info/" not in name}

    def _parsed(self, text: str) -> Requirement:
        try:
            return Requirement(text)
        except InvalidRequirement as error:
            raise BundleError(f"`{text}` is no requirement: {error}") from error


def _missing(requirement: Requirement, by: str) -> str:
    """What is wanted and not installed, and what to do; `by` is the distribution that requires it, if one does."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    named = f"{requirement.name}{extras}{requirement.specifier}"
    extra = re.search(r'extra == "([^"]+)"', str(requirement.marker or ""))
    install = f"{by}[{extra[1]}]" if by and extra else named
    needing = f"{by} needs {named}, which" if by else named
    return (
        f"{needing} is not installed for the Python of the program: install it there, as by `pip install "
        f"'{install}'`, or leave it out with --exclude {requirement.name}"
    )


def plain(name: str) -> str:
    """The name as distributions are told apart by."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _tops(files: Iterable[str]) -> set[str]:
    """The names of the top-level modules and packages that files make."""
    found: set[str] = set()
    for file in files:
        first, _, rest = file.partition("/")
        name = first if rest else first.partition(".")[0]
        if name.isidentifier() and name != "__pycache__" and (rest or first.endswith((".py", *COMPILED))):
            found.add(name)
    return found


def _is_compiled(name: str) -> bool:
    return name.endswith(COMPILED) or ".so." in name.rpartition("/")[2]


def _is_optional(key: str, name: str, others: Mapping[str, object]) -> bool:
    """Whether a Python module takes the place of a compiled file: beside it, or as the distribution is known to do."""
    folder, _, last = name.rpartition("/")
    stem = f"{folder}/{last.partition('.')[0]}" if folder else last.partition(".")[0]
    return f"{stem}.py" in others or stem.endswith("__mypyc") or name.startswith(_OPTIONAL.get(key, ("\0",)))


def _about(
    found: metadata.Distribution, contents: Mapping[str, bytes], *, unpacked: bool, left_out: Sequence[str]
) -> Carried:
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{hashlib.sha256(contents[name]).hexdigest()}\n".encode())
    return {
        "name": str(found.metadata["Name"]),
        "version": found.version,
        "licence": _licence(found.metadata),
        "requires": [],
        "bytes": sum(map(len, contents.values())),
        "files": len(contents),
        "sha256": digest.hexdigest(),
        "unpacked": unpacked,
        "left_out": sorted(left_out),
    }


def _licence(said: metadata.PackageMetadata) -> str:
    """As an SPDX expression where it gives one, else as it says it in a line."""
    for field in ("License-Expression", "License"):
        for text in said.get_all(field) or ():
            if text and "\n" not in text and len(text) < 100:
                return str(text)
    named = [text.rpartition(" :: ")[2] for text in said.get_all("Classifier") or () if text.startswith("License ::")]
    return ", ".join(named)


def _metadata(key: str, found: metadata.Distribution) -> dict[str, bytes]:
    folder = f"{key.replace('-', '_')}-{found.version}.dist-info"
    kept: dict[str, bytes] = {}
    for file in found.files or ():
        name = str(file).replace("\\", "/")
        where, _, rest = name.partition("/")
        if where.endswith(".dist-info") and _KEPT.fullmatch(rest):
            kept[f"{folder}/{rest}"] = Path(str(file.locate())).read_bytes()
    return kept
