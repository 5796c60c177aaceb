"""The documents say what there is: their examples compile, and no setting or command is left out of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ppacer.cli import arguments
from ppacer.config import ENVIRONMENT_PREFIX, SETTINGS, Setting
from ppacer.web.app import ROUTES
from ppc.cli import main
from ppc.diagnostics import in_source_order
from ppc.parse import parse
from ppc.settings import DAG_SETTINGS, TASK_SETTINGS
from ppc.source import Source

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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
        if path.startswith(("/api/", "/health"))
        for method in ("GET", "POST", "PUT", "DELETE")
        if method.lower() in vars(handler)
    ]


def test_every_address_of_the_api_is_told_and_no_other() -> None:
    told = re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", text("docs/operations.md"), re.MULTILINE)
    assert sorted(told) == sorted(addresses())


def test_the_readmes_mistakes_are_told_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = next(content for place, content in blocks("ppd") if place.startswith("README"))
    said = next(content for place, content in blocks("text") if place.startswith("README"))
    broken = source.replace("every(10s)", 'cron("61 * * * *")').replace("bar -> finish", "bar -> finsh")
    (tmp_path / "pipeline.ppd").write_text(broken, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["check", "pipeline.ppd"]) == 1
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("name", sorted({*TASK_SETTINGS, *DAG_SETTINGS}))
def test_every_setting_of_the_language_is_told(name: str) -> None:
    assert f"`{name}`" in text("docs/language.md")


def test_the_readmes_commands_are_the_scripts_that_tests_run() -> None:
    commands = [line for _, block in blocks("sh") for line in block.splitlines() if line.startswith("sh ")]
    assert commands == ["sh examples/try.sh", "sh tests/run.sh"]
    assert "sh tests/run.sh" in text(".ci/run")
    assert all((ROOT / command.split()[1]).is_file() for command in commands)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert "://" in target or (document.parent / target).exists(), target
