"""Makes the mistakes on one peer, stage after stage, and looks at what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.defects.mistakes import SOUND, Case, mistakes
from benchmarks.peers.defects.stages import RUN, STAGES, surroundings
from benchmarks.peers.peers import ROOT, Peer

HERE = Path(__file__).parent
_SECONDS, _BEFORE_SECONDS = 240, 900
_KEY = "THE_MISTAKE"  # stands for the case in what is said, so that the same lines are the same
_EXCEPTION = re.compile(
    r"^(?:[\s|+-]*|\S+:\d+: )(?:(?:[\w.]+\.)?\w*(?:Error|Exception|Warning)\w*(?:: |$)|(?:[a-z_]\w*\.)+[A-Z]\w*: )"
)
_WORD = re.compile(
    r"\b(?:\w*errors?|\w*warnings?|critical|exceptions?|failed|failures?|invalid|unknown|aborted)\b|looks :[|(]",
    re.IGNORECASE,
)
_CALM = re.compile(r"\bno (?:errors?|warnings?|failed|failures?)\b", re.IGNORECASE)
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z \[(\w+) *\] +")
_CHANGING = re.compile(r"0x[0-9a-f]+|\x1b\[[0-9;]*m|\d+|'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Told:
    """What a peer said of a mistake: at which stage, or none where it never did, and the first line. `checker` is what
    a type checker says of the Python, or nothing. `reason` says why it cannot be made there, where it cannot."""

    stage: str | None = None
    line: str = ""
    checker: str = ""
    reason: str = ""


class Unsound(Exception):
    """The program in which nothing is wrong did not run."""


def observe(peer: Peer) -> dict[str, Told]:
    """What the peer says of each mistake, by key. Raises `Unsound`; `SystemExit` where what has to serve does not."""
    cases = {mistake.key: mistake.cases[peer.name] for mistake in mistakes()}
    with tempfile.TemporaryDirectory(prefix=f"mistakes-{peer.name}-") as name:
        folder = Path(name)
        for file in ("steps.py", *STAGES[peer.name].extras):
            (folder / file).write_bytes((HERE / file).read_bytes())
        with ExitStack() as all_cases:
            for case in cases.values():
                all_cases.enter_context(written(folder, case))
            checked = _type_checked(peer, folder, cases)
        with surroundings(peer, folder) as variables, _inside(peer, folder, variables) as ask:
            for command in STAGES[peer.name].before:
                status, said = ask(command.split(), _BEFORE_SECONDS)
                if status:
                    raise Unsound(f"`{command}` ended with {status}: {said[-2_000:]}")
            return dict(_observed(peer, folder, cases, checked, ask))


def _observed(
    peer: Peer, folder: Path, cases: dict[str, Case], checked: dict[str, str], ask: _Ask
) -> Iterator[tuple[str, Told]]:
    usual: dict[str, set[str]] = {}
    for key, case in cases.items():
        if case.reason:
            yield key, Told(reason=case.reason)
            continue
        found = Told(checker=checked.get(key, ""))
        with written(folder, case):
            for stage, command in _commands(peer, folder, key, case):
                status, said = ask(command, _SECONDS)
                said = re.sub(rf"\b{key}\b", _KEY, _without_places(said, folder, peer.place))
                if key == SOUND:
                    if status:
                        raise Unsound(f"`{' '.join(command)}` ended with {status}: {said[-2_000:]}")
                    usual[stage] = {_without_changing(line) for line in said.splitlines()}
                    continue
                line = first_line(status, said, usual[stage])
                if line is not None:
                    found = Told(stage, line.replace(_KEY, key), found.checker)
                    break
        if key != SOUND:
            print(f"{peer.name}: {key}: {found.stage or 'never'}: {found.line}", file=sys.stderr)
            yield key, found


@contextmanager
def written(folder: Path, case: Case) -> Iterator[None]:
    """The files of the case are there meanwhile, and no longer: where all files of a folder are loaded together, what
    is said of one mistake is else said of all."""
    for file, text in case.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        for file in case.files:
            (folder / file).unlink(missing_ok=True)


def _commands(peer: Peer, folder: Path, key: str, case: Case) -> Iterator[tuple[str, Sequence[str]]]:
    for stage, command in STAGES[peer.name].commands.items():
        if stage == RUN and case.runs:
            yield from ((RUN, [word.replace("FOLDER", str(folder)) for word in each]) for each in case.runs)
        else:
            yield stage, command.replace("KEY", key).replace("FOLDER", str(folder)).split()


def first_line(status: int | None, said: str, usual: set[str]) -> str | None:
    """The line that tells, or none where nothing does: of a traceback the exception, else the first with a word of
    alarm that is not among the `usual` ones. A command that does not end tells nothing."""
    if status is None:
        return None
    lines = [line for line in said.splitlines() if line.strip() and _without_changing(line) not in usual]
    exceptions = [line for line in lines if _EXCEPTION.search(line)]
    alarming = [line for line in lines if _WORD.search(_CALM.sub("", line))]
    if status == 0 and not alarming and not exceptions:
        return None
    return _tidy((exceptions or alarming or lines or [f"exit status {status}"])[0])


def _without_places(said: str, *places: Path) -> str:
    for place in places:
        said = said.replace(f"{place}/", "").replace(str(place), ".")
    return said


def _tidy(line: str) -> str:
    plain = _STAMP.sub(r"\1: ", re.sub(r"\x1b\[[0-9;]*m", "", line).strip(" \t|+-"))
    return re.sub(r" {3,}\[", " [", plain)[:300]


def _without_changing(line: str) -> str:
    return _CHANGING.sub("#", line).strip()


def _type_checked(peer: Peer, folder: Path, cases: dict[str, Case]) -> dict[str, str]:
    """What mypy says of the Python of each case, by key, as it is installed and without settings; a file that does not
    parse ends it, so that it is asked again for the others."""
    files = sorted({file for case in cases.values() for file in case.files if file.endswith(".py")})
    python = peer.python if peer.requirements else Path(sys.executable)
    said: dict[str, list[str]] = {}
    while files:
        command = [sys.executable, "-m", "mypy", "--python-executable", str(python), "--no-error-summary", *files]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        for line in ran.stdout.splitlines():
            match = re.match(r"(\S+?):\d+: error: (.*)", line)
            if match:
                said.setdefault(match[1], []).append(match[2])
        broken = {
            file
            for case in cases.values()
            if any(line.endswith("[syntax]") for each in case.files for line in said.get(each, ()))
            for file in case.files
        }.intersection(files)
        if ran.returncode != 2 or not broken:
            break
        files = [file for file in files if file not in broken]
    usual = {_without_changing(line) for file in cases[SOUND].files for line in said.get(file, ())}
    found = {}
    for key, case in cases.items():
        lines = [line for file in case.files for line in said.get(file, ()) if _without_changing(line) not in usual]
        if lines:
            found[key] = lines[0]
    return found


class _Ask:
    """Asks the process in the peer's environment to carry out a command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, command: Sequence[str], seconds: float) -> tuple[int | None, str]:
        """The exit status, none where it did not end in that time, and all that the command wrote."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Unsound("the process in its environment has ended")
        answer = json.loads(line)
        return answer["status"], answer["said"]


@contextmanager
def _inside(peer: Peer, folder: Path, variables: dict[str, str]) -> Iterator[_Ask]:
    python = peer.python if peer.requirements else Path(sys.executable)
    environment = {
        **os.environ,
        **variables,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    command = [str(python), "-m", "benchmarks.peers.defects.inside", *STAGES[peer.name].modules]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield _Ask(process)
