"""The page: a few files of the package, read once. Paths of requests only look names up, they never reach a disk."""

from __future__ import annotations

import hashlib
from functools import cache
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


class PageHandler(BaseHandler):
    """Every view is the same document; its script looks at the address. A browser that is not logged in is sent to the
    login."""

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
    """Open to all, for there is nothing in these files that is not in the package; the login page needs them."""

    open_to_all = True

    def get(self, *names: str) -> None:
        self._send(names[0])


class MissingHandler(BaseHandler):
    """Anything else; protected like all others, so that a stranger learns nothing of what there is."""

    right = Right.KNOWN

    def check(self) -> None:
        super().check()
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
