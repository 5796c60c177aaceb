"""A crontab becomes a source that is sound, says the same, and lists what it could not say."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppc.callables import CallableFinder
from ppc.cli import main
from ppc.compile import compile_program
from ppc.crontab import translate
from ppc.diagnostics import Diagnostic, Severity
from ppc.format import format_source
from ppc.parse import parse
from ppc.source import Source
from ppc.translation import Translation

CRONTAB = """\
# Nightly jobs
MAILTO=ops@example.org
PATH = /usr/local/bin:/usr/bin:/bin

# back up the database
# and keep a week of it
15 4 * * *\t/usr/local/bin/backup.sh --keep 7 >/dev/null 2>&1
@daily /usr/bin/certbot renew
@reboot start-something
0 0 */2 * 1 echo both
SHELL=/bin/bash
CRON_TZ=America/New_York
0 12 1 * mon [[ -f /tmp/x ]] && echo "a \\"b\\" {c}"
70 * * * * nonsense
hello
"""

SOURCE = """\
# Made from a crontab. As with cron, what was due while nothing ran is not made up for. Otherwise than with cron, a job
# whose last run still goes on waits for it (see `overlap`), and what jobs write is kept as their log, not mailed.

defaults {
  timeout = none         # cron knows none
  cwd     = env("HOME")  # where cron starts its jobs
}

# Nightly jobs

dag backup {
  "back up the database and keep a week of it"

  schedule = cron("15 4 * * *")
  timezone = "Europe/Warsaw"
  task job = shell("/usr/local/bin/backup.sh --keep 7 >/dev/null 2>&1", output = "none") {
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
  }
}

dag certbot {
  schedule = cron("@daily")
  timezone = "Europe/Warsaw"
  task job = shell("/usr/bin/certbot renew", output = "none") {
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
  }
}

# @reboot start-something
# Not translated: @reboot has no time; have the system's services start what is to run when it starts.

# 0 0 */2 * 1 echo both
# Not translated: where one of them begins with `*`, as */2 does, cron wants both day of month and weekday to fit.

dag echo {
  schedule = cron("0 12 1 * mon")
  timezone = "America/New_York"
  task job = shell("/bin/bash -c '[[ -f /tmp/x ]] && echo \\"a \\\\\\"b\\\\\\" {c}\\"'", output = "none") {
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
  }
}

# 70 * * * * nonsense
# Not translated: 70 is out of range: the minute is 0 to 59.

# hello
# Not translated: this is neither an entry of cron nor a setting.
"""

TOLD = """\
crontab:2: what jobs write is not mailed to ops@example.org: it is in their logs. Declare a `notifier` to be told of \
failures
crontab:9: not translated: @reboot has no time; have the system's services start what is to run when it starts
crontab:10: not translated: where one of them begins with `*`, as */2 does, cron wants both day of month and weekday \
to fit
crontab:14: not translated: 70 is out of range: the minute is 0 to 59
crontab:15: not translated: this is neither an entry of cron nor a setting
3 dags, 4 of 7 entries not translated
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def compiled(made: Translation) -> tuple[spec.Program | None, list[Diagnostic]]:
    """The program that it makes, and the errors in it."""
    source = Source("jobs.ppd", made.text)
    module, faults = parse(source)
    program, found = compile_program("jobs", [(source, module)], callables=CallableFinder([], []), faults=faults)
    return program, [each for each in found if each.severity is Severity.ERROR]


def made_of(entry: str, *, users: bool = False) -> str:
    """The dag that a crontab of one entry becomes."""
    made = translate(entry, "UTC", users=users)
    assert made.jobs == 1, made
    return made.text[made.text.index("dag ") :]


def test_what_can_be_said_is_said_and_what_cannot_is_listed_at_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    Path("crontab").write_text(CRONTAB, encoding="utf-8")
    assert main(["import", "crontab", "crontab", "-o", "jobs.ppd", "--timezone", "Europe/Warsaw"]) == 1
    assert capsys.readouterr() == ("", TOLD)
    assert Path("jobs.ppd").read_text(encoding="utf-8") == SOURCE
    assert main(["check", "-W", "error", "jobs.ppd"]) == 0
    assert main(["fmt", "--check", "jobs.ppd"]) == 0


def test_a_crontab_of_the_input_goes_to_the_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"@hourly true\n")))
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert main(["import", "crontab", "-"]) == 0
    out, told = capsys.readouterr()
    assert 'schedule = cron("@hourly")\n  timezone = "Asia/Kathmandu"\n' in out
    assert told == "1 dag\n"


def test_nothing_is_overwritten_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("crontab").write_text("@hourly true\n", encoding="utf-8")
    Path("jobs.ppd").write_text("mine", encoding="utf-8")
    command = ["import", "crontab", "crontab", "-o", "jobs.ppd", "--timezone", "UTC"]
    assert main(command) == 1
    assert capsys.readouterr().err == "error: jobs.ppd is there already; --force overwrites it\n"
    assert Path("jobs.ppd").read_text(encoding="utf-8") == "mine"
    assert main([*command, "--force"]) == 0
    assert "task job" in Path("jobs.ppd").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["crontab"], 1, "error: cannot read crontab: No such file or directory\n"),
        (["binary"], 1, "error: binary is not UTF-8, at byte 2\n"),
        (
            ["empty", "--timezone", "Mars/Olympus"],
            2,
            'error: there is no time zone "Mars/Olympus": --timezone takes an IANA name such as Europe/Warsaw\n',
        ),
        (["empty", "-o", "jobs.txt"], 2, "error: jobs.txt is to be a source: its name ends in .ppd\n"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("binary").write_bytes(b"# \xff")
    Path("empty").write_bytes(b"")
    if "--timezone" not in arguments:
        arguments = [*arguments, "--timezone", "UTC"]
    assert main(["import", "crontab", *arguments]) == code
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/opt/bin/nightly-backup.sh --all", "nightly_backup"),
        ("cd /srv/shop && /usr/bin/python3.11 -m shop.load", "shop_load"),
        ("test -x /a || ( nice -n 19 ./b.py )", "b"),
        ("FOO=1 env -i sh -c 'x'", "x"),
        ("true; /usr/bin/run;", "run_job"),
        ("7z a x", "a"),
        ("'unclosed", "unclosed"),
        ("---", "job"),
    ],
)
def test_a_dag_is_named_after_what_its_job_is_about(command: str, name: str) -> None:
    assert made_of(f"0 1 * * * {command}").startswith(f"dag {name} {{\n")


def test_dags_of_the_same_command_have_names_of_their_own() -> None:
    made = translate("@hourly load\n@daily load\n@weekly load\n", "UTC")
    assert [line for line in made.text.splitlines() if line.startswith("dag ")] == [
        "dag load {",
        "dag load_2 {",
        "dag load_3 {",
    ]


@pytest.mark.parametrize(
    ("entry", "out"),
    [
        ("cat", ""),
        ("cat%", ""),
        ("cat%one%two%", "one\ntwo\n"),
        ("cat%it's \\%100", "it's %100\n"),
        ("cat; cat%once", "once\n"),
        ("date +\\%Y | tr 0-9 n", "nnnn\n"),
        ("cat # to the end%once", "once\n"),
    ],
)
def test_a_command_is_given_the_input_that_cron_would_give_it(entry: str, out: str) -> None:
    assert ran(f"@daily {entry}") == out


def test_a_command_is_done_by_the_shell_that_was_set() -> None:
    assert ran("SHELL=/bin/bash\n@daily [[ a == a ]] && cat%x") == "x\n"


def ran(crontab: str) -> str:
    """What the one job of the crontab writes."""
    program, errors = compiled(translate(crontab, "UTC"))
    assert program is not None, errors
    (task,) = program.dags[0].tasks
    command = task.args[0]
    assert isinstance(command, spec.Literal)
    shell = ["/bin/sh", "-c", str(command.value)]
    done = subprocess.run(shell, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=300)
    return done.stdout


def test_entries_in_a_zone_that_there_is_not_are_listed() -> None:
    made = translate("CRON_TZ=Mars/Olympus\n0 1 * * * load\nCRON_TZ=Asia/Tokyo\n0 1 * * * load\n", "UTC")
    assert [(each.line, each.message, each.lost) for each in made.remarks] == [
        (2, 'there is no time zone "Mars/Olympus"', True)
    ]
    assert made.jobs == 1
    assert 'timezone = "Asia/Tokyo"' in made.text


def test_a_job_starts_where_the_crontab_has_its_home() -> None:
    assert 'cwd = "/srv", env = {"HOME": "/srv"}' in made_of("HOME=/srv\n@daily load")


@pytest.mark.parametrize(
    ("crontab", "users", "line", "told", "lost"),
    [
        ("17 * * * * root run-parts /etc/cron.hourly", False, 1, "import it with --users", False),
        ("0 1 * * * [ -x /bin/a ] && a", True, 1, "names a user before its command", True),
        ("RANDOM_DELAY=45\n@daily load", False, 1, "not up to 45 minutes later", False),
        ("0 1 * * * echo a\0b", False, 1, "a NUL in it", True),
        ("# nothing\n", False, 1, "there is no entry in it", True),
    ],
)
def test_what_is_not_as_it_seems_is_told(crontab: str, users: bool, line: int, told: str, lost: bool) -> None:
    (remark,) = translate(crontab, "UTC", users=users).remarks
    assert (remark.line, told in remark.message, remark.lost) == (line, True, lost)
    assert "RANDOM_DELAY" not in translate(crontab, "UTC", users=users).text


def test_thousands_of_jobs_of_one_name_are_named_apart() -> None:
    made = translate("@daily load\n" * 3000, "UTC")
    assert len({line for line in made.text.splitlines() if line.startswith("dag ")}) == 3000


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("crontab", "@daily load\r\n"),
        ("airflow", "from airflow.sdk import DAG\r\nwith DAG('a') as a:\r\n    X(task_id='load')\r\n"),
        ("dagu", "steps:\r\n  - name: load\r\n    command: load\r\n"),
    ],
)
def test_files_of_windows_are_read(system: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_bytes(b"\xef\xbb\xbf" + text.encode())
    main(["import", system, "file", "--timezone", "UTC"])
    assert "load" in capsys.readouterr().out


@pytest.mark.parametrize("system", ["crontab", "airflow", "dagu"])
def test_a_file_that_nobody_wrote_is_not_read_on(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("big").write_bytes(b"# " + b"x" * (1 << 20))
    assert main(["import", system, "big", "--timezone", "UTC", "-o", "big.ppd"]) == 1
    assert capsys.readouterr() == ("", "error: big is larger than 1 MiB, which no such file is that somebody wrote\n")
    assert not Path("big.ppd").exists()


def test_nothing_is_written_of_a_crontab_without_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    Path("crontab").write_text("@reboot start\n", encoding="utf-8")
    assert main(["import", "crontab", "crontab", "--timezone", "UTC", "-o", "jobs.ppd"]) == 1
    assert capsys.readouterr().err.endswith("\nno dag came of it; nothing is written\n")
    assert not Path("jobs.ppd").exists()


def test_entries_of_the_system_name_their_users() -> None:
    made = translate("17 * * * * root  cd / && run-parts /etc/cron.hourly\n0 1 * * * root\n", "UTC", users=True)
    assert 'shell("cd / && run-parts /etc/cron.hourly", output = "none")' in made.text
    assert [(each.line, each.message, each.lost) for each in made.remarks] == [
        (1, "it ran as the user root; now as whoever runs the program", False),
        (2, "an entry of a system's crontab names a user before its command", True),
    ]


_FIELD = st.sampled_from(["*", "0", "*/5", "1-5", "mon", "L", "7", "60", "1,2", "~", "5#2", "?"])
_ENTRY = st.builds(
    lambda fields, command: f"{' '.join(fields)} {command}",
    st.lists(_FIELD, min_size=5, max_size=5) | st.sampled_from([["@daily"], ["@reboot"], ["@never"]]),
    st.text(max_size=30),
)
_SET = st.builds(
    lambda name, value: f"{name}={value}", st.sampled_from(["A", "MAILTO", "SHELL", "CRON_TZ", "'B c'"]), st.text()
)
_COMMENT = st.builds(lambda text: f"# {text}", st.text(max_size=30))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_ENTRY | _SET | _COMMENT | st.text(max_size=20) | st.just(""), max_size=6), st.booleans())
def test_whatever_it_is_made_of_the_source_is_sound(lines: list[str], users: bool) -> None:
    made = translate("\n".join(lines), "Europe/Warsaw", users=users)
    program, errors = compiled(made)
    if made.jobs:
        assert not errors, (errors, made.text)
        assert program is not None
        assert len(program.dags) == made.jobs
    assert format_source(Source("jobs.ppd", made.text)).broken == ()
