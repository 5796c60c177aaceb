"""The page: a few files of the package, read once. Paths of requests only look names up, they never reach a disk."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib import resources

from ppacer.web.base import ApiError, BaseHandler

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageHandler(BaseHandler):
    """Every view is the same document; its script looks at the address."""

    def get(self, *_: str) -> None:
        self._send("index.html")

    def _send(self, name: str) -> None:
        found = _files().get(name)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no file {name[:100]}")
        content, kind, etag = found
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", "no-cache")
        self.set_header("ETag", etag)
        if self.request.headers.get("If-None-Match") == etag:
            self.set_status(HTTPStatus.NOT_MODIFIED)
            self.finish()
        else:
            self.finish(content)


class StaticHandler(PageHandler):
    def get(self, *names: str) -> None:
        self._send(names[0])


class MissingHandler(BaseHandler):
    """Anything else; protected like all others, so that a stranger learns nothing of what there is."""

    def prepare(self) -> None:
        super().prepare()
        raise ApiError(HTTPStatus.NOT_FOUND, "there is nothing at this address")


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    found = {}
    for file in resources.files("ppacer.web").joinpath("static").iterdir():
        kind = _TYPES.get(file.name[file.name.rfind(".") :])
        if kind is not None:
            content = file.read_bytes()
            found[file.name] = (content, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
    return found
