"""What is told last of a file is what its last text says, however fast it is typed and however slow a check is."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.io_ import run_async

from ppc.callables import CallableFinder
from ppc.includes import Files
from ppc.lsp import workspace as workspace_module
from ppc.lsp.server import Server, make_server
from ppc.lsp.session import Session
from ppc.lsp.workspace import Workspace

_PATIENCE_SECONDS = 120
CHECK_SECONDS = 0.02
BASE = "let region = 1\n\ndag base {\n  task b = print(region)\n}\n"
TOP = 'include "base.ppd"\n\ndag top {\n  task a = print(region)\n}\n'


class Typist:
    """Sends what an editor sends, without waiting for any answer, and keeps what it is told."""

    def __init__(self, server: Server) -> None:
        self._reader = asyncio.StreamReader()
        self._server = server
        self._told = asyncio.Event()
        self._id = 0
        self.published: list[dict[str, Any]] = []
        server.protocol.set_writer(self)
        self._reading = asyncio.ensure_future(run_async(threading.Event(), self._reader, server.protocol))

    def write(self, data: bytes) -> None:
        message = json.loads(data.partition(b"\r\n\r\n")[2])
        if message.get("method") == "textDocument/publishDiagnostics":
            self.published.append(message["params"])
            self._told.set()

    def close(self) -> None:
        pass

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any) -> None:
        self._id += 1
        self._send({"id": self._id, "method": method, "params": params})

    def last(self, uri: str) -> dict[str, Any] | None:
        return next((each for each in reversed(self.published) if each["uri"] == uri), None)

    async def wait(self, uri: str, version: int, messages: list[str]) -> None:
        """Until what was told last of a file is of this version and has these messages."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                self._told.clear()
                last = self.last(uri)
                if last and last["version"] == version and texts(last["diagnostics"]) == messages:
                    return
                await self._told.wait()

    async def end(self) -> None:
        self._reader.feed_eof()
        await self._reading

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._reader.feed_data(b"Content-Length: %d\r\n\r\n" % len(body) + body)


def texts(diagnostics: list[Any]) -> list[str]:
    return sorted(each["message"] if isinstance(each, dict) else each.message for each in diagnostics)


def expected(folder: Path, base: str, top: str) -> dict[str, list[str]]:
    """What a server says that never saw another text."""
    session = Session(Workspace([str(folder)]))
    uris = {name: (folder / name).as_uri() for name in ("base.ppd", "top.ppd")}
    for name, text in (("base.ppd", base), ("top.ppd", top)):
        session.open(uris[name], text, 1)
    return {told.uri: texts(list(told.diagnostics)) for told in session.publish()}


@pytest.fixture
def slow_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several texts are typed while one is checked, and a check takes longer than the quiet before it."""
    examine = workspace_module.examine

    def slowly(files: Files, callables: CallableFinder) -> object:
        time.sleep(CHECK_SECONDS)
        return examine(files, callables)

    monkeypatch.setattr(workspace_module, "examine", slowly)


@pytest.mark.usefixtures("slow_checks")
@pytest.mark.parametrize("seed", range(3))
def test_the_last_diagnostics_of_each_file_are_those_of_its_last_text(tmp_path: Path, seed: int) -> None:
    asyncio.run(_type(tmp_path, random.Random(seed)))


async def _type(folder: Path, chance: random.Random) -> None:
    files = {"base.ppd": BASE, "top.ppd": TOP}
    versions = dict.fromkeys(files, 1)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    typist = Typist(make_server((), None))
    uris = {name: (folder / name).as_uri() for name in files}
    typist.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
    typist.notify("initialized", {})
    for name, text in files.items():
        document = {"uri": uris[name], "languageId": "ppd", "version": 1, "text": text}
        typist.notify("textDocument/didOpen", {"textDocument": document})
    for _ in range(120):
        name = chance.choice(["base.ppd", "top.ppd"])
        text = files[name]
        # Letters come and go in the middle, so that names, words and whole statements are broken and mended.
        place = chance.randrange(len(text))
        cut = chance.choice((0, 0, 1))
        typed = "" if cut else chance.choice(["x", " ", "\n", "}", "(", '"'])
        before = text[:place]
        start = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        behind = text[: place + cut]
        end = {"line": behind.count("\n"), "character": len(behind.rpartition("\n")[2])}
        _change(typist, files, versions, uris, name, {"range": {"start": start, "end": end}, "text": typed})
        files[name] = before + typed + text[place + cut :]
        if chance.random() < 0.5:
            typist.request("textDocument/completion", {"textDocument": {"uri": uris[name]}, "position": start})
            typist.request("textDocument/semanticTokens/full", {"textDocument": {"uri": uris[name]}})
        if chance.random() < 0.5:
            await asyncio.sleep(chance.choice((0, 0.005, 0.012)))  # shorter and longer than the quiet before a check
    broken = expected(folder, files["base.ppd"], files["top.ppd"])
    for name, uri in uris.items():
        await typist.wait(uri, versions[name], broken.get(uri, []))
    for name, text in (("base.ppd", BASE), ("top.ppd", TOP)):
        _change(typist, files, versions, uris, name, {"text": text})
    for name, uri in uris.items():
        await typist.wait(uri, versions[name], [])  # all is mended
        told = [each["version"] for each in typist.published if each["uri"] == uri]
        assert told == sorted(told)
    await typist.end()


def _change(
    typist: Typist,
    files: dict[str, str],
    versions: dict[str, int],
    uris: dict[str, str],
    name: str,
    change: dict[str, Any],
) -> None:
    versions[name] += 1
    document = {"uri": uris[name], "version": versions[name]}
    typist.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


def test_a_file_that_is_opened_again_is_told_of_again(tmp_path: Path) -> None:
    session = Session(Workspace([str(tmp_path)]))
    uri = (tmp_path / "again.ppd").as_uri()
    for _ in range(2):
        session.open(uri, "dag a { task b = nothing() }\n", 1)
        told = list(session.publish())
        assert [each.uri for each in told] == [uri]
        assert [each.severity for each in told[0].diagnostics] == [lsp.DiagnosticSeverity.Error]
        session.close(uri)
