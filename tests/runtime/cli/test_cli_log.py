"""The program's own log, as people and as programs read it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from ppacer.cli.log import log_to_stderr, release
from ppacer.config import LogFormat

LOGGER = logging.getLogger("ppacer.shop")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("ppacer")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def tell() -> None:
    """One record of each kind."""
    LOGGER.info("run %s\nhas begun: “ż”", "a")
    logging.getLogger("tornado").warning("half a pair: \ud800")
    try:
        raise ValueError("no\nnumber")
    except ValueError:
        LOGGER.exception("it failed")


def test_for_programs_each_record_is_an_object_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    handler = log_to_stderr(LogFormat.JSON)
    tell()
    release(handler)
    lines = capsys.readouterr().err.splitlines()
    told = [json.loads(line) for line in lines]
    assert [(each["level"], each["logger"], each["message"]) for each in told] == [
        ("info", "ppacer.shop", "run a\nhas begun: “ż”"),
        ("warning", "tornado", "half a pair: ?"),
        ("error", "ppacer.shop", "it failed"),
    ]
    assert all(each["pid"] == os.getpid() for each in told)
    assert all(datetime.fromisoformat(each["time"]).utcoffset() == timedelta(0) for each in told)
    assert (told[2]["error"], told[2]["traceback"].splitlines()[0]) == (
        "ValueError",
        "Traceback (most recent call last):",
    )
    assert told[2]["traceback"].endswith("ValueError: no\nnumber")
    assert told[0].keys() == {"time", "level", "logger", "message", "pid"}


def test_for_people_it_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    handler = log_to_stderr(LogFormat.TEXT)
    tell()
    release(handler)
    said = capsys.readouterr().err
    assert "  run a\nhas begun" in said
    assert "error: it failed\nTraceback (most recent call last):" in said
