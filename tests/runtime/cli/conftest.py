"""A small program as `ppc` would write it, and a way to call its commands in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from ppacer import spec as s
from ppacer.cli import main
from ppacer.services.notifier import NOTICES
from tests.runtime.cli.processes import PROGRAM as PROCESS_PROGRAM
from tests.runtime.cli.processes import Shop

AT = s.At(3, 1)

PROGRAM = s.Program(
    name="shop",
    build="0123456789abcdef" * 4,
    compiler="0.1.0",
    dags=(
        s.Dag(
            id="daily",
            at=AT,
            doc="Load yesterday's sales.\n\nIn detail.",
            schedules=(s.Cron("15 2 * * *", AT),),
            timezone="Europe/Warsaw",
            tags=("sales",),
            owner="ops",
            tasks=(
                s.Task(id="extract", callable="shop.etl:extract", at=s.At(7, 3), children=("load",), retries=2),
                s.Task(
                    id="load", callable="shop.etl:load", at=s.At(8, 3), parents=("extract",), timeout=timedelta(hours=1)
                ),
            ),
        ),
        s.Dag(
            id="by_hand",
            at=s.At(12, 1),
            tasks=(s.Task(id="only", callable="ppacer.tasks.builtin:print_", at=s.At(13, 3)),),
            params=(
                s.Param("full", s.ParamType(s.ParamKind.BOOL), AT, s.Literal(False, AT)),
                s.Param("region", s.ParamType(s.ParamKind.STR), AT, s.Literal("eu", AT)),
            ),
        ),
        s.Dag(
            id="past",
            at=s.At(20, 1),
            schedules=(s.Every(timedelta(minutes=90), AT),),
            end=date(2020, 1, 1),
            tasks=(s.Task(id="only", callable="ppacer.tasks.builtin:empty", at=s.At(21, 3)),),
        ),
    ),
    callables=(),
    sources=(s.Source("flows/shop.ppd", "00" * 32, "…"),),
)


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Calls the program's `main` with arguments, in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    loggers = [logging.getLogger(name) for name in (None, "ppacer", NOTICES)]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    for name in ("PPACER_CONFIG", "PPACER_DATABASE", "PPACER_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Said:
        try:
            code = main(PROGRAM, {}, str(tmp_path / "shop.py"), arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    yield run
    for logger, level, handlers in before:  # which the command set for a process of its own
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    (tmp_path / "shop.py").write_text(PROCESS_PROGRAM)
    made = Shop(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait(60)
