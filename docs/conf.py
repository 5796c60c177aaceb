"""How Sphinx makes the site of these documents: `sphinx-build -W -b html docs SITE`.

Sphinx with MyST and Furo is what the documents need and is kept up. It reads the same Markdown that a code host shows,
refuses links and anchors that lead nowhere and languages that it cannot colour, colours `.ppd` with the project's own
lexer, and what it writes asks nothing of any other host. MkDocs 1 has had no release since 2024, its theme Material is
in maintenance, and what is to follow both has not come to a first version.

Diagrams are Mermaid in the documents, for code hosts, and pictures on the site. Those were drawn ahead by Graphviz and
are kept beside the documents (`make_states.py`): some kilobytes of SVG each, in the page and in its colours, light or
dark. Mermaid itself would be megabytes of script in the site, and npm needed to build it; drawn by it ahead, a picture
would need a browser to be made, and would have colours of its own.
"""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from ppacer import __version__

project = "ppacer"
version = release = __version__
extensions = ["myst_parser"]
exclude_patterns = ["screenshots"]
html_theme = "furo"
html_title = f"ppacer {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "../runtime/ppacer/web/static/icon.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
myst_heading_anchors = 4
nitpicky = True

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s:]+)(#[^)]*)?\)")
_LISTED = re.compile(r"^[\w/-]+$", re.MULTILINE)
_DOCS = Path(__file__).parent
_ROOT = _DOCS.parent


def _with_its_links(document: Path, page: str, text: str) -> str:
    """The text of a document as a page shows it. What stands outside `docs/` is no part of the site unless it has a
    page there: a link to something else becomes its text and its path."""

    def told(link: re.Match[str]) -> str:
        target = (document.parent / link[2]).resolve()
        place = target.relative_to(_ROOT).as_posix()
        shown = _page_of(target)
        if shown is None:
            return link[1] if place in link[1] else f"{link[1]} (`{place}`)"
        path, part = shown
        there = os.path.relpath(_DOCS / path, (_DOCS / page).parent)
        return f"[{link[1]}]({there}{link[3] or part})"

    return _LINK.sub(told, text)


def _page_of(target: Path) -> tuple[str, str] | None:
    """The page that shows a file, below `docs/`, and the part of it that is the file: `examples/hello.md`, `#helloppd`.
    Nothing for a file that no page shows."""
    if target.is_relative_to(_DOCS):
        return target.relative_to(_DOCS).as_posix(), ""
    match target.relative_to(_ROOT).parts:
        case ("README.md",):
            return "index.md", ""
        case ("examples",) | ("examples", "README.md"):
            return "examples/index.md", ""
        case ("examples", file) if target.is_file():
            page, part = f"examples/{target.stem}.md", f"#{file.replace('.', '')}"
        case ("examples", name) | ("examples", name, "README.md"):
            page, part = f"examples/{name}.md", ""
        case ("examples", name, file):
            page, part = f"examples/{name}.md", f"#{file.replace('.', '')}"
        case _:
            return None
    shows = _DOCS / page
    return (page, part) if shows.is_file() and (not part or f"## `{target.name}`" in shows.read_text()) else None


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = _with_its_links(_DOCS / f"{name}.md", name, source[0])
    if name == "index":
        listed = _LISTED.findall(source[0])
        others = sorted(app.env.found_docs - {"index", *listed})
        others = [other for other in others if not other.startswith("examples/")]  # their overview lists them
        if others:
            source[0] += "\n".join(("", "```{toctree}", ":hidden:", ":caption: More", "", *others, "```", ""))


def _read_part(app: Sphinx, path: Path, _name: str, source: list[str]) -> None:
    """A document that a page includes. The name that is given is without its folder; the environment has it whole."""
    source[0] = _with_its_links(_DOCS / path, app.env.docname, source[0])


def _draw(_app: Sphinx, page: nodes.document) -> None:
    """The pictures in the place of the Mermaid that they were made of."""
    for block in list(page.findall(nodes.literal_block)):
        if block.get("language") == "mermaid":
            picture = _pictures().get(block.astext().strip())
            if picture is None:
                raise ExtensionError(f"{page['source']}: a diagram has no picture: run `python docs/make_states.py`")
            block.replace_self(nodes.raw("", f'<div class="diagram">{picture}</div>', format="html"))


def _pictures() -> dict[str, str]:
    """Each picture by the Mermaid that it says it was made of."""
    drawn = [file.read_text(encoding="utf-8") for file in (_DOCS / "states").glob("*.svg")]
    return {html.unescape(re.findall(r"<desc[^>]*>(.*?)</desc>", text, re.DOTALL)[0]): text for text in drawn}


def setup(app: Sphinx) -> None:
    app.connect("source-read", _read)
    app.connect("include-read", _read_part)
    app.connect("doctree-read", _draw)
