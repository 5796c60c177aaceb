"""Secrets and the task's surroundings: where they come from, what if they are not there, and that nobody sees them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ppacer import spec, wire
from ppacer.core import codec
from ppacer.protocol import Exchange, Outcome
from ppacer.services.worker_secrets import LookupFailedError, NoSecretError, Secrets, is_callable_name

from .conftest import Bench, FakeScheduler, value

AT = spec.At(line=3, column=5)
SECRET = "hunter2-Ünd/so"

MODULE = """
    import asyncio, base64, json, logging, os, subprocess, sys, urllib.parse
    from datetime import timedelta
    from pathlib import Path
    from ppacer import TaskContext
    from ppacer.deferral import defer

    READ_AT_IMPORT = os.environ.get("REGION")

    def gives(value):
        return [len(value), value]

    def looks():
        return [os.getpid(), os.environ.get("REGION"), os.environ.get("TOKEN"), READ_AT_IMPORT, os.getcwd()]

    def says(secret, context: TaskContext):
        print("plain", secret)
        print(json.dumps({"key": secret}), urllib.parse.quote(secret), repr(secret), file=sys.stderr)
        print(base64.b64encode(secret.encode()).decode())
        sys.stdout.flush()
        for n in range(0, len(secret)):
            os.write(1, secret[n:n + 1].encode())
        os.write(1, b"\\n")
        os.write(1, b"." * 16_380 + secret.encode() + b"." * 40_000 + b"\\n")
        subprocess.run(["sh", "-c", "echo in a process: $TOKEN"], env={"TOKEN": secret}, check=True)
        log = logging.getLogger("log." + secret)
        log.warning("logged %s", secret, extra={"given": secret, "list": [secret], "pin": 471147})
        log.warning("." * (1024 * 1024 - 8) + secret)
        context.progress(0.5, f"with {secret}")
        context.notifier.send(f"sent {secret}", subject=secret)
        return {"url": f"https://user:{secret}@host", secret: [secret]}

    def fails(secret):
        raise ValueError(secret * 10_000)

    def refuses(secret: int, more):
        pass

    def waits(secret, context: TaskContext):
        defer(timedelta(1), state=[secret], output=secret)

    def remembers(secret):
        global KEPT
        KEPT = secret

    def recalls():
        print(KEPT)

    def asks(name):
        print(f"asked for {name}")
        if name == "odd":
            return 7
        if name == "down":
            raise OSError("the vault is sealed")
        return {"TOKEN": "hunter2-Ünd/so"}[name]
"""

Body = Callable[[FakeScheduler], Awaitable[None]]


@pytest.fixture
def play(bench: Bench, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a coroutine against an executor of the module above that was given `secrets`."""
    bench.module("m", MODULE)
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("REGION", "eu")

    def play(body: Body, secrets: str | None = None) -> None:
        async def main() -> None:
            async with bench.executor(scheduler, capacity=2, secrets=secrets):
                await body(scheduler)

        asyncio.run(main())

    return play


def secret(name: str = "TOKEN") -> spec.Secret:
    return spec.Secret(name, AT)


def env(name: str, default: str | None = None) -> spec.Env:
    return spec.Env(name, AT, None if default is None else spec.Literal(default, AT))


def surroundings(variables: dict[str, object] | None = None, cwd: object = None) -> dict[str, object]:
    """The fields of an assignment."""
    given: dict[str, object] = {"env": codec.encode(variables or {})}
    return given if cwd is None else given | {"cwd": codec.encode(cwd)}


# --- sources ---------------------------------------------------------------------------------------------------------


def test_a_folder_with_a_file_for_each_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\ntwo\n\n")
    (tmp_path / "windows").write_bytes(b"three\r\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff")
    secrets = Secrets(str(tmp_path), {"token": "not here"})
    assert secrets.find("token") == "one\ntwo\n"
    assert secrets.find("windows") == "three"
    for name, message in {
        "other": f'there is no secret "other": {tmp_path} has no such file',
        "folder": f'the secret "folder" cannot be read: {tmp_path}/folder: is a directory',
        "binary": f'the secret "binary" is no text in UTF-8: {tmp_path}/binary',
        "../token": f'there is no secret "../token": that is no name of a file in {tmp_path}',
        "..": 'there is no secret ".."',
    }.items():
        with pytest.raises(NoSecretError) as caught:
            secrets.find(name)
        assert str(caught.value).startswith(message)


def test_the_environment() -> None:
    secrets = Secrets(None, {"TOKEN": "x"})
    assert secrets.find("TOKEN") == "x"
    with pytest.raises(NoSecretError, match='there is no secret "HOME": the environment of the executor has no such'):
        secrets.find("HOME")


def test_a_callable(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"TOKEN": "x", "none": None, "odd": 7}
    monkeypatch.setattr("tests.vault", known.__getitem__, raising=False)
    secrets = Secrets("tests:vault", {})
    assert secrets.find("TOKEN") == "x"
    for name in ("none", "other"):
        with pytest.raises(NoSecretError, match=f'there is no secret "{name}": tests:vault does not know it'):
            secrets.find(name)
    with pytest.raises(NoSecretError, match='tests:vault gave int, no text, for the secret "odd"'):
        secrets.find("odd")
    with pytest.raises(LookupFailedError, match='tests:no could not look up the secret "TOKEN":\nAttributeError'):
        Secrets("tests:no", {}).find("TOKEN")


def test_a_provider_whose_module_is_missing_is_told_as_the_setting_that_it_is() -> None:
    for source in ("nosuch.keys:find", "tests.nosuch:find"):
        with pytest.raises(
            NoSecretError, match=rf"^the setting `secrets` is {source}, but there is no module \S*nosuch$"
        ):
            Secrets(source, {}).find("TOKEN")


@pytest.mark.parametrize(
    ("source", "callable"),
    [("m:f", True), ("a.b:c.d", True), ("/run/secrets", False), ("secrets", False), ("./m:f", False), ("a b:c", False)],
)
def test_a_folder_or_a_callable(source: str, callable: bool) -> None:
    assert is_callable_name(source) is callable


# --- what a task gets ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "thread"])
@pytest.mark.parametrize("source", ["environment", "folder", "callable"])
def test_a_secret_as_an_argument(play: Callable[..., None], tmp_path: Path, isolation: str, source: str) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:gives", value=secret(), given={"isolation": isolation})
        assert value(report) == [len(SECRET), "***"]

    (tmp_path / "TOKEN").write_text(SECRET + "\n")
    play(body, {"environment": None, "folder": str(tmp_path), "callable": "m:asks"}[source])


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_expressions_over_the_environment(play: Callable[..., None], isolation: str) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        joined = spec.FormatString((spec.FormatField(env("REGION"), AT), "-1"), AT)
        given = {"isolation": isolation}
        assert value(await scheduler.run("m:gives", joined, given=given)) == [4, "eu-1"]
        assert value(await scheduler.run("m:gives", env("NO_SUCH", "x"), given=given)) == [1, "x"]
        for hidden in ("NO_SUCH", "PPACER_WORKER"):
            report = await scheduler.run("m:gives", env(hidden), given=given)
            assert (report.outcome, report.error_kind) == (Outcome.FAILED, "arguments")
            assert f'an argument has no value: env("{hidden}") has no value here' in (report.error or "")

    play(body)


@pytest.mark.slow
def test_variables_of_a_task(play: Callable[..., None]) -> None:
    """A worker that has imported modules under a task's variables is for such tasks only."""

    async def body(scheduler: FakeScheduler) -> None:
        async def looks(**variables: object) -> list[object]:
            found = value(await scheduler.run("m:looks", given=surroundings(variables)))
            assert isinstance(found, list)
            return found

        plain, *seen, _ = await looks()
        assert seen == ["eu", SECRET, "eu"]
        own, *seen, _ = await looks(REGION="us", TOKEN=None)
        assert seen == ["us", None, "us"]
        other, *seen, _ = await looks(REGION=env("NO_SUCH", "x"), TOKEN=secret(), N=7, FLAG=True)
        assert seen == ["x", "***", "x"]
        assert len({plain, own, other}) == 3
        assert (await looks(REGION="us", TOKEN=None))[:4] == [own, "us", None, "us"]
        assert (await looks())[:4] == [plain, "eu", SECRET, "eu"]

    play(body)


@pytest.mark.slow
def test_the_folder_of_a_task(play: Callable[..., None], bench: Bench) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        def folder(report: object) -> object:
            return value(report)[4]  # type: ignore[arg-type, index]

        assert folder(await scheduler.run("m:looks", given=surroundings(cwd="data"))) == str(bench.folder / "data")
        assert folder(await scheduler.run("m:looks", given=surroundings(cwd=Path("/")))) == "/"
        assert folder(await scheduler.run("m:looks")) == str(Path.cwd())
        for name, what in {"no/such": "does not exist", "file": "is no folder"}.items():
            report = await scheduler.run("m:looks", given=surroundings(cwd=name))
            assert (report.outcome, report.error_kind) == (Outcome.FAILED, "arguments")
            expected = f"the task's folder {what}: {bench.folder / name}\ntask "
            assert (report.error or "").startswith(expected)

    (bench.folder / "data").mkdir()
    (bench.folder / "file").touch()
    play(body)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("none", "arguments", 'there is no secret "none": m:asks does not know it'),
        ("odd", "arguments", 'm:asks gave int, no text, for the secret "odd"'),
        ("down", "exception", 'm:asks could not look up the secret "down":\nTraceback'),
    ],
)
def test_a_secret_that_cannot_be_had(play: Callable[..., None], name: str, kind: str, words: str) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        for report in (
            await scheduler.run("m:gives", secret(name)),
            await scheduler.run("m:looks", given=surroundings({"TOKEN": secret(name)})),
            await scheduler.run("m:gives", secret(name), given={"isolation": "thread"}),
        ):
            assert (report.outcome, report.error_kind) == (Outcome.FAILED, kind)
            assert (report.error or "").startswith(words)
            assert scheduler.text(report.attempt, "stdout") == [f"asked for {name}"]

    play(body, "m:asks")


# --- nobody sees them ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_nothing_that_leaves_the_executor_holds_a_secret(play: Callable[..., None], isolation: str) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        sent: list[Exchange] = []
        scheduler.before = sent.append
        given = {"isolation": isolation}
        report = await scheduler.run("m:says", secret(), given=given)
        assert value(report) == {"url": "https://user:***@host", "***": ["***"]}
        failed = await scheduler.run("m:fails", secret(), given=given)
        assert failed.error_kind == "exception"
        refused = await scheduler.run("m:refuses", secret(), given=given)
        assert refused.error_kind == "arguments"
        waits = await scheduler.run("m:waits", secret(), given=given)
        assert waits.deferral is not None
        assert (waits.deferral.state, waits.deferral.output) == ('["***"]', '"***"')
        text = "\n".join(scheduler.text(report.attempt, "stdout", "stderr", "logging"))
        assert "in a process: ***" in text
        assert "logged ***" in text
        record = next(entry for entry in scheduler.logs[report.attempt] if entry.message == "logged ***")
        assert record.logger == "log.***"
        assert json.loads(record.attributes) == {"given": "***", "list": "['***']", "pin": 471147}
        assert scheduler.progress[report.attempt][-1].message == "with ***"
        assert scheduler.notices[report.attempt][0].message == "sent ***"
        everything = b"".join(map(wire.encode, sent)).decode()
        for part in (SECRET, SECRET[:6], SECRET[-6:], "hunter2", "%C3%9Cnd", "\\u00dcnd", "xdcnd"):
            assert part not in everything, everything[everything.index(part) - 80 :][:200]

    play(body)


@pytest.mark.slow
def test_a_secret_of_an_earlier_attempt_is_hidden_as_well(play: Callable[..., None]) -> None:
    """A module may keep it, and another task of the same worker may print it."""

    async def body(scheduler: FakeScheduler) -> None:
        await scheduler.run("m:remembers", secret())
        report = await scheduler.run("m:recalls")
        assert scheduler.text(report.attempt, "stdout") == ["***"]

    play(body)


@pytest.mark.slow
def test_a_secret_in_a_variable_is_hidden(play: Callable[..., None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        given = surroundings({"DEEP": spec.FormatString(("key=", spec.FormatField(secret(), AT)), AT)})
        report = await scheduler.run("ppacer.tasks.shell:shell", "echo $DEEP", given=given)
        assert value(report) == "key=***"
        assert scheduler.text(report.attempt) == ["key=***"]

    play(body)
