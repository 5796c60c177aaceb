"""The files by which a program is put to work elsewhere: units of systemd, an image, a compose file, manifests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from ppacer.records import dataclass
from ppc.cli_options import Form
from ppc.package import MARKER, OutputError

DRAIN_SECONDS = 30
"""How long running tasks may go on after a stop was asked for."""

STOP_SECONDS = 60
"""When whatever is left is killed: tasks that do not end after `DRAIN_SECONDS` get five more, then traces are sent and
the database is closed."""

USER_ID = 10001
"""Who the program is in an image: nobody whom a host has."""

PORT = 9321


class Deployment(StrEnum):
    """What a program can be put to work with."""

    SYSTEMD = "systemd"
    DOCKER = "docker"
    COMPOSE = "compose"
    K8S = "k8s"


IN_IMAGE = frozenset({Deployment.DOCKER, Deployment.COMPOSE, Deployment.K8S})
"""Those for which the program is copied into an image."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A program that was written to `place`. For what goes into an image there are `digest`, the file's hash, and
    `python`, the version of Python that it was made for (`3.12`)."""

    place: Path
    form: Form
    digest: str = ""
    python: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    template: str
    name: str
    """`{name}` in it stands for the program's."""


_FILES = {
    Deployment.SYSTEMD: [
        _File("service.j2", "{name}.service"),
        _File("executor.service.j2", "{name}-executor.service"),
    ],
    Deployment.COMPOSE: [_File("compose.yaml.j2", "compose.yaml")],
    Deployment.K8S: [_File("kubernetes.yaml.j2", "kubernetes.yaml")],
    Deployment.DOCKER: [_File("Dockerfile.j2", "Dockerfile"), _File("dockerignore.j2", ".dockerignore")],
}

# With Python alone, for an image has no curl.
_HEALTH = (
    f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {PORT}, timeout=5); c.request('GET', '/health'); "
    "raise SystemExit(c.getresponse().status != 200)"
)
_PROGRAM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_HEAD = re.compile(rf"{MARKER} for (\S+), sha256 of the rest ([0-9a-f]{{64}})\.[^\n]*\n")


def check_files(deployments: Iterable[Deployment], program: Path, *, force: bool) -> None:
    """Raises `OutputError` where one of the files beside `program` must not be written: over somebody's own or changed
    one, or over that of another program (unless forced), or because services and images cannot be named for it."""
    for file in _files(deployments):
        if not _PROGRAM_NAME.fullmatch(program.stem):
            raise OutputError(
                f"services and images cannot be named for {program.name}: its name has to begin with a letter, and to "
                "go on with letters, digits and `-`, `_`, `.`; give another one with -o"
            )
        path = _path(file, program)
        why = None if force else _kept(path, program.name)
        if why is not None:
            raise OutputError(
                f"{path} {why}, so it is left as it is; give another place with -o, or overwrite it with --force"
            )


def deployment_files(deployments: Iterable[Deployment], program: Deployed) -> list[tuple[Path, str]]:
    """The files beside the program, and their texts. These depend on nothing but what is told of it."""
    wanted = _files(deployments)
    if not wanted:
        return []
    from ppc.templating import environment  # noqa: PLC0415 - most builds write none

    templates = environment()
    name = _service(program.place)
    values = {
        "command": _command(program),
        "drain": DRAIN_SECONDS,
        "health": _HEALTH,
        "image": f"{name}:{program.digest[:12]}",
        "installation": _installation(program),
        "name": name,
        "program": program.place.name,
        "python": program.python,
        "stem": program.place.stem,
        "stop": STOP_SECONDS,
        "user": USER_ID,
    }
    return [
        (
            _path(file, program.place),
            _headed(program.place.name, templates.get_template(f"deployment/{file.template}").render(values)),
        )
        for file in wanted
    ]


def _files(deployments: Iterable[Deployment]) -> list[_File]:
    """Each once; what needs an image comes with what makes it."""
    wanted = set(deployments)
    if wanted & IN_IMAGE:
        wanted.add(Deployment.DOCKER)
    return [file for deployment, files in _FILES.items() if deployment in wanted for file in files]


def _path(file: _File, program: Path) -> Path:
    return program.parent / file.name.format(name=_service(program))


def _service(program: Path) -> str:
    """What its services, images and objects are called: names that all of these take."""
    return re.sub(r"[^a-z0-9]+", "-", program.stem.lower())[:40].strip("-")


def _headed(program: str, text: str) -> str:
    """With a first line by which it shows later whether somebody has changed it."""
    digest = sha256(text.encode()).hexdigest()
    return f"{MARKER} for {program}, sha256 of the rest {digest}.\n{text}"


def _kept(place: Path, program: str) -> str | None:
    """Why the file there is not written over; none where there is none, or ppc wrote it for `program` as it is."""
    try:
        content = place.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read ({(error.strerror or str(error)).lower()})"
    head = _HEAD.match(content.decode("utf-8", "replace"))
    if head is None:
        return "was not generated by ppc"
    if head[1] != program:
        return f"was generated for another program, {head[1]}"
    rest = content.partition(b"\n")[2]
    return None if sha256(rest).hexdigest() == head[2] else "has been changed since ppc generated it"


def _command(program: Deployed) -> str:
    """What starts it where it is installed: the Python of its virtual environment, or any; else it starts itself."""
    folder = f"/opt/{_service(program.place)}"
    pythons = {Form.PY: f"{folder}/.venv/bin/python ", Form.PYZ: "/usr/bin/python3 "}
    return f"{pythons.get(program.form, '')}{folder}/{program.place.name}"


def _installation(program: Deployed) -> str:
    """How the program comes to where the units look for it, as lines of a comment."""
    folder = f"/opt/{_service(program.place)}"
    lines = [f"sudo install -D -m 755 {program.place.name} {folder}/{program.place.name}"]
    if program.form is Form.PY:
        lines = [
            f"{lines[0]}   # its tasks' modules as they lie beside it",
            f"sudo python3 -m venv {folder}/.venv && sudo {folder}/.venv/bin/pip install ppacer",
        ]
    return "\n".join(f"#   {line}" for line in lines)
