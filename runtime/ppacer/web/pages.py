"""The page: a few files of the package, read once. Paths of requests only look names up, they never reach a disk.

A browser gets all that a view needs in few steps: the document names the view's modules, those that they import as
well, so that none is waited for to learn of the next; the style sheets come as one; and the files have an address that
changes with their content, at which they are kept for good.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html import escape
from http import HTTPStatus
from importlib import resources
from urllib.parse import quote

from ppacer.core.accounts import Right
from ppacer.web.base import ApiError, BaseHandler

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DOCUMENT, _SCRIPT, _SHEET = "index.html", "app.js", "page.css"
_SHEET_LINK = re.compile(r' *<link rel="stylesheet" href="/static/([a-z_]+\.css)">\n')
_IMPORT = re.compile(rb'^import [^;]*?from "\./([a-z_]+\.js)";', re.MULTILINE)
_VIEWS = {"runs": "runs.js", "system": "system.js"}
_PARTS_OF_RUN = {"gantt": "gantt.js", "events": "run_events.js"}
_PACKED_FROM = 1024
"""Bytes from which on a file is sent compressed."""

_ASK_AGAIN = "no-cache"
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    kind: str
    etag: str


class FileHandler(BaseHandler):
    """The base of what sends a file."""

    _etag: str | None = None

    def compute_etag(self) -> str | None:
        """The tag of the file, by which Tornado answers that it is still the same."""
        return self._etag

    def send(self, file: _File, caching: str) -> None:
        self._etag = file.etag
        self.set_header("Content-Type", file.kind)
        self.set_header("Cache-Control", caching)
        if len(file.content) >= _PACKED_FROM and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(_packed(file.content))
        else:
            self.finish(file.content)


class PageHandler(FileHandler):
    """Every view is the same document but for the modules that it names; its script looks at the address. A browser
    that is not logged in is sent to the login."""

    from_anywhere = True

    def check(self) -> None:
        try:
            super().check()
        except ApiError as error:
            by_browser = "text/html" in self.request.headers.get("Accept", "")
            if error.status_code != HTTPStatus.UNAUTHORIZED or not by_browser:
                raise
            self._send_to_login()

    def _send_to_login(self) -> None:
        if self.request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            # A link elsewhere was followed, and so the login's cookie was held back: asked again from here, it is not.
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish('<!doctype html><meta http-equiv="refresh" content="0"><title>…</title>')
            return
        there = quote(self.request.path, safe="/")
        self.redirect(f"/login?next={there}" if there != "/" else "/login", status=HTTPStatus.SEE_OTHER)

    def get(self, *_: str) -> None:
        view = _view_of(self.request.path, picked="task" in self.request.query_arguments)
        self.send(_document(view, self.site.program.name), _ASK_AGAIN)


class StaticHandler(FileHandler):
    """Open to all, for there is nothing in these files that is not in the package; the login page needs them."""

    open_to_all = True

    def get(self, *place: str) -> None:
        *version, name = place
        file = _files().get(name)
        if file is None or version not in ([], [_version()]):
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no file {'/'.join(place)[:100]}")
        self.send(file, _FOR_GOOD if version else _ASK_AGAIN)


class MissingHandler(BaseHandler):
    """Anything else; protected like all others, so that a stranger learns nothing of what there is."""

    right = Right.KNOWN

    def check(self) -> None:
        super().check()
        raise ApiError(HTTPStatus.NOT_FOUND, "there is nothing at this address")


def _view_of(path: str, *, picked: bool) -> tuple[str, ...]:
    """The modules that show the address, where a task is `picked` if one is; without those that they import."""
    kind, _, rest = path[1:].partition("/")
    one, _, part = rest.partition("/")
    if kind == "runs" and one:
        later = [_PARTS_OF_RUN[part]] if part in _PARTS_OF_RUN else []
        return ("run.js", *later, *(["run_panel.js"] if picked else []))
    if kind == "dags":
        tab = f"dag_{part or 'grid'}.js"
        return ("dag.js", tab) if tab in _files() else ("dag.js",)
    return (_VIEWS.get(kind, "dags.js"),)


@cache
def _document(view: tuple[str, ...], program: str) -> _File:
    text = _files()[_DOCUMENT].content.decode()
    links = [f'    <link rel="stylesheet" href="/static/{_SHEET}">\n']
    links += [f'    <link rel="modulepreload" href="/static/{name}">\n' for name in _with_imported((_SCRIPT, *view))]
    place = _SHEET_LINK.search(text)
    assert place is not None
    text = text[: place.start()] + "".join(links) + _SHEET_LINK.sub("", text[place.start() :])
    text = text.replace('"/static/', f'"/static/{_version()}/').replace(">ppacer<", f">{escape(program)}<")
    return _file(_DOCUMENT, text.encode())


def _with_imported(modules: Iterable[str]) -> list[str]:
    """The modules and all that they import, each once, those that are waited for by most first."""
    found: dict[str, None] = {}
    wanted = list(modules)
    while wanted:
        name = wanted.pop(0)
        if name not in found:
            found[name] = None
            wanted += [each.decode() for each in _IMPORT.findall(_files()[name].content)]
    return list(found)


@cache
def _files() -> dict[str, _File]:
    found = {}
    for file in resources.files("ppacer.web").joinpath("static").iterdir():
        if file.name[file.name.rfind(".") :] in _TYPES:
            found[file.name] = _file(file.name, file.read_bytes())
    sheets = _SHEET_LINK.findall(found[_DOCUMENT].content.decode())
    found[_SHEET] = _file(_SHEET, b"".join(found[name].content for name in sheets))
    return found


@cache
def _version() -> str:
    """Stands for the content of all files: modules name each other, so what one of them may be goes by all others."""
    return hashlib.sha256("".join(file.etag for _, file in sorted(_files().items())).encode()).hexdigest()[:16]


@cache
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _file(name: str, content: bytes) -> _File:
    digest = hashlib.sha256(content).hexdigest()[:20]
    return _File(content, _TYPES[name[name.rfind(".") :]], f'"{digest}"')
