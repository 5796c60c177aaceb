"""Walks through a document as a reader does: writes its files, types its commands, compares what they print.

What a document has to look like:

- A block of `ppd`, `python`, `toml` or `text` below a line that ends in a colon and names a file in backticks is that
  file's content; where the line says `end of`, it goes to the end of it.
- In a block of `console`, a line that begins with `$ ` is typed, and what follows is what is printed; `…` stands for
  anything. A command whose output is not shown has to succeed; so has one whose output tells of no failure. A program
  that serves goes on in the background; `^C` ends the one that was started last, and what follows is the end of its
  output.
- Blocks of other languages are for reading.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./-]+\.\w+)`[^`]*:\s*\Z")
_WRITTEN = ("ppd", "python", "toml", "text")
_VARIABLES = r"((?:[A-Z_]+=(?:\$\([^)]*\)|\S+) )*)"
_SERVES = re.compile(_VARIABLES + r"(python [\w./]+\.pyz?(?: (?:start|scheduler|executor)\b.*| --?\w.*)?)\Z")
_LOOKS = re.compile(r"cat |python [\w./]+\.pyz? (runs|logs|list|history|pools)\b|psql ")
_FAILS = re.compile(r"error|✖|failed")
_PATIENCE = 300
"""Seconds after which something that should come is held to be missing."""


@dataclass
class Walk:
    """A reader at work in a folder. `instead` says what is typed in the place of what only readers have; the machine
    `scheduler.example` is that of the program that was started last."""

    folder: Path
    instead: Mapping[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    serving: list[tuple[subprocess.Popen[bytes], Path]] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    def through(self, document: Path) -> None:
        text = document.read_text(encoding="utf-8")
        for block in _BLOCK.finditer(text):
            language, content = block[1], block[2]
            above = text[: block.start()].rstrip("\n").rpartition("\n")[2]
            named = _FILE.search(above)
            if language == "console":
                self._console(content)
            elif language in _WRITTEN and named:
                self._write(named[1], content, append="end of" in above)

    def _write(self, name: str, content: str, *, append: bool) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8") + "\n\n" if append else ""
        file.write_text(before + self._real(content), encoding="utf-8")

    def _real(self, text: str) -> str:
        for shown, real in self.instead.items():
            text = text.replace(shown, real)
        return text

    def _console(self, content: str) -> None:
        for part in re.split(r"^(?=\$ |\^C)", content, flags=re.MULTILINE):
            command, _, output = part.partition("\n")
            wanted = self._real(output).rstrip("\n")
            if command == "^C":
                self._interrupt(wanted)
            elif command.startswith("$ "):
                self.typed.append(command.removeprefix("$ "))
                self._type(self._real(command.removeprefix("$ ")), wanted)

    def _type(self, command: str, wanted: str) -> None:
        serves = _SERVES.match(command)
        if serves:
            self._serve(f"{serves[1]}exec {serves[2]}", wanted)
            return
        until = time.monotonic() + _PATIENCE
        while True:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=self.folder,
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=2 * _PATIENCE,
            )
            said = done.stdout.decode()
            fits = _pattern(wanted).fullmatch(_trimmed(said)) is not None if wanted else True
            if (fits and (done.returncode == 0 or _FAILS.search(wanted))) or not _LOOKS.match(command):
                break
            if time.monotonic() > until:
                break
            time.sleep(0.2)
        assert fits, f"$ {command}\n{said}\n--- where the document has\n{wanted}"
        assert done.returncode == 0 or _FAILS.search(wanted), f"$ {command}\nended with {done.returncode}\n{said}"

    def _serve(self, command: str, wanted: str) -> None:
        output = self.folder.parent / f"serving-{len(self.serving)}.txt"
        with output.open("wb") as stream:
            program = subprocess.Popen(
                ["sh", "-c", command],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.serving.append((program, output))
        until = time.monotonic() + _PATIENCE
        while not _pattern(wanted).match(_trimmed(output.read_text(encoding="utf-8"))):
            said = output.read_text(encoding="utf-8")
            assert program.poll() is None, f"$ {command}\nhas ended\n{said}"
            assert time.monotonic() < until, f"$ {command}\n{said}\n--- where the document has\n{wanted}"
            time.sleep(0.1)
        page = re.search(r"^ *page +(http://\S+)", output.read_text(encoding="utf-8"), re.MULTILINE)
        if page:
            self.instead = {**self.instead, "http://scheduler.example:9321": page[1]}

    def _interrupt(self, wanted: str) -> None:
        program, output = self.serving.pop()
        program.send_signal(signal.SIGINT)
        program.wait(_PATIENCE)
        said = _trimmed(output.read_text(encoding="utf-8"))
        assert re.search(_pattern(wanted).pattern + r"\Z", said, re.DOTALL), said

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PPACER_", "PPC_"))}
        place = {"HOME": str(self.folder.parent), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}
        return kept | place | {"TZ": "UTC", "PPACER_PORT": "0", "COLUMNS": "120"} | self.environment

    def end(self) -> None:
        for program, _ in self.serving:
            program.send_signal(signal.SIGTERM)
        for program, _ in self.serving:
            try:
                program.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


@contextmanager
def walking(folder: Path, instead: Mapping[str, str] | None = None, **environment: str) -> Iterator[Walk]:
    """A reader in a new folder below this one; what they left running is ended."""
    place = folder / "here"
    place.mkdir()
    walk = Walk(place, instead or {}, environment)
    try:
        yield walk
    finally:
        walk.end()


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))


def _pattern(wanted: str) -> re.Pattern[str]:
    """Ports are whichever was free."""
    text = re.sub(r"(127\.0\.0\.1):9321\b", r"\1:…", _trimmed(wanted))
    return re.compile(".*?".join(map(re.escape, text.split("…"))), re.DOTALL)
