"""`ppc build`: the program of the files, in its place."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from hashlib import sha256
from pathlib import Path

from ppc import package
from ppc.cli_compile import Compilation, compile_for
from ppc.cli_error import CommandError, UsageError
from ppc.cli_options import Form, add_files, add_forms, add_search
from ppc.cli_report import contents, report, several, tells_text
from ppc.deployment import IN_IMAGE, Deployed, Deployment, check_files, deployment_files

_POSTGRESQL = "ppacer[postgresql]"
"""What a compose file starts is a database of PostgreSQL; the program in it needs the driver."""

_START_SECONDS = 120


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "-o",
        dest="output",
        metavar="PLACE",
        help="a folder, or a file ending in .py or .pyz, or an executable [beside the first FILE]",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files even if ppc did not generate them")
    parser.add_argument(
        "--with",
        metavar="WHAT",
        dest="deployments",
        action="extend",
        default=[],
        type=_deployments,
        help="also write, beside the program, the files that put it to work: `systemd`, `docker`, `compose` or `k8s`; "
        "several with commas, or given again",
    )
    add_search(parser)
    add_forms(parser)
    inside = parser.add_argument_group("what is in a program of the form pyz or bin")
    inside.add_argument(
        "--include",
        metavar="WHAT",
        action="append",
        default=[],
        help="a distribution (`psycopg[binary]`) or a module that no import names, or files below the folders of the "
        "modules (`data/*.csv`); may be given again",
    )
    inside.add_argument(
        "--exclude",
        metavar="WHAT",
        action="append",
        default=[],
        help="a distribution, a module or files (`shop/tests/*`) to leave out; may be given again",
    )
    inside.add_argument(
        "--target-python",
        metavar="VERSION",
        dest="targets",
        action="append",
        default=[],
        help="a further Python that shall start a pyz as fast as the one of --python: 3.12, or an executable; any from "
        "3.11 on runs it",
    )
    inside.add_argument("--sbom", metavar="FILE", help="write its bill of materials there, as CycloneDX in JSON")


def run(arguments: Namespace) -> int:
    files: list[str] = arguments.files
    form = Form(arguments.form)
    if form is Form.PY and (arguments.include or arguments.exclude or arguments.sbom):
        raise UsageError("--include, --exclude and --sbom are for --format pyz and bin")
    if form is not Form.PYZ and arguments.targets:
        raise UsageError("--target-python is for --format pyz")
    deployments: list[Deployment] = arguments.deployments
    in_image = [each for each in deployments if each in IN_IMAGE]
    if in_image and form is not Form.PYZ:
        raise UsageError(
            f"--with {in_image[0]} is for --format pyz: an image is made of one file that needs no packages"
        )
    if Deployment.COMPOSE in deployments and _POSTGRESQL not in arguments.include:
        arguments.include = [*arguments.include, _POSTGRESQL]
    place = package.output_path(Path(files[0]), arguments.output, form.suffix)
    compilation = compile_for(arguments, files)
    code = report(compilation, arguments)
    if code or compilation.analysis is None:
        return code
    try:
        package.check_place(place, [Path(file) for file in files], force=arguments.force)
        check_files(deployments, place, force=arguments.force)
        write = _write_program if form is Form.PY else _write_archive
        made, notes = write(arguments, compilation, place)
        for path, text in deployment_files(deployments, made):
            package.write_text(path, text)
            notes.append(f"put to work by {path}")
    except package.OutputError as error:
        raise CommandError(str(error)) from error
    if tells_text(arguments):
        print("\n".join([f"{several(files)} -> {place}: {contents(compilation.analysis)}", *notes]))
    return code


def _deployments(text: str) -> list[Deployment]:
    """Those that are named, with commas between them."""
    known = [each.value for each in Deployment]
    unknown = [word for word in text.split(",") if word not in known]
    if unknown:
        raise ArgumentTypeError(f"there is no `{unknown[0]}` to write files for; there are {', '.join(known)}")
    return [Deployment(word) for word in text.split(",")]


def _write_program(_arguments: Namespace, compilation: Compilation, place: Path) -> tuple[Deployed, list[str]]:
    from ppc.emit import emit  # noqa: PLC0415 - only a program without faults needs the template

    program = compilation.program(place)
    package.check_modules(place, program)
    package.write_text(place, emit(program))
    return Deployed(place, Form.PY), []


def _write_archive(arguments: Namespace, compilation: Compilation, place: Path) -> tuple[Deployed, list[str]]:
    """Writes the program as one file, and its bill of materials; returns what is told of it. Raises `CommandError`."""
    from ppc import bundle  # noqa: PLC0415 - what looks for distributions takes long to load
    from ppc.bundle_error import BundleError  # noqa: PLC0415
    from ppc.cli_python import find_python  # noqa: PLC0415

    python = find_python(arguments.python, Path(arguments.files[0]).parent)
    program = compilation.carried_program(place, Path(arguments.files[0]))
    wanted = bundle.Wanted(
        [Path(folder).resolve() for folder in compilation.folders],
        arguments.include,
        arguments.exclude,
        arguments.targets,
        native=arguments.form == Form.BIN.value,
    )
    try:
        made = bundle.make(program, place.name, python.executable, python.path, wanted)
    except BundleError as error:
        raise CommandError(str(error)) from error
    if arguments.sbom is not None:
        from ppc.bundle_sbom import bill_of_materials  # noqa: PLC0415

        package.write_text(Path(arguments.sbom), bill_of_materials(made.manifest))
    package.write_bytes(place, made.content, executable=True)
    notes = bundle.notes(made)
    if wanted.native:
        notes.append(f"it starts in {_start_seconds(place):.2f} s here (`{place.name} --version`)")
    digest = sha256(made.content).hexdigest()
    return Deployed(place, Form(arguments.form), digest, made.python), notes


def _start_seconds(place: Path) -> float:
    """How long the executable takes for the least that there is to do. Raises `CommandError` if it does not start."""
    import subprocess  # noqa: PLC0415 - few builds need these
    import time  # noqa: PLC0415

    before = time.monotonic()
    try:
        done = subprocess.run(
            [place.resolve(), "--version"], capture_output=True, text=True, check=False, timeout=_START_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{place} was written, but does not start here: {error}") from error
    if done.returncode:
        raise CommandError(f"{place} was written, but does not start here: {done.stderr.strip()[-500:]}")
    return time.monotonic() - before
