"""An editor as the server sees one: a process that speaks the protocol over the server's standard streams."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

_PATIENCE_SECONDS = 120
"""Bounds what hangs; a busy machine answers late."""


class Editor:
    """Requests are answered in turn. Diagnostics are kept by file, the newest only."""

    def __init__(
        self, folder: Path, *, encodings: tuple[str, ...] = ("utf-16",), workspace: dict[str, Any] | None = None
    ) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ppc.cli", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        self._arrived: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ids = 0
        self._versions: dict[str, int] = {}
        self._told: dict[str, int | None] = {}
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[dict[str, Any]] = []
        answer = self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": "project"}],
                "capabilities": {
                    "general": {"positionEncodings": list(encodings)},
                    "workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}, **(workspace or {})},
                },
            },
        )
        self.capabilities: dict[str, Any] = answer["capabilities"]
        self.notify("initialized", {})

    def __enter__(self) -> Editor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.request("shutdown", None)
                self.notify("exit", None)
                self.code = self._process.wait(_PATIENCE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                stream.close()

    # --- files ------------------------------------------------------------------------------------------------------

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Opens the file, or gives it another text; the answer is its diagnostics."""
        uri = self.uri(name)
        if uri in self._versions:
            return self.change(name, [{"text": text}])
        self._versions[uri] = 1
        document = {"uri": uri, "languageId": "ppd", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return self.settled(name)

    def change(self, name: str, changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        uri = self.uri(name)
        self._versions[uri] += 1
        document = {"uri": uri, "version": self._versions[uri]}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})
        return self.settled(name)

    def settled(self, name: str) -> list[dict[str, Any]]:
        """Waits for the diagnostics of the file as it is now."""
        uri = self.uri(name)
        while self._told.get(uri) != self._versions[uri]:
            self._take()
        return self.diagnostics[uri]

    def published(self, name: str, codes: list[str]) -> list[dict[str, Any]]:
        """Waits until the file's diagnostics are those with these codes."""
        uri = self.uri(name)
        while [each["code"] for each in self.diagnostics.get(uri, [{"code": "none told"}])] != codes:
            self._take()
        return self.diagnostics[uri]

    def ask(self, method: str, name: str, **more: Any) -> Any:
        """A request about a file."""
        self.settled(name)
        return self.request(f"textDocument/{method}", {"textDocument": {"uri": self.uri(name)}, **more})

    # --- messages ---------------------------------------------------------------------------------------------------

    def request(self, method: str, params: Any) -> Any:
        self._ids += 1
        self._send({"id": self._ids, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == self._ids and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _take(self) -> dict[str, Any]:
        message = self._arrived.get(timeout=_PATIENCE_SECONDS)
        assert message is not None, "the server has ended"
        if message.get("method") == "textDocument/publishDiagnostics":
            told = message["params"]
            self.diagnostics[told["uri"]] = told["diagnostics"]
            self._told[told["uri"]] = told.get("version")
        elif "method" in message and "id" in message:
            self.asked.append(message)
            self._send({"id": message["id"], "result": None})
        elif message.get("method") in ("window/showMessage", "window/logMessage"):
            raise AssertionError(message["params"]["message"])
        return message

    def _send(self, message: dict[str, Any]) -> None:
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
        self._arrived.put(None)


# --- places and edits of texts, columns in UTF-16 ---------------------------------------------------------------------


def place(text: str, part: str, *, after: bool = False, nth: int = 0) -> dict[str, int]:
    """Where a part of a text begins (or ends); of several the one of that number, from 0."""
    offset = -1
    for _ in range(nth + 1):
        offset = text.index(part, offset + 1)
    before = text[: offset + (len(part) if after else 0)]
    line = before.rpartition("\n")[2]
    return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}


def range_of(text: str, part: str, *, nth: int = 0) -> dict[str, dict[str, int]]:
    return {"start": place(text, part, nth=nth), "end": place(text, part, nth=nth, after=True)}


def text_at(text: str, range: dict[str, Any]) -> str:
    return text[_offset(text, range["start"]) : _offset(text, range["end"])]


def edits_of(action: dict[str, Any], uri: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = action["edit"]["changes"][uri]
    return found


def apply(text: str, edits: list[dict[str, Any]]) -> str:
    """The text after edits, none of which may touch another."""
    spans = sorted((_offset(text, e["range"]["start"]), _offset(text, e["range"]["end"]), e["newText"]) for e in edits)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    for start, end, new in reversed(spans):
        text = text[:start] + new + text[end:]
    return text


def _offset(text: str, position: dict[str, int]) -> int:
    lines = text.split("\n")
    before = sum(len(line) + 1 for line in lines[: position["line"]])
    rest = lines[position["line"]] if position["line"] < len(lines) else ""
    return before + len(rest.encode("utf-16-le")[: 2 * position["character"]].decode("utf-16-le"))
