"""How Sphinx makes the site of these documents: `sphinx-build -W -b html docs SITE`.

Sphinx with MyST and Furo is what the documents need and is kept up. It reads the same Markdown that a code host shows,
refuses links and anchors that lead nowhere and languages that it cannot colour, colours `.ppd` with the project's own
lexer, and what it writes asks nothing of any other host. MkDocs 1 has had no release since 2024, its theme Material is
in maintenance, and what is to follow both has not come to a first version.
"""

from __future__ import annotations

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from ppacer import __version__

project = "ppacer"
version = release = __version__
extensions = ["myst_parser"]
exclude_patterns = ["screenshots"]
html_theme = "furo"
html_title = f"ppacer {version}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
myst_heading_anchors = 4
nitpicky = True

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s:]+)(?:#[^)]*)?\)")
_LISTED = re.compile(r"^[\w/-]+$", re.MULTILINE)
_DOCS = Path(__file__).parent


def _without_links_out(document: Path, text: str) -> str:
    """What stands outside `docs/` is no part of the site: there a link to it becomes its text and its path."""

    def told(link: re.Match[str]) -> str:
        target = (document.parent / link[2]).resolve()
        if target.is_relative_to(_DOCS):
            return link[0]
        path = target.relative_to(_DOCS.parent).as_posix()
        return link[1] if path in link[1] else f"{link[1]} (`{path}`)"

    return _LINK.sub(told, text)


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = _without_links_out(_DOCS / f"{name}.md", source[0])
    if name == "index":
        listed = _LISTED.findall(source[0])
        others = sorted(app.env.found_docs - {"index", *listed})
        if others:
            source[0] += "\n".join(("", "```{toctree}", ":hidden:", ":caption: More", "", *others, "```", ""))


def _read_part(_app: Sphinx, path: Path, _name: str, source: list[str]) -> None:
    source[0] = _without_links_out(_DOCS / path, source[0])


def setup(app: Sphinx) -> None:
    app.add_lexer("mermaid", TextLexer)
    app.connect("source-read", _read)
    app.connect("include-read", _read_part)
