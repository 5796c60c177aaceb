"""The documents say what there is: their examples compile, and no setting or command is left out of them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ppacer.cli import arguments
from ppacer.config import ENVIRONMENT_PREFIX, SETTINGS, Setting
from ppacer.spec import Program
from ppacer.web.app import ROUTES
from ppc.diagnostics import in_source_order
from ppc.parse import parse
from ppc.settings import DAG_SETTINGS, TASK_SETTINGS
from ppc.source import Source

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")] + sorted(
    file for file in (ROOT / "docs").rglob("*.md") if file.parent.name != "reference"
)
"""All but those that are made of what else is tested (`tests/docs/test_references.py`)."""


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(language: str) -> list[tuple[str, str]]:
    """Each fenced block of a language: the document and line where it begins, and its text."""
    found = []
    for document in DOCUMENTS:
        content = document.read_text(encoding="utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```", content, re.MULTILINE | re.DOTALL):
            line = content[: match.start()].count("\n") + 1
            found.append((f"{document.relative_to(ROOT)}:{line}", match[1]))
    return found


@pytest.mark.parametrize(("place", "source"), blocks("ppd"), ids=lambda part: part if len(part) < 60 else "")
def test_examples_parse(place: str, source: str) -> None:
    _, faults = parse(Source(place, source))
    assert in_source_order(faults) == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_of_a_program_is_told(setting: Setting) -> None:
    operations = text("docs/operations.md")
    assert f"`{setting.flag}`" in operations
    assert f"`{ENVIRONMENT_PREFIX}{setting.name.upper()}`" in operations


@pytest.mark.parametrize("command", sorted(arguments.COMMANDS))
def test_every_command_of_a_program_is_told(command: str) -> None:
    assert re.search(rf"^\| `{command}\b", text("docs/operations.md"), re.MULTILINE)


def addresses() -> list[str]:
    """What the API answers: `GET /api/v1/dags`."""
    return [
        f"{method} {path}"
        for path, handler in ROUTES
        if path.startswith(("/api/", "/health", "/ready", "/metrics"))
        for method in ("GET", "POST", "PUT", "DELETE")
        if method.lower() in vars(handler)
    ]


def test_every_address_of_the_api_is_told_and_no_other() -> None:
    told = re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", text("docs/operations.md"), re.MULTILINE)
    assert sorted(told) == sorted(addresses())


def test_every_action_of_the_page_on_a_run_is_told() -> None:
    script = text("runtime/ppacer/web/static/run_actions.js")
    actions = re.findall(r'button\("([^"]+)"', script)
    assert len(actions) == 5
    told = text("docs/page.md")
    assert [action for action in actions if f"| {action} |" not in told] == []


@pytest.mark.parametrize("name", sorted({*TASK_SETTINGS, *DAG_SETTINGS}))
def test_every_setting_of_the_language_is_told(name: str) -> None:
    assert f"`{name}`" in text("docs/language.md")


def test_the_readmes_commands_are_the_scripts_that_tests_run() -> None:
    commands = [line for _, block in blocks("sh") for line in block.splitlines() if line.startswith("sh ")]
    assert commands == ["sh examples/try.sh", "sh tests/run.sh"]
    assert "sh tests/run.sh" in text(".ci/run")
    assert all((ROOT / command.split()[1]).is_file() for command in commands)


@pytest.mark.slow
def test_what_the_readme_does_with_a_pipeline_can_be_done(tmp_path: Path) -> None:
    """All but the installation, which `test_try.py` does."""
    (tmp_path / "pipeline.ppd").write_text(blocks("ppd")[0][1], encoding="utf-8")
    first, use = [block for place, block in blocks("sh") if place.startswith("README") and "ppc " in block]
    assert first == "ppc build pipeline.ppd\npython pipeline.py\n"
    place, install, *commands = use.splitlines()
    assert place == "python3 -m venv .venv && . .venv/bin/activate"
    assert install.split("#")[0].strip() == "python -m pip install '.[build]'"
    assert len(commands) == 3
    script = re.sub(r"^ppc ", f"{sys.executable} -m ppc.cli ", "\n".join(commands), flags=re.MULTILINE)
    done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✔ hello success" in done.stdout
    assert (tmp_path / "build" / "pipeline.py").is_file()


def told_commands() -> list[str]:
    """Every command of a program that is written out in the README and in `docs/operations.md`."""
    tables = re.findall(r"^\| (`python pipeline\.py.*?) \|", text("README.md"), re.MULTILINE)
    commands = text("docs/operations.md").partition("## Commands")[2].partition("\nDAG is")[0]
    tables += re.findall(r"^\| (`.*?) \|", commands, re.MULTILINE)
    whole = [command for cell in tables for command in re.findall(r"`([^`]+)`", cell)]
    whole += [
        line
        for _, block in blocks("sh")
        for line in block.splitlines()
        if line.split()[:2] == ["python", "pipeline.py"]
    ]
    return sorted({command.removeprefix("python pipeline.py").strip() for command in whole})


@pytest.mark.parametrize("command", told_commands())
def test_a_program_takes_every_command_as_it_is_told(command: str) -> None:
    """Placeholders stand for texts; optional ones are in brackets."""
    words = re.sub(r"\[(.*?)\]", r"\1", command).split()
    arguments.parse(Program("p", "00" * 32, "0", (), (), ()), Path("pipeline.py"), words)


def anchors(document: Path) -> set[str]:
    """What links to parts of a document may name: its heads, as code hosts make anchors of them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: dict[str, int] = {}
    for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
    return {f"{anchor}-{number}" if number else anchor for anchor, last in found.items() for number in range(last + 1)}


@pytest.mark.parametrize(
    "document",
    sorted(
        file
        for folder in ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/**/*.md", "grammar/**/*.md")
        for file in ROOT.glob(folder)
        if "node_modules" not in file.parts
    ),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        place = document.parent / path if path else document
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


def test_what_contributing_names_is_there() -> None:
    named = re.findall(r"`((?:changes|compiler|docs|grammar|ppacer|runtime|tests)/[\w./]*)`", text("CONTRIBUTING.md"))
    places = [re.sub("^ppacer/", "runtime/ppacer/", name.replace("CODE", "E301")) for name in named]
    assert len(places) > 10
    assert [name for name in places if not (ROOT / name).exists()] == []


def test_a_change_is_told_in_a_file_that_a_release_gathers() -> None:
    settings = tomllib.loads(text("pyproject.toml"))["tool"]["towncrier"]
    kinds = "|".join(kind["directory"] for kind in settings["type"])
    files = [file.name for file in (ROOT / settings["directory"]).iterdir() if file.name not in settings["ignore"]]
    assert [name for name in files if not re.fullmatch(rf"\+[a-z0-9-]+\.(?:{kinds})\.md", name)] == []
