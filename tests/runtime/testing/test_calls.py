"""Real tasks in this process: what is around them, what they leave behind, what they say."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ppacer.testing import Pipeline, PipelineError

PIPELINES = Path(__file__).parent / "pipelines"
SECRETS = {"TOKEN": "very-secret"}


def surroundings() -> tuple[object, ...]:
    root = logging.getLogger()
    return dict(os.environ), Path.cwd(), sys.path[:], sys.stdout, sys.stderr, root.handlers[:], root.level


# --- environment and folder ------------------------------------------------------------------------------------------


def test_a_task_has_its_variables_folder_and_secrets_for_the_time_of_its_call(flows: Pipeline) -> None:
    before = surroundings()
    there = flows.run("around", secrets=SECRETS)["there"].output
    assert there == {"token": "***", "mode": "plain", "folder": "inside", "zone": "around"}
    assert surroundings() == before


def test_variables_are_those_of_this_process_and_those_that_are_given(
    flows: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mode(env: dict[str, str | None]) -> object:
        output = flows.run("around", secrets=SECRETS, env=env)["there"].output
        assert isinstance(output, dict)
        return output["mode"]

    monkeypatch.setenv("MODE", "outer")
    assert mode({}) == "outer"
    assert mode({"MODE": "given"}) == "given"
    assert mode({"MODE": None}) == "plain"


def test_settings_of_programs_are_no_variables_of_tasks(
    build: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PPACER_TOKEN", "abc")
    pipeline = build('dag d { task t = shell(f"echo ${{PPACER_TOKEN-none}} {env("PPACER_TOKEN", "none")}") }')
    assert pipeline.run("d")["t"].output == "none none"


def test_a_task_may_do_without_a_variable(build: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "outer")
    source = """
        dag d {
          param word: json = none
          task w = shell("echo ${WORD-unset}") { env = {"WORD": params.word} }
        }
    """
    pipeline = build(source)
    assert pipeline.run("d", params={"word": "inner"})["w"].output == "inner"
    assert pipeline.run("d")["w"].output == "unset"
    assert os.environ["WORD"] == "outer"


def test_a_task_begins_in_the_folder_of_its_program(build: Callable[..., Pipeline], tmp_path: Path) -> None:
    pipeline = build('dag d { task p = shell("pwd") }')
    assert pipeline.run("d")["p"].output == str(tmp_path)


def test_only_the_secrets_that_are_given_are_there(flows: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a real one")
    there = flows.run("around")["there"]
    assert there.tries[0].error_kind == "arguments"
    assert there.error is not None
    assert there.error.startswith('there is no secret "TOKEN": the test gives none of that name (`secrets`)\n')


def test_a_folder_that_is_not_there_fails_the_task(build: Callable[..., Pipeline], tmp_path: Path) -> None:
    result = build('dag d { task p = print("x") { cwd = "nowhere" } }').run("d")
    assert (result["p"].error or "").startswith(f"the task's folder does not exist: {tmp_path}/nowhere\n")


def test_tests_may_patch_what_tasks_use(
    build: Callable[..., Pipeline], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "def fetch() -> str:\n    return 'real'\n\ndef work() -> str:\n    return fetch()\n"
    pipeline = build("import patched\ndag d { task t = patched.work() }", patched=module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("patched.fetch", lambda: "patched")
    assert pipeline.run("d")["t"].output == "patched"


# --- what is said ----------------------------------------------------------------------------------------------------


def test_the_log_holds_what_a_task_writes_in_any_way_in_order(flows: Pipeline) -> None:
    talk = flows.run("around", secrets=SECRETS)["talk"]
    assert [(line.stream, line.level, line.message, line.logger) for line in talk.log] == [
        ("stdout", 20, "first", ""),
        ("stdout", 20, "then", ""),
        ("logging", 20, "second", "flow.talk"),
        ("stdout", 20, "third", ""),
        ("stderr", 20, "fourth", ""),
        ("stderr", 20, "fifth", ""),
    ]
    assert talk.log[2].attributes == '{"n": 2}'
    assert talk.log_text == "first\nthen\nsecond\nthird\nfourth\nfifth"


def test_secrets_are_hidden_in_logs_outputs_and_errors(build: Callable[..., Pipeline], flows: Pipeline) -> None:
    result = flows.run("around", secrets=SECRETS)
    assert [line.message for line in result["there"].log] == ["the token is ***", "token ***"]
    assert result["there"].log[1].attributes == '{"token": "***"}'
    module = "def leak(token: str) -> None:\n    raise ValueError(token)\n"
    leaking = build('import leaks\ndag d { task t = leaks.leak(secret("TOKEN")) }', leaks=module)
    error = leaking.run("d", secrets=SECRETS)["t"].error or ""
    assert "ValueError: ***\n" in error


def test_the_log_of_each_attempt_and_its_error(flows: Pipeline) -> None:
    flaky = flows.run("shortly")["flaky"]
    last = [line for line in flaky.log if line.attempt == 3]
    assert [(line.stream, line.level) for line in last] == [("system", 40)]
    assert last[0].message == flaky.error
    assert {line.attempt for line in flaky.log} == {1, 2, 3}


def test_commands_log_both_their_outputs(flows: Pipeline) -> None:
    shell = flows.run("kinds")["shell"]
    assert sorted((line.stream, line.message) for line in shell.log) == [
        ("stderr", "wrote"),
        ("stdout", "7"),
        ("stdout", "said"),
    ]


def test_records_reach_other_handlers_too(flows: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    flows.run("around", secrets=SECRETS)
    assert "second" in caplog.messages


# --- how a call may end ----------------------------------------------------------------------------------------------


def test_an_exception_is_told_as_in_a_real_run(flows: Pipeline, where: Callable[[str, str], str]) -> None:
    error = flows.run("handled")["work"].error
    file = PIPELINES / "flow_tasks.py"
    line = file.read_text(encoding="utf-8").splitlines().index("    raise RuntimeError(text)") + 1
    assert error == (
        f'Traceback (most recent call last):\n  File "{file}", line {line}, in fail\n    raise RuntimeError(text)\n'
        f"RuntimeError: it failed\n{where('handled', 'work')}"
    )


def test_other_ways_to_fail(flows: Pipeline) -> None:
    result = flows.run("kinds")
    ends = {task: (result[task].tries[0].error_kind, result[task].error or "") for task in ("exits", "output")}
    assert {task: (kind, error.splitlines()[0]) for task, (kind, error) in ends.items()} == {
        "exits": ("exited", "the task called sys.exit(3)"),
        "output": ("output", "the task's output cannot be stored: a value of type object has no JSON form"),
    }


def test_a_module_that_cannot_be_imported_fails_the_task(build: Callable[..., Pipeline]) -> None:
    module = "import nothing_like_it\n\ndef work() -> None: ...\n"
    result = build("import absent\ndag d { task t = absent.work() }", absent=module).run("d")
    assert result["t"].tries[0].error_kind == "import"
    error = result["t"].error or ""
    assert "ModuleNotFoundError: No module named 'nothing_like_it'\n" in error
    assert "pipeline.py" not in error


def test_an_argument_without_a_value_fails_the_task_without_a_call(build: Callable[..., Pipeline]) -> None:
    result = build('dag d { task s = shell("echo \'[]\'", output = "json")\n task t = print(s[0]) }').run("d")
    assert (result["t"].attempts, result["t"].calls) == (1, ())
    assert result["t"].tries[0].error_kind == "arguments"
    with pytest.raises(AssertionError, match="task t was never called: it is failed"):
        result["t"].args  # noqa: B018 (it raises)


@pytest.mark.parametrize("ending", [KeyboardInterrupt, pytest.fail.Exception, pytest.skip.Exception])
def test_what_ends_the_test_is_no_failure_of_the_task(flows: Pipeline, ending: type[BaseException]) -> None:
    def stub(*_: object) -> None:
        raise ending("enough")

    before = surroundings()
    with pytest.raises(ending, match="enough"):
        flows.run("handled", tasks={"work": stub})
    assert surroundings() == before


def test_a_run_while_something_else_is_handled(flows: Pipeline) -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        result = flows.run("kinds")
    assert result["coroutine"].output == 2


def test_a_run_within_a_loop_is_refused(flows: Pipeline) -> None:
    async def main() -> None:
        with pytest.raises(PipelineError, match=r"await asyncio\.to_thread\(pipeline\.run, …\)"):
            flows.run("kinds")
        assert (await asyncio.to_thread(flows.run, "kinds"))["coroutine"].output == 2

    asyncio.run(main())


def test_another_module_of_the_same_name_is_told_of(
    build: Callable[..., Pipeline], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "twin.py").write_text("def work() -> int:\n    return 2\n", encoding="utf-8")
    pipeline = build("import twin\ndag d { task t = twin.work() }", twin="def work() -> int:\n    return 1\n")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(elsewhere)
        __import__("twin")
    with pytest.raises(PipelineError, match=f"module twin is {tmp_path}/twin.py, but this process has imported"):
        pipeline.run("d")
    del sys.modules["twin"]
    assert pipeline.run("d")["t"].output == 1
