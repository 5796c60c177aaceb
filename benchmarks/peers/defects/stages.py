"""The stages that a user of each peer passes with a program, and the commands of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.drivers.measuring import free_port, serving
from benchmarks.peers.peers import Peer

CHECK, LOAD, RUN = "check", "load", "run"
"""Before anything is loaded; when the definition is loaded; when it is run once."""


@dataclass(frozen=True, slots=True)
class Stages:
    """`commands` are by stage, in their order, with `KEY` for the case and `FOLDER` for where its files are; those
    `before` are carried out once. `modules` are imported once; those that read their settings then are left out.
    `extras` are files of this folder that the programs of this peer use."""

    commands: Mapping[str, str]
    modules: tuple[str, ...]
    before: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


STAGES = {
    "ppacer": Stages({CHECK: "ppc check KEY.ppd", RUN: "ppc run KEY.ppd main"}, ("ppc.cli",)),
    "luigi": Stages(
        {LOAD: "import KEY", RUN: "luigi --module KEY Main --local-scheduler"}, (), extras=("luigi_step.py",)
    ),
    "prefect": Stages({LOAD: "import KEY", RUN: "python KEY.py"}, ("prefect", "prefect.flows", "prefect.deployments")),
    "dagster": Stages(
        {LOAD: "dagster definitions validate -f KEY.py", RUN: "dagster job execute -f KEY.py -j main"},
        ("dagster", "dagster._cli"),
    ),
    "airflow": Stages(
        {LOAD: "python airflow_told.py KEY", RUN: "airflow dags test KEY -f FOLDER/KEY.py"},
        ("airflow", "airflow.sdk", "airflow.cli.commands.dag_command"),
        before=("airflow db migrate",),
        extras=("airflow_told.py",),
    ),
}


@contextmanager
def surroundings(peer: Peer, folder: Path) -> Iterator[dict[str, str]]:
    """The variables that the peer's commands need; what has to serve them serves meanwhile. Nothing is sent home."""
    home = folder / "home"
    home.mkdir()
    if peer.name == "prefect":
        port = free_port()
        variables = {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        command = [str(peer.python.with_name("prefect")), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        with serving(command, port, "/api/health", home, **variables):
            yield variables
    elif peer.name == "dagster":
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
        yield {"DAGSTER_HOME": str(home)}
    elif peer.name == "airflow":
        yield {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "AIRFLOW__API_AUTH__JWT_SECRET": "one that a scheduler need not warn of",
        }
    else:
        yield {}
