"""Who is measured: where each comes from, at which version, and with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ROOT / ".venv-peers"
"""Where peers are installed; git ignores it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """`requirements` are for pip, in an environment of its own; `command` is what gets one that is no Python package.
    `driver` is the program that measures it; a peer without one is only asked for. `settings` says what was set, and
    why that is fair."""

    name: str
    settings: str
    requirements: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    driver: str = ""

    @property
    def place(self) -> Path:
        return PLACES / self.name

    @property
    def python(self) -> Path:
        return self.place / "bin" / "python"

    def installing(self) -> Sequence[str]:
        return self.command or (str(self.python), "-m", "pip", "install", "--quiet", *self.requirements)


PEERS = (
    Peer(
        "ppacer",
        "as built: `python pipeline.py`, SQLite, tasks in worker processes, each finish on the disk before it counts",
        driver="ppacer_driver",
    ),
    Peer(
        "luigi",
        "`luigid` and one worker of `luigi.build`; tasks keep their completeness in memory; nothing is on a disk",
        requirements=("luigi==3.8.1",),
        driver="luigi_driver",
    ),
    Peer(
        "dagster",
        "`dagster dev` with SQLite for start and idle; runs by the in-process executor, its quickest, into SQLite",
        requirements=("dagster==1.13.28", "dagster-webserver==1.13.28"),
        driver="dagster_driver",
    ),
    Peer(
        "prefect",
        "`prefect server start` with SQLite; a flow whose tasks are submitted to threads; no logs are sent",
        requirements=("prefect==3.9.1",),
        driver="prefect_driver",
    ),
    Peer(
        "airflow",
        "`airflow standalone` with the LocalExecutor and SQLite; the scheduler sleeps 0.1 s instead of 1 when idle, as "
        "many tasks at once as a dag has; `airflow db migrate` before, which is not counted",
        requirements=("apache-airflow==3.3.2",),
        driver="airflow_driver",
    ),
    Peer("go-ppacer", "the Go module of the scheduler", command=("go", "install", "github.com/ppacer/core@v0.0.11")),
    Peer("dagu", "the Go module of the command", command=("go", "install", "github.com/dagucloud/dagu/cmd@latest")),
)
