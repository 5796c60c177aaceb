"""What a person waits for in an editor: `ppc lsp` over its real streams, a file of 2,000 lines and a workspace."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.reference import Reference
from benchmarks.table import Row

LINES = 2_000
FILES = 200
HOVERS = 200
TYPED = '\n  task more = shop.extract("eu", limit = 3) {\n    retries = 4\n  }\n'
"""Put into the first dag, the last, and some between, key by key."""
PLACES = 4
_PATIENCE_SECONDS = 120

SHOP = '''
from datetime import date


def extract(region: str, day: date, full: bool = False, limit: int = 0) -> list[str]:
    """Loads the orders of a region."""
    return []


def load(rows: list[str], table: str, day: date) -> int:
    return len(rows)
'''


def editor(folder: Path, _: Reference) -> Iterator[Row]:
    yield from _large(folder / "large")
    yield from _workspace(folder / "workspace")


def _large(folder: Path) -> Iterator[Row]:
    text = large(LINES)
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP, encoding="utf-8")
    with Client(folder) as client:
        client.open("large.ppd", text)
        client.wait("large.ppd")
        told, completed = [], []
        ends = [number for number, line in enumerate(text.split("\n")) if line.endswith("last = empty()")]
        for place in range(PLACES):
            line = ends[(len(ends) - 1) * place // (PLACES - 1)] + place * (TYPED.count("\n"))
            column = len("  task last = empty()")
            for number, key in enumerate(TYPED):
                told.append(client.type("large.ppd", line, column, key))
                line, column = (line + 1, 0) if key == "\n" else (line, column + 1)
                if not number % 4:
                    completed.append(client.complete("large.ppd", line, column))
        rows = [20 + (LINES - 40) * number // HOVERS for number in range(HOVERS)]
        hovered = [client.hover("large.ppd", line, 8) for line in rows]
        what = f"{LINES:,} lines in an editor"
        yield Row(f"{what}: from a key to its diagnostics, p95", _most(told), "ms", 150, None)
        yield Row(f"{what}: completion right after a key, p95", _most(completed), "ms", 50, None)
        yield Row(f"{what}: hover, p95", _most(hovered), "ms", 20, None)
        yield Row(f"{what}: memory after {len(told) + len(completed)} keys", client.megabytes(), "MB", 200, None)


def _workspace(folder: Path) -> Iterator[Row]:
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP, encoding="utf-8")
    (folder / "base.ppd").write_text(BASE, encoding="utf-8")
    names = [f"file_{number}.ppd" for number in range(FILES - 1)]
    for name in names:
        (folder / name).write_text(member(name.partition(".")[0]), encoding="utf-8")
    with Client(folder) as client:
        began = time.perf_counter()
        for name in ["base.ppd", *names]:
            client.open(name, (folder / name).read_text(encoding="utf-8"))
        for name in ["base.ppd", *names]:
            client.wait(name)
        what = f"{FILES} files in an editor"
        yield Row(f"{what}, opened: all diagnostics after", time.perf_counter() - began, "s", 2, None)
        keys = [client.type(names[FILES // 2], 5, 0, " ") for _ in range(20)]
        yield Row(f"{what}, a key in one: its diagnostics, p95", _most(keys), "ms", 150, None)
        yield Row(f"{what}: memory", client.megabytes(), "MB", 200, None)


def _most(seconds: Sequence[float]) -> float:
    """What 95 of 100 are below, in milliseconds."""
    return sorted(seconds)[len(seconds) * 95 // 100] * 1000


# --- sources ----------------------------------------------------------------------------------------------------------

BASE = 'let regions = ["eu", "us", "asia"]\n\ntemplate copy(table: str) {\n  task dump = print(table)\n}\n'


def large(lines: int) -> str:
    """A sound file with so many lines: dags of about fifty lines that share lets, a pool, a template and defaults."""
    found = ["import shop", "", *BASE.splitlines(), "", "pool warehouse { slots = 4 }", ""]
    found += ["defaults {", "  retries = 2", "  timeout = 1h", "}", ""]
    dags = 0
    while len(found) + 52 < lines:
        found += dag(f"d{dags}", 12)
        dags += 1
    return "\n".join([*found, *["# and a line"] * (lines - len(found))]) + "\n"


def dag(name: str, tasks: int) -> list[str]:
    found = [f"dag {name} {{", f'  """Loads what {name} has sold."""', '  schedule = cron("15 4 * * *")']
    found += ['  timezone = "Europe/Warsaw"', "  param day: date = run.date", ""]
    found += ["  task raw[region in regions] = shop.extract(region, day = params.day)", '  group copies = copy("all")']
    for task in range(tasks):
        found.append(f'  task rows_{task} = shop.extract("eu", day = params.day - {task}d, limit = {task})')
        found += [
            f'  task load_{task} = shop.load(rows_{task}, "t{task}", day = run.date) {{',
            "    pool = warehouse",
            "  }",
        ]
    return [*found, "  task last = empty()", f"  [load_0, load_{tasks - 1}, raw[*]] -> last", "}", ""]


def member(name: str) -> str:
    """A file of a workspace, of about thirty lines, which includes another."""
    found = ["import shop", 'include "base.ppd"', "", "pool warehouse { slots = 4 }", "", *dag(name, 5)]
    return "\n".join(line.replace("warehouse", f"pool_{name}") for line in found)


# --- the editor -------------------------------------------------------------------------------------------------------


class Client:
    """Speaks to a server of its own. Places count from 0."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ppc.cli", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        self._arrived: queue.Queue[dict[str, object]] = queue.Queue()
        self._versions: dict[str, int] = {}
        self._told: dict[str, object] = {}
        self._asked = 0
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Client:
        root = self._folder.as_uri()
        self._request("initialize", {"processId": None, "rootUri": root, "capabilities": {}})
        self._send({"method": "initialized", "params": {}})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def open(self, name: str, text: str) -> None:
        self._versions[name] = 0
        document = {"uri": self._uri(name), "languageId": "ppd", "version": 0, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def type(self, name: str, line: int, column: int, key: str) -> float:
        """The seconds from a key to the diagnostics of the file with it."""
        began = time.perf_counter()
        self._change(name, line, column, key)
        self.wait(name)
        return time.perf_counter() - began

    def complete(self, name: str, line: int, column: int) -> float:
        """The seconds that a completion takes that is asked for together with a key, which is taken back after it."""
        self._change(name, line, column, "s")
        began = time.perf_counter()
        self._request("textDocument/completion", self._place(name, line, column + 1))
        taken = time.perf_counter() - began
        self._change(name, line, column, "", cut=1)
        self.wait(name)
        return taken

    def hover(self, name: str, line: int, column: int) -> float:
        began = time.perf_counter()
        self._request("textDocument/hover", self._place(name, line, column))
        return time.perf_counter() - began

    def wait(self, name: str) -> None:
        """For the diagnostics of the file as it is now."""
        while self._told.get(self._uri(name)) != self._versions[name]:
            self._take()

    def megabytes(self) -> float:
        return machine.proportional_bytes(machine.tree(self._process.pid)) / 2**20

    def _uri(self, name: str) -> str:
        return (self._folder / name).as_uri()

    def _place(self, name: str, line: int, column: int) -> dict[str, object]:
        return {"textDocument": {"uri": self._uri(name)}, "position": {"line": line, "character": column}}

    def _change(self, name: str, line: int, column: int, text: str, cut: int = 0) -> None:
        self._versions[name] += 1
        start, end = ({"line": line, "character": place} for place in (column, column + cut))
        change = {"range": {"start": start, "end": end}, "text": text}
        document = {"uri": self._uri(name), "version": self._versions[name]}
        self._send(
            {"method": "textDocument/didChange", "params": {"textDocument": document, "contentChanges": [change]}}
        )

    def _request(self, method: str, params: object) -> None:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == self._asked and "method" not in message:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return

    def _take(self) -> dict[str, object]:
        message = self._arrived.get(timeout=_PATIENCE_SECONDS)
        params = message.get("params")
        if message.get("method") == "textDocument/publishDiagnostics" and isinstance(params, dict):
            self._told[params["uri"]] = params.get("version")
        return message

    def _send(self, message: dict[str, object]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while line := stream.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                line = stream.readline()
            self._arrived.put(json.loads(stream.read(length)))
