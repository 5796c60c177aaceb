"""A program in one file: gathers the runtime, what it needs, the project's own modules and what these import."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import ppacer
from ppacer import spec
from ppacer.bundle.manifest import FORMAT, Manifest
from ppacer.records import dataclass
from ppc import __version__, bundle_zip
from ppc.bundle_distributions import Distribution, Installed, plain
from ppc.bundle_error import BundleError
from ppc.bundle_modules import Project, excludes, gather_project, matching
from ppc.bundle_native import LEFT_OUT, check_archive, find_packer, make_executable
from ppc.bundle_target import Target, compile_for, find_target, named_target
from ppc.emit import emit
from ppc.modules import ModuleFinder
from ppc.package import MARKER, SHEBANG

PROJECT = "app"
"""The part that the project's own modules are, and the folder that they are in."""

_PATTERN = re.compile(r"[/*?]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for. `include` are distributions (`psycopg[binary]`), modules, and files (`data/*.csv`) below
    `folders`, where the project's modules are; `exclude` the same; `targets` further Pythons to hold bytecode for.
    `native` asks for an executable that needs no Python."""

    folders: Sequence[Path]
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    targets: Sequence[str] = ()
    native: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """The file, and what is told of it. `missing` are modules that the project imports and that were found nowhere,
    `python` is the version of Python that it was made for: `3.12`."""

    content: bytes
    manifest: Manifest
    missing: Sequence[str]
    python: str


def make(program: spec.Program, label: str, executable: str, python_path: Sequence[str], wanted: Wanted) -> Bundle:
    """The file of the program, under the name `label`, for the Python `executable` with that `sys.path`.

    Raises `BundleError`, and `PythonError` where there is no such Python.
    """
    packer = find_packer(executable) if wanted.native else None
    target = find_target(executable)
    targets = {each.tag: each for each in [target, *map(named_target, wanted.targets)]}
    runtime = Path(ppacer.__file__).parent
    installed = Installed(python_path, target.markers, runtime)
    project, distributions = _gathered(program, python_path, installed, wanted)
    head = f"{MARKER} {program.compiler}, build {program.build}. Do not edit: change the sources and build again."
    entries = {
        "__main__.py": files("ppc")
        .joinpath("templates/bundle_main.py.txt")
        .read_text("utf-8")
        .format(head=head)
        .encode(),
        "lib/ppacer_program.py": emit(program).encode(),
    }
    unpacked: dict[str, list[str]] = {}
    parts: dict[str, dict[str, str]] = {}
    place = f"{PROJECT}/"
    if project.needs_files:
        place = f"unpacked/{PROJECT}/"
        parts[PROJECT] = {}
        unpacked.update((top, [PROJECT]) for top in project.tops)
    entries.update((place + name, content) for name, content in project.files.items())
    for each in distributions:
        place = "lib/"
        if each.about["unpacked"]:
            place = f"unpacked/{each.part}/"
            parts[each.part] = _tags(each, target)
            for top in sorted(each.tops):
                unpacked.setdefault(top, []).append(each.part)
        entries.update((place + name, content) for name, content in each.files.items())
        entries.update((f"lib/{name}", content) for name, content in each.metadata.items())
    bytecode = _add_bytecode(entries, label, list(targets.values()))
    manifest: Manifest = {
        "format": FORMAT,
        "name": program.name,
        "build": program.build,
        "compiler": __version__,
        "bytecode": sorted(bytecode),
        "sources": [{"path": source.path, "sha256": source.sha256} for source in program.sources],
        "modules": sorted(project.tops),
        "distributions": [each.about for each in distributions],
        "parts": parts,
        "files": {},
    }
    missing = project.missing
    front = f"{SHEBANG}{head}\n".encode()
    if packer is not None:
        made = make_executable(packer, head)
        front, manifest["native"] = made.content, made.about
        missing = missing | (project.standard & LEFT_OUT)
    content = bundle_zip.write(entries, manifest, head=front, label=label, bytecode=bytecode, unpacked=unpacked)
    if packer is not None:
        check_archive(content[len(front) :])
    return Bundle(content, manifest, sorted(missing), target.markers["python_version"])


def _gathered(
    program: spec.Program, python_path: Sequence[str], installed: Installed, wanted: Wanted
) -> tuple[Project, list[Distribution]]:
    """The project's part, and the distributions. Raises `BundleError`."""
    finder = ModuleFinder(wanted.folders, python_path)
    patterns = [each for each in wanted.include if _PATTERN.search(each)]
    named = [each for each in wanted.include if not _PATTERN.search(each)]
    modules = {callable_.id.partition(":")[0] for callable_ in program.callables}
    requirements: list[str] = []
    for name in named:
        if installed.has(re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0]):
            requirements.append(name)
        elif finder.find(name.partition(".")[0]) is not None:
            modules.add(name)
        elif any(folder.joinpath(name).is_file() for folder in wanted.folders):
            patterns.append(name)
        else:
            close = installed.similar(name)
            hint = f"; did you mean `{close}`?" if close else ""
            raise BundleError(f"--include {name}: there is no such distribution, module or file{hint}")
    left_out = excludes(wanted.exclude)
    noted = _Noted(left_out)
    project = gather_project(finder, modules, belongs=lambda top: bool(installed.bringing(top)), excluded=noted)
    project.files.update(matching(patterns, wanted.folders))
    # Of what is excluded by name nothing is looked at; a pattern may be of a distribution's files.
    without = frozenset(plain(each) for each in wanted.exclude)
    own = installed.needed(["ppacer"])
    brought = {key for top in project.others for key in installed.bringing(top)} - without
    others = set(installed.needed([*requirements, *sorted(brought)], without)) - set(own)
    distributions = [installed.read(key, runtime=True, excluded=lambda _: False) for key in own]
    distributions += [installed.read(key, runtime=False, excluded=noted) for key in sorted(others)]
    taken = sorted(project.tops & {top for each in distributions if each.key in own for top in each.tops})
    if taken:
        raise BundleError(
            f"the project's own module `{taken[0]}` would be found in place of one that the runtime needs"
        )
    _refuse_idle(wanted.exclude, noted.met, installed)
    _refuse_mixed(distributions)
    return project, sorted(distributions, key=lambda each: each.key)


class _Noted:
    """Tells what is excluded, and remembers it."""

    def __init__(self, excluded: Callable[[str], bool]) -> None:
        self._excluded = excluded
        self.met: set[str] = set()

    def __call__(self, path: str) -> bool:
        if self._excluded(path):
            self.met.add(path)
            return True
        return False


def _refuse_idle(exclude: Sequence[str], met: set[str], installed: Installed) -> None:
    for name in exclude:
        if not installed.has(name) and not any(map(excludes([name]), met)):
            raise BundleError(f"--exclude {name}: there is nothing of that name that the program would hold")


def _refuse_mixed(distributions: Sequence[Distribution]) -> None:
    """A regular package has one place; only portions of one without `__init__.py` may lie in several."""
    for top in {top for each in distributions for top in each.tops}:
        bringing = [each for each in distributions if top in each.tops and f"{top}/__init__.py" in each.files]
        apart = {each.about["unpacked"] for each in distributions if top in each.tops}
        if bringing and len(apart) > 1:
            names = ", ".join(each.about["name"] for each in distributions if top in each.tops)
            raise BundleError(f"{names} all put files into the package `{top}`, which cannot be told apart in one file")


def _tags(distribution: Distribution, target: Target) -> dict[str, str]:
    """The Python and the machine that its compiled code is for; `abi3` is for any later Python."""
    if not distribution.compiled:
        return {}
    tied = any(".cpython-" in name or ".cp3" in name for name in distribution.compiled)
    return {"platform": target.platform, **({"python": target.tag} if tied else {})}


def _add_bytecode(entries: dict[str, bytes], label: str, targets: Sequence[Target]) -> dict[str, str]:
    """Adds bytecode for what is imported from the archive itself; what its names end in, by the tag of the Python.

    That of the program's own Python is called as Python's importer of zip archives looks for it.
    """
    sources = [
        (name, entries[name])
        for name in sorted(entries)
        if name.endswith(".py") and (name.startswith(("lib/", f"{PROJECT}/")) or name == "__main__.py")
    ]
    suffixes: dict[str, str] = {}
    for number, target in enumerate(targets):
        suffix = f".{target.tag}.pyc" if number else ".pyc"
        suffixes[target.tag] = suffix
        compiled = compile_for(target, [(f"{label}/{name}", content) for name, content in sources])
        for (name, _), content in zip(sources, compiled, strict=True):
            if content and (name != "__main__.py" or not number):
                entries[f"{name[:-3]}{suffix}"] = content
    return suffixes


def notes(made: Bundle) -> list[str]:
    """What somebody should know of the file that was made."""
    carried = made.manifest["distributions"]
    size = f"{len(made.content) / 1_000_000:.1f} MB with {len(carried)} distributions"
    native = made.manifest.get("native")
    inside = f"Python {native['python']} inside" if native else f"bytecode for {', '.join(made.manifest['bytecode'])}"
    told = [f"{size}, {inside}"]
    unpacked = [f"{each['name']} {each['version']}" for each in carried if each["unpacked"]]
    if PROJECT in made.manifest["parts"]:
        unpacked.insert(0, "the project's own modules")
    if unpacked:
        told.append(f"unpacked when they are first used: {', '.join(unpacked)}")
    tied = {part: tags for part, tags in made.manifest["parts"].items() if tags}
    for part, tags in tied.items():
        told.append(f"{part} is compiled: it runs only on {' and '.join(tags[name] for name in sorted(tags))}")
    if made.missing:
        told.append(f"imported, but found nowhere, and not in it: {', '.join(made.missing)}")
    return told
