"""JSON and SARIF say what the diagnostics say, at the places where they say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ppc import explanations
from ppc.cli import main
from ppc.diagnostics import Diagnostic, Edit, Label, Span
from ppc.render_json import render as to_json
from ppc.render_sarif import render as to_sarif
from ppc.source import Source

TEXT = 'let 🎉 = "𝒳"\r\nlet y = Nöne\r\n'
"""Characters of one, two and four bytes, the last two units of UTF-16 each; lines that end as on Windows."""
SOURCE = Source("my flows/ü#1.ppd", TEXT)
SOURCES = {SOURCE.path: SOURCE}


def span(part: str) -> Span:
    start = TEXT.index(part)
    return Span(SOURCE.path, start, start + len(part))


FOUND = [
    Diagnostic(
        "E201",
        "unknown name `Nöne`",
        span("Nöne"),
        "this one",
        (Label(span("🎉"), "it was here"),),
        ("a note", "another"),
        "write `none`",
        Edit(span("Nöne"), "none"),
    ),
    Diagnostic("W202", "the `let` `y` is not used", span("y")),
    Diagnostic("E001", "there is no file `gone.ppd`", Span("gone.ppd", 0, 0)),
]


def test_json() -> None:
    document = json.loads(to_json(FOUND, SOURCES))
    assert (document["version"], document["errors"], document["warnings"]) == (1, 2, 1)
    first, second, third = document["diagnostics"]
    start = TEXT.index("Nöne")
    place = {
        "file": "my flows/ü#1.ppd",
        "start": {"line": 2, "column": 9, "offset": start},
        "end": {"line": 2, "column": 13, "offset": start + 4},
    }
    assert first == {
        "code": "E201",
        "severity": "error",
        "message": "unknown name `Nöne`",
        "label": "this one",
        **place,
        "labels": [
            {
                "text": "it was here",
                "file": "my flows/ü#1.ppd",
                "start": {"line": 1, "column": 5, "offset": 4},
                "end": {"line": 1, "column": 6, "offset": 5},
            }
        ],
        "notes": ["a note", "another"],
        "help": "write `none`",
        "edit": {"text": "none", **place},
    }
    assert (second["severity"], second["edit"]) == ("warning", None)
    assert (third["file"], third["start"], third["end"]) == ("gone.ppd", None, None)


def require(node: Any, keys: dict[str, type]) -> None:
    """What SARIF's schema demands of an object: these properties, of these types."""
    assert isinstance(node, dict)
    for key, kind in keys.items():
        assert isinstance(node[key], kind), key


def check_location(node: Any) -> None:
    require(node, {"physicalLocation": dict})
    place = node["physicalLocation"]
    require(place, {"artifactLocation": dict})
    require(place["artifactLocation"], {"uri": str})
    assert " " not in place["artifactLocation"]["uri"]
    if "region" in place:
        region = place["region"]
        require(region, {"startLine": int, "startColumn": int, "endLine": int, "endColumn": int})
        assert min(region.values()) >= 1
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


def check_log(log: Any) -> list[dict[str, Any]]:
    """Tests what the schema of SARIF 2.1.0 requires; the results."""
    require(log, {"version": str, "runs": list, "$schema": str})
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    require(run, {"tool": dict, "results": list, "columnKind": str})
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = run["tool"]["driver"]
    require(driver, {"name": str, "version": str, "rules": list})
    for rule in driver["rules"]:
        require(rule, {"id": str, "shortDescription": dict, "help": dict, "defaultConfiguration": dict})
        require(rule["shortDescription"], {"text": str})
        require(rule["help"], {"text": str, "markdown": str})
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for result in run["results"]:
        require(result, {"ruleId": str, "ruleIndex": int, "level": str, "message": dict, "locations": list})
        require(result["message"], {"text": str})
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        for location in [*result["locations"], *result.get("relatedLocations", ())]:
            check_location(location)
        for fix in result.get("fixes", ()):
            require(fix, {"description": dict, "artifactChanges": list})
            for change in fix["artifactChanges"]:
                require(change, {"artifactLocation": dict, "replacements": list})
                for replacement in change["replacements"]:
                    require(replacement, {"deletedRegion": dict, "insertedContent": dict})
    results: list[dict[str, Any]] = run["results"]
    return results


def test_sarif() -> None:
    log = json.loads(to_sarif(FOUND, SOURCES))
    first, second, third = check_log(log)
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20flows/%C3%BC%231.ppd"
    region = {"startLine": 2, "startColumn": 9, "endLine": 2, "endColumn": 13}
    assert place["region"] == region
    assert first["message"]["text"].splitlines() == [
        "unknown name `Nöne`",
        "here: this one",
        "note: a note",
        "note: another",
        "help: write `none`",
    ]
    (related,) = first["relatedLocations"]
    assert (related["message"]["text"], related["physicalLocation"]["region"]["startColumn"]) == ("it was here", 5)
    (fix,) = first["fixes"]
    assert fix["artifactChanges"][0]["replacements"] == [{"deletedRegion": region, "insertedContent": {"text": "none"}}]
    assert (second["level"], "fixes" in second) == ("warning", False)
    assert "region" not in third["locations"][0]["physicalLocation"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E001", "E201", "W202"]
    assert rules[1]["help"]["markdown"] == explanations.page("E201")


def test_a_path_from_the_root_is_a_file_uri() -> None:
    log = json.loads(to_sarif([Diagnostic("E001", "…", Span("/a b.ppd", 0, 0))], {}))
    (result,) = check_log(log)
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///a%20b.ppd"


GOOD = 'dag d {\n  task a = print("x")\n}\n'
BAD = "dag d {\n  task a = prnt('𝒳')\n}\n"
WARNED = "import json\n\n" + GOOD


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", ["check", "build"])
@pytest.mark.parametrize("form", ["json", "sarif"])
@pytest.mark.parametrize(("text", "code", "count"), [(GOOD, 0, 0), (WARNED, 0, 1), (BAD, 1, 2), (None, 1, 1)])
def test_the_document_is_all_that_is_written(
    command: str, form: str, text: str | None, code: int, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        Path("a.ppd").write_text(text, encoding="utf-8")
    assert main([command, "a.ppd", "--format", form]) == code
    out, err = capsys.readouterr()
    assert err == ""
    document = json.loads(out)
    found = check_log(document) if form == "sarif" else document["diagnostics"]
    assert len(found) == count
    assert Path("a.py").exists() == (command == "build" and code == 0)


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
@pytest.mark.parametrize("command", ["check", "build"])
def test_warnings_are_refused_if_asked_for(command: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ppd").write_text(WARNED, encoding="utf-8")
    assert main([command, "a.ppd", "-W", "error", "--format", form]) == 1
    out, err = capsys.readouterr()
    assert (out == "") == (form == "text")
    assert err.endswith("\n1 warning, refused by `-W error`\n") == (form == "text")
    assert not Path("a.py").exists()
    Path("a.ppd").write_text(WARNED.replace("json\n", "json  # ppc: allow W201\n", 1), encoding="utf-8")
    assert main([command, "a.ppd", "-W", "error"]) == 0
