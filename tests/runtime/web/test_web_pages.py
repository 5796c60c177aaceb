"""The page's documents and files: what a browser is told at once, and what it need not ask for again."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace

import pytest

from ppacer import spec
from tests.runtime.web.conftest import PROGRAM, Serve, Server

VIEWS = {
    "/": "dags.js",
    "/dags/daily": "dag_grid.js",
    "/dags/daily/graph": "dag_graph.js",
    "/dags/daily/nothing": "dag.js",
    "/runs": "runs.js",
    "/runs/00000000-0000-7000-8000-000000000000": "run.js",
    "/runs/00000000-0000-7000-8000-000000000000/gantt": "gantt.js",
    "/runs/00000000-0000-7000-8000-000000000000/events?task=load": "run_events.js",
    "/runs/00000000-0000-7000-8000-000000000000?task=load": "run_panel.js",
    "/system": "system.js",
}
"""The module that shows each kind of address."""

IMPORTS = re.compile(r'^(?:import|export)\b[^;]*?\bfrom "\./([^"]+)"', re.MULTILINE)


def named(server: Server, path: str, rel: str) -> list[str]:
    """What the document at the path links to as such."""
    return re.findall(rf'<link rel="{rel}" href="([^"]+)"', server.ask(path).body.decode())


@pytest.mark.parametrize("path", VIEWS)
def test_a_document_names_all_modules_of_its_view(server: Server, path: str) -> None:
    """A browser that learned of them from each other would ask for one after the other."""
    told = [address.rpartition("/") for address in named(server, path, "modulepreload")]
    names = [name for _, _, name in told]
    assert {"app.js", VIEWS[path]} <= set(names)
    assert len(set(names)) == len(names)
    for folder, _, name in told:
        script = server.ask(f"{folder}/{name}").body.decode()
        assert set(IMPORTS.findall(script)) <= set(names), name


def test_the_style_sheets_come_as_one(server: Server) -> None:
    [address] = named(server, "/", "stylesheet")
    sheet = server.ask(address)
    assert sheet.headers["content-type"].startswith("text/css")
    for name in ("style.css", "parts.css", "graph.css", "run.css", "system.css", "dag.css"):
        assert server.ask(f"/static/{name}").body in sheet.body


def test_files_are_kept_for_good_at_an_address_of_their_version(server: Server) -> None:
    document = server.ask("/")
    assert document.headers["cache-control"] == "no-cache"
    again = server.ask("/", headers={"If-None-Match": document.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', document.body.decode()):
        assert re.fullmatch(r"/static/[0-9a-f]{16}/[a-z_]+\.(js|css|svg)", address)
        assert server.ask(address).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert server.ask("/static/app.js").headers["cache-control"] == "no-cache"
    assert server.ask("/static/0123456789abcdef/app.js").status == 404, "that would be kept as what it is not"


def test_files_are_compressed_for_who_takes_that(server: Server) -> None:
    plain = server.ask("/static/app.js")
    packed = server.ask("/static/app.js", headers={"Accept-Encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    known = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
    again = server.ask("/static/app.js", headers=known)
    assert (again.status, again.body) == (304, b"")
    assert "content-encoding" not in again.headers


def test_the_programs_name_is_text_in_the_document(serving: Serve) -> None:
    program: spec.Program = replace(PROGRAM, name="<b>&amp;</b>")
    document = serving(program=program).ask("/").body.decode()
    assert "<title>&lt;b&gt;&amp;amp;&lt;/b&gt;</title>" in document
    assert "<b>" not in document
