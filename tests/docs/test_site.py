"""The documents as a site: it builds without a warning, names every page, and needs no other host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_stands_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", tmp_path / "doctrees"]
    site = tmp_path / "site"
    done = subprocess.run([*command, DOCS, site], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr

    pages = {page.relative_to(site).as_posix(): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    documents = {document.relative_to(DOCS).with_suffix(".html").as_posix() for document in DOCS.rglob("*.md")}
    assert documents <= pages.keys()
    navigation = set(re.findall(r'class="reference internal" href="([^"#]+)"', pages["index.html"]))
    assert documents - {"index.html"} <= navigation

    loaded = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?(?:src|href)=\"([^\"]+)\"")
    assert [found for text in pages.values() for found in loaded.findall(text) if "//" in found] == []
    styles = [style.read_text(encoding="utf-8") for style in site.rglob("*.css")]
    assert [style for style in styles if re.search(r"url\(['\"]?(?:https?:)?//|@import", style)] == []

    coloured = re.findall(r'<div class="highlight-ppd notranslate">.*?</div>', pages["language.html"], re.DOTALL)
    assert len(coloured) >= 6
    assert all(re.search(r'<span class="k\w*">dag</span>', block) for block in coloured)
    diagrams = re.findall(r'<div class="diagram"><svg.*?</svg>', pages["states.html"], re.DOTALL)
    assert len(diagrams) == (DOCS / "states.md").read_text(encoding="utf-8").count("```mermaid") == 4

    assert re.search(r'<a [^>]*href="weather.html"', pages["examples/index.html"])
    assert 'href="hello.html#hello-ppd"' in pages["examples/index.html"]
    assert 'href="../operations.html#several-machines"' in pages["examples/cluster.html"]
    assert re.search(r'<span class="k\w*">dag</span>', pages["examples/month_close.html"])
    assert re.search(r'<span class="k\w*">def</span>', pages["examples/month_close.html"])

    assert '"Running a program"' in (site / "searchindex.js").read_text(encoding="utf-8")
