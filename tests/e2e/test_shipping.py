"""A program in one file, as it is shipped: built alike anywhere, copied alone, run by a Python without packages."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ppacer.client import Client
from tests.e2e.serving import Serving
from tests.e2e.world import EXAMPLES, PATIENCE_SECONDS, PIPELINES, Api, Process, World, wait_until
from tests.runtime.store.releases import VERSIONS, restore
from tests.servers import free_port

pytestmark = pytest.mark.slow

PYTHON = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
"""The Python below the virtual environment that the tests run in: it has no packages but pip."""

BUILD = (
    *("build", "hello.ppd", "weather/weather.ppd", "native.ppd", "--format", "pyz"),
    *("--include", "vega-datasets", "--include", "psycopg[binary]", "--exclude", "pandas"),
)


PLAIN = "import plain.steps\n\ndag plain {\n  task fail = plain.steps.fail()\n}\n"
"""In the next version, whose project needs no real files."""


@dataclass(frozen=True)
class Built:
    """The file, the same built elsewhere, the next version of it, and what was printed."""

    program: Path
    again: Path
    later: Path
    said: str
    bill: str


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Three builds at once; they take what a build takes because all that is inside is compiled."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("over there é")
    for folder in (here, there):
        shutil.copy(EXAMPLES / "hello.ppd", folder)
        shutil.copy(PIPELINES / "native.ppd", folder)
        shutil.copy(PIPELINES / "native.py", folder)
        shutil.copytree(EXAMPLES / "weather", folder / "weather", ignore=shutil.ignore_patterns("out", "__pycache__"))
    later = here / "later.ppd"
    text = (EXAMPLES / "hello.ppd").read_text("utf-8").replace("I'm done!", "I'm done again!")
    later.write_text(f"{PLAIN}\n{text.partition(chr(10))[2]}", "utf-8")
    (here / "plain").mkdir()
    (here / "plain" / "steps.py").write_text("def fail() -> None:\n    raise ValueError('in pure Python')\n", "utf-8")
    first = start_build(here, "1", *BUILD, "-o", "build/", "--sbom", "build/bill.json")
    second = start_build(there, "2", *BUILD, "-o", "some/where/")
    said = ended(first)
    third = start_build(here, "3", "build", "later.ppd", "--format", "pyz", "-o", "later/hello.pyz")
    ended(second)
    ended(third)
    bill = (here / "build" / "bill.json").read_text(encoding="utf-8")
    return Built(here / "build/hello.pyz", there / "some/where/hello.pyz", here / "later/hello.pyz", said, bill)


def start_build(folder: Path, seed: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ppc.cli", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONHASHSEED": seed, "TZ": f"UTC-{seed}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(build: subprocess.Popen[str]) -> str:
    said, _ = build.communicate(timeout=600)
    assert build.returncode == 0, said
    return said


@pytest.fixture
def shipped(world: World, built: Built) -> Path:
    """The file alone in a folder, on a machine where nothing is set up."""
    place = world.folder / "a folder für alles" / "hello.pyz"
    place.parent.mkdir()
    shutil.copy(built.program, place)
    return place


def call(place: Path, *arguments: str, code: int = 0, through: Sequence[str] = (), **environment: str) -> str:
    """What a bare Python says that runs the file with an environment of those variables alone, but for where temporary
    files go: those of a test are not left behind."""
    done = subprocess.run(
        [*through, PYTHON, "-I", "-S", place, *arguments],
        env={"TMPDIR": str(place.parent.parent), **environment},
        cwd=place.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=2 * PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def test_the_file_is_the_same_wherever_and_whenever_it_is_built(built: Built) -> None:
    assert built.program.read_bytes() == built.again.read_bytes()
    assert os.access(built.program, os.X_OK)
    assert "unpacked when they are first used: the project's own modules, " in built.said
    assert "psycopg-binary-" in built.said.partition(" is compiled: it runs only on ")[0]


def test_a_bare_python_runs_it_with_nothing_set(shipped: Path) -> None:
    said = call(shipped, "run", "hello")
    assert "I'm done!" in said
    assert "✔ hello success" in said
    assert {each.name for each in shipped.parent.iterdir()} == {
        *("hello.pyz", "hello.db", "hello.db.lock", "hello.logs.db")
    }
    assert "hello" in call(shipped, "list")
    assert "UTC" in call(shipped, "next", "hello", "-n", "2")


def test_it_serves_is_killed_begun_again_and_replaced_while_it_runs(world: World, shipped: Path, built: Built) -> None:
    with serving(world, shipped) as first:
        assert "<html" in page(first, "/")
        assert "import" in page(first, "/static/app.js")
        ran = first.run("hello").run.id
        in_flight = first.trigger("hello")
        first.process.kill()

    with serving(world, shipped) as second:
        assert second.client.run(ran).run.status == "success"
        # What a running program has not loaded yet is still in the file that it was started from.
        later = shipped.with_name("hello.new")
        shutil.copy(built.later, later)
        later.replace(shipped)
        assert "ppacer_" in page(second, "/metrics")
        assert '"openapi"' in page(second, "/api/v1/openapi.json")
        assert said_by(second, second.run("hello").run.id) == ["I'm done!"]
        assert second.ended(in_flight).run.status == "success"
        in_flight = second.trigger("hello")
        assert second.process.terminate() == 0
        assert "Traceback" not in second.process.text

    with serving(world, shipped) as third:
        assert third.client.run(ran).run.status == "success"
        assert said_by(third, third.run("hello").run.id) == ["I'm done again!"]
        # Whether it ended before or after the restart: it is a run of the build that it began with.
        assert third.ended(in_flight).run.status == "success"
        assert said_by(third, in_flight) == ["I'm done!"]
        later_run = third.trigger("hello")
        (attempt,) = third.client.task(third.run("plain").run.id, "fail").attempts
        assert attempt.error is not None
        assert 'File "hello.pyz/app/plain/steps.py", line 2, in fail\n    raise ValueError(' in attempt.error
        assert "ppacer" not in attempt.error
        assert third.process.terminate() == 0

    # Back to the file before: the schema is the same, and so all that was done since is still there.
    shutil.copy(built.program, later)
    later.replace(shipped)
    with serving(world, shipped) as fourth:
        assert said_by(fourth, fourth.run("hello").run.id) == ["I'm done!"]
        assert fourth.ended(later_run).run.status == "success"
        assert said_by(fourth, later_run) == ["I'm done again!"]
        assert fourth.process.terminate() == 0


@contextmanager
def serving(world: World, place: Path) -> Iterator[Serving]:
    """The file served by a bare Python; ended with the test at the latest."""
    port = free_port()
    output = world.folder / f"served-{len(world.processes)}.txt"
    with output.open("wb") as stream:
        command = [PYTHON, "-I", "-S", place, "--port", str(port)]
        popen = subprocess.Popen(
            command, env={"TMPDIR": str(world.folder)}, cwd="/", stdout=stream, stderr=subprocess.STDOUT
        )
    process = Process(popen, output)
    world.processes.append(process)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: Api(url).up() or popen.poll() is not None, "the program to answer")
    assert popen.poll() is None, process.text
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        yield Serving(world, place, process, url, client)


def page(served: Serving, path: str) -> str:
    with urllib.request.urlopen(served.url + path, timeout=PATIENCE_SECONDS) as answer:
        text: str = answer.read().decode()
    return text


def said_by(served: Serving, run: str) -> list[str]:
    return [entry.message for entry in served.client.logs(run, "finish").entries]


def test_a_database_of_an_earlier_release_is_upgraded_from_inside_the_file(shipped: Path) -> None:
    restore(VERSIONS[0], shipped.with_suffix(".db"), shipped.with_suffix(".logs.db"))
    database = shipped.with_suffix(".db")
    refused = call(shipped, "start", "--migrate", "ask", "--port", "0", code=1)
    assert "hello.pyz db upgrade` makes it one" in refused.replace("\n", " ")
    assert call(shipped, "db", "upgrade").count("has been upgraded") == 2
    assert database.with_suffix(f".v{VERSIONS[0]}.db").exists()  # what the older program goes on with
    # A program refuses what a newer one has made of the database, and leaves it as it is.
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE ppacer_meta SET schema_version = schema_version + 1")
    before = database.read_bytes()
    assert "newer" in call(shipped, "run", "hello", code=1)
    assert database.read_bytes() == before


def test_a_user_without_a_home_runs_it_from_a_folder_that_is_only_read(shipped: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    shutil.copy(PIPELINES / "told.py", shipped.parent)
    shipped.parent.chmod(0o555)
    database = "--database", str(state / "hello.db")
    try:
        said = call(shipped, "run", "hello", *database, through=without_rights())
        assert "✔ hello success" in said
        assert {each.name for each in shipped.parent.iterdir()} == {"hello.pyz", "told.py"}
        # A script finds what the program carries, compiled or not, once there is a place for it.
        said = call(shipped, "run", "scripted", *database, through=without_rights(), TMPDIR=str(state))
        assert "told │ told one two" in said
        assert "psycopg_binary" in said
    finally:
        shipped.parent.chmod(0o755)


def without_rights() -> list[str]:
    """What runs a command as a user for whom the modes of files count: root's rights over them are dropped."""
    dropped = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    return dropped if os.geteuid() == 0 and works([*dropped, "true"]) else []


def test_nothing_is_loaded_from_where_that_is_forbidden(shipped: Path, tmp_path: Path) -> None:
    forbidden = tmp_path / "noexec"
    forbidden.mkdir()
    mount = f"mount -t tmpfs -o noexec,mode=1777 none '{forbidden}'"
    mounted = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    through = mounted if works([*mounted, "true"]) else []
    assert "✔ hello success" in call(shipped, "run", "hello", through=through, TMPDIR=str(forbidden))
    if through:
        said = call(shipped, "run", "native", code=1, through=through, TMPDIR=str(forbidden))
        assert "programs may not be loaded from there (noexec)" in said
    cache = str(tmp_path / "cache")
    said = call(shipped, "run", "native", code=1, through=through, TMPDIR=str(forbidden), XDG_CACHE_HOME=cache)
    assert f"driver │ binary {cache}" in said


def works(command: list[str]) -> bool:
    """Whether this machine lets these tests run such a command."""
    found = shutil.which(command[0]) is not None
    return found and subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_what_needs_real_files_gets_them(shipped: Path, tmp_path: Path) -> None:
    """The weather example reads the table of a package, psycopg is compiled: neither works from inside a file."""
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = call(shipped, "run", "weather", **cache)
    assert "✔ weather success" in said
    report = shipped.parent / "out" / "report.html"
    assert str(report) in said
    assert "Seattle weather" in report.read_text(encoding="utf-8")

    places = set()
    for _ in range(2):
        said = call(shipped, "run", "native", code=1, **cache)
        places.add(Path(said.partition("driver │ binary ")[2].split()[0]).parent)
        (package,) = places
        for library in package.rglob("*.so"):
            library.write_bytes(b"not what was built")  # which the second run must find out
    logs = call(shipped, "logs", "latest", "place")
    assert 'native.py", line 14, in fails' in logs
    assert "ValueError: told with its line" in logs
    assert "ppacer_program" not in logs


def test_it_tells_what_is_inside_and_whether_that_has_been_changed(shipped: Path, built: Built) -> None:
    said = call(shipped, "info")
    for word in ("SQLAlchemy", "psycopg-binary", "unpacked when used", "weather/weather.ppd", "seattle"):
        assert word in said
    assert "pandas" not in said
    told = json.loads(call(shipped, "info", "--json"))
    assert {each["name"] for each in told["distributions"]} >= {"ppacer", "tornado", "psycopg", "vega-datasets"}
    assert "files inside are what they were built as" in call(shipped, "verify")
    bill = json.loads(built.bill)
    assert [each["name"] for each in bill["components"]] == [each["name"] for each in told["distributions"]]

    whole = shipped.read_bytes()
    shipped.write_bytes(
        whole.replace(b"The table within the installed package", b"The table without any trustworthy word")
    )
    assert "unpacked/app/seattle/extract.py is damaged" in call(shipped, "verify", code=1)


def test_its_bill_of_materials_is_valid(built: Built) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(built.bill) is None
    bill = json.loads(built.bill)
    needs = {each["ref"].partition("@")[0]: each["dependsOn"] for each in bill["dependencies"]}
    assert any("sqlalchemy@" in need for need in needs["pkg:pypi/ppacer"])
    assert needs["pkg:pypi/vega-datasets"] == []  # pandas was left out
    (program,) = [refs for name, refs in needs.items() if name.startswith("program:")]
    assert {need.partition("@")[0] for need in program} >= {"pkg:pypi/ppacer", "pkg:pypi/vega-datasets"}
