"""A program that is replaced while runs are under way: they keep their build, and what changed is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ppacer.client import RefusedError
from ppacer.web.dag_messages import TaskChange
from tests.e2e.decided import events_of
from tests.e2e.running import running
from tests.e2e.serving import Serving, attempt_of, outputs, statuses, task_of
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, World, wait_until

pytestmark = pytest.mark.slow

UNDER_WAY = ("moved_on", "priced", "shrunk", "closed")


@dataclass
class Rebuilt:
    """The program as it serves now, the build before it and the runs that were made by then, by dag."""

    served: Serving
    before: str
    after: str
    runs: dict[str, str]


@pytest.fixture(scope="module")
def rebuilt(module_world: World) -> Iterator[Rebuilt]:
    world = module_world
    program = world.build(PIPELINES / "before" / "shop.ppd")
    with running(world, program) as first:
        runs = {dag: first.trigger(dag) for dag in UNDER_WAY}
        for run in runs.values():
            first.until(run, "first", "running")
        runs["retitled"] = first.run("retitled").run.id
        before = first.client.dags().build
        first.process.kill()
    kept = world.folder / "kept"
    kept.mkdir()
    for name in ("shop.py", "doors.py", "wares.py"):
        shutil.copy(world.folder / name, kept)

    world.build(PIPELINES / "after" / "shop.ppd")
    with running(world, program) as served:
        world.open_gate()
        yield Rebuilt(served, before, served.client.dags().build, runs)
    assert "Traceback" not in served.log


def test_a_run_goes_on_as_the_build_has_it_with_which_it_began(rebuilt: Rebuilt) -> None:
    served = rebuilt.served
    old = served.ended(rebuilt.runs["moved_on"])
    assert (old.run.status, old.run.build) == ("success", rebuilt.before)
    assert statuses(old) == {"first": "success", "second": "success", "old": "success"}
    assert outputs(old)["second"] == f"second of {rebuilt.before}"
    assert [attempt.status for attempt in task_of(old, "first").attempts] == ["lost", "success"]
    new = served.run("moved_on")
    assert (new.run.status, new.run.build) == ("success", rebuilt.after)
    assert statuses(new) == {"first": "success", "fresh": "success"}


def test_a_dag_that_the_program_no_longer_has_finishes_and_keeps_its_history(rebuilt: Rebuilt) -> None:
    served = rebuilt.served
    run = served.ended(rebuilt.runs["closed"])
    assert run.run.status == "success"
    assert outputs(run)["last"] == "closed"
    removed = {dag.id: dag for dag in served.client.dags(removed=True).removed}
    assert set(removed) == {"closed", "retitled"}
    assert [run.id for run in removed["closed"].last_runs] == [rebuilt.runs["closed"]]
    assert removed["closed"].renamed_to is None
    kinds = [(event.kind, event.actor) for event in events_of(served.client, "closed")]
    assert kinds == [("added", "build"), ("removed", "build")]

    (line,) = [line for line in served.call("list").stdout.splitlines() if line.startswith("closed")]
    assert "removed" in line
    assert "removed  by build" in served.call("history", "closed").stdout
    assert rebuilt.runs["closed"] in served.call("runs", "closed").stdout
    with pytest.raises(RefusedError, match="there is no dag `closed`: it was removed on 20"):
        served.client.trigger("closed")


def test_a_dag_under_a_new_name_is_known_again(rebuilt: Rebuilt) -> None:
    served = rebuilt.served
    (gone,) = [dag for dag in served.client.dags(removed=True).removed if dag.id == "retitled"]
    assert gone.renamed_to == "renamed"
    (line,) = [line for line in served.call("list").stdout.splitlines() if line.startswith("retitled")]
    assert "is renamed now" in line
    kinds = [(event.kind, event.payload) for event in events_of(served.client, "renamed")]
    assert kinds == [("added", {"build": rebuilt.after}), ("renamed", {"before": "retitled"})]
    told = served.call("history", "renamed").stdout
    assert "before retitled" in told
    assert f"build {rebuilt.after[:12]}\n" in told
    with pytest.raises(RefusedError, match=r"there is no dag `retitled`: it was removed on .* and is `renamed` now"):
        served.client.trigger("retitled")
    assert served.client.run(rebuilt.runs["retitled"]).run.status == "success"
    assert served.call("logs", rebuilt.runs["retitled"], "tell").stdout.endswith("a title\n")


def test_what_is_new_changed_and_gone_is_told_at_the_start(rebuilt: Rebuilt) -> None:
    log = rebuilt.served.log
    assert "  new: renamed, opened\n" in log
    assert "  changed: moved_on, priced, shrunk\n" in log
    assert "  removed: closed, retitled\n" in log
    assert [event.kind for event in events_of(rebuilt.served.client, "steady")] == ["added"]
    _, changed = events_of(rebuilt.served.client, "moved_on")
    assert (changed.kind, changed.actor) == ("changed", "build")
    assert changed.payload == {"build": rebuilt.after, "before": rebuilt.before}


def test_the_versions_of_a_dag_tell_what_changed_from_build_to_build(rebuilt: Rebuilt) -> None:
    served = rebuilt.served
    found = served.client.versions("moved_on")
    assert [version.build for version in found.versions] == [rebuilt.after, rebuilt.before]
    now, first = found.versions
    assert (now.added, now.removed) == (("fresh",), ("second", "old"))
    assert now.changed == (TaskChange("first", ("retries",)),)
    assert now.settings == ("owner",)
    assert first.first
    assert served.client.versions("priced").versions[0].changed == (TaskChange("tag", ("code",)),)
    assert served.client.versions("steady").total == 1
    told = served.call("show", "moved_on", "--versions").stdout
    assert "new: fresh; gone: second, old; changed: first (retries); settings: owner" in told


def test_a_version_has_the_source_and_the_hash_of_its_tasks(rebuilt: Rebuilt) -> None:
    client = rebuilt.served.client
    before, after = (client.version("priced", build[:8]) for build in (rebuilt.before, rebuilt.after))
    tags = [next(task for task in version.tasks if task.id == "tag") for version in (before, after)]
    codes = [tag.code.text if tag.code is not None else "" for tag in tags]
    assert ["costs 3" in code for code in codes] == [True, False]
    assert ["costs 4" in code for code in codes] == [False, True]
    assert {tag.callable for tag in tags} == {"wares:price"}
    assert tags[0].hash != tags[1].hash
    others = [next(task for task in version.tasks if task.id == "last") for version in (before, after)]
    assert others[0].hash == others[1].hash
    assert before.source is not None
    assert "as it was before" in before.source.text


def test_a_run_whose_code_is_gone_says_so_and_the_old_file_finishes_it(rebuilt: Rebuilt) -> None:
    """What waits for code waits for a minute."""
    served = rebuilt.served
    waiting = {"priced": ("tag", "wares:price"), "shrunk": ("gone", "wares:retired")}
    for dag, (task, code) in waiting.items():
        wait_until(
            lambda code=code: f"waits for its code of {code}, which no executor has" in served.log,
            f"the warning of {code}",
        )
        assert served.client.run(rebuilt.runs[dag]).run.status in ("running", "failed")
        ended = served.ended(rebuilt.runs[dag], 60 + PATIENCE_SECONDS)
        assert ended.run.status == "failed"
        attempt = attempt_of(ended, task)
        assert (attempt.status, attempt.error_kind) == ("failed", "code_gone")
        assert f"task {task} of dag {dag} (shop.ppd:" in (attempt.error or "")
        assert f"no executor has had the code of {code} of build {rebuilt.before[:12]} for 60 s" in (
            attempt.error or ""
        )

    kept = served.world.folder / "kept" / "shop.py"
    executor = served.world.start(kept, "executor", "--scheduler", served.url, "--name", "kept")
    for dag, (task, _) in waiting.items():
        assert served.call("restart", rebuilt.runs[dag]).returncode == 0
        ended = served.ended(rebuilt.runs[dag])
        assert (ended.run.status, ended.run.build) == ("success", rebuilt.before)
        assert attempt_of(ended, task).executor == "kept"
        assert task_of(ended, "first").epoch == 1, "what had succeeded is not run again"
    assert outputs(served.client.run(rebuilt.runs["priced"]))["last"] == "tea costs 3"
    assert outputs(served.run("priced"))["last"] == "tea costs 4"
    assert executor.terminate() == 0
