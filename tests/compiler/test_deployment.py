"""What puts a program to work: the files are what the tools that read them take, and nobody's own are lost."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from ppacer.config import ENVIRONMENT_PREFIX, SETTINGS
from ppc.cli import main
from ppc.cli_options import Form
from ppc.deployment import Deployed, Deployment, check_files, deployment_files
from ppc.package import OutputError

PIPELINE = 'dag hello {\n  task a = shell("true")\n}\n'
IMAGE = "my-shop:0123456789ab"
ALL = list(Deployment)
VERIFY = ("systemd-analyze", "verify", "--recursive-errors=no", "--man=no")
"""Units of the machine that it also looks at do not count."""


def files(
    folder: Path, *, name: str = "My_shop.pyz", form: Form = Form.PYZ, deployments: Sequence[Deployment] = ALL
) -> dict[str, str]:
    program = Deployed(folder / name, form, "0123456789abcdef", "3.12")
    return {path.name: text for path, text in deployment_files(deployments, program)}


def written(folder: Path, name: str) -> Path:
    text = files(folder)[name]
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def said(*command: str | Path) -> str:
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_each_brings_its_files_and_what_needs_an_image_what_makes_it(tmp_path: Path) -> None:
    image = ["Dockerfile", ".dockerignore"]
    units = ["my-shop.service", "my-shop-executor.service"]
    assert list(files(tmp_path)) == [*units, "compose.yaml", "kubernetes.yaml", *image]
    assert list(files(tmp_path, deployments=[Deployment.K8S])) == ["kubernetes.yaml", *image]
    assert list(files(tmp_path, deployments=[Deployment.SYSTEMD] * 2)) == units
    assert files(tmp_path, deployments=[]) == {}


@pytest.mark.parametrize("unit", ["my-shop.service", "my-shop-executor.service"])
@pytest.mark.parametrize(
    ("form", "start"), [(Form.PY, "/opt/my-shop/.venv/bin/python"), (Form.PYZ, "/usr/bin/python3")]
)
def test_systemd_takes_the_units_and_finds_them_closed(tmp_path: Path, unit: str, form: Form, start: str) -> None:
    text = files(tmp_path, name=f"My_shop.{form.value}", form=form)[unit]
    command = "executor" if "executor" in unit else "start"
    assert f"\nExecStart={start} /opt/my-shop/My_shop.{form.value} {command}\n" in text
    # What stands in for the Python of the place where it will be installed has to be there.
    place = tmp_path / unit
    place.write_text(text.replace(f"ExecStart={start}", f"ExecStart={sys.executable}"), encoding="utf-8")
    said(*VERIFY, place)
    told = said("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", place)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert level is not None
    assert float(level[1]) <= 2.0


def test_a_fault_in_a_unit_would_be_told(tmp_path: Path) -> None:
    place = tmp_path / "bad.service"
    place.write_text("[Service]\nExecStart=/bin/true\nDynamcUser=yes\n", encoding="utf-8")
    done = subprocess.run([*VERIFY, place], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "DynamcUser" in done.stderr


def test_a_linter_has_nothing_to_say_of_the_dockerfile(tmp_path: Path) -> None:
    hadolint = Path(sys.prefix, "bin", "hadolint")
    assert said(hadolint, "--no-color", written(tmp_path, "Dockerfile")) == ""


def test_the_image_holds_the_program_alone(tmp_path: Path) -> None:
    made = files(tmp_path)
    assert "\nFROM python:3.12-slim\n" in made["Dockerfile"]
    assert re.findall(r"^(?:COPY|ADD) .*", made["Dockerfile"], re.MULTILINE) == [
        'COPY --chmod=0444 ["My_shop.pyz", "/app/My_shop.pyz"]'
    ]
    assert made[".dockerignore"].splitlines()[-2:] == ["*", "!My_shop.pyz"]


def test_the_compose_file_fits_its_schema(tmp_path: Path) -> None:
    place = written(tmp_path, "compose.yaml")
    said(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", place)
    services = yaml.safe_load(place.read_text("utf-8"))["services"]
    assert services.keys() == {"database", "scheduler", "executor"}
    assert services["executor"]["deploy"] == {"replicas": 2}
    assert services["executor"]["image"] == services["scheduler"]["image"] == IMAGE
    # Who runs tasks cannot reach the database.
    assert "database" not in services["executor"]["networks"]
    assert "PPACER_DATABASE" not in services["executor"]["environment"]


def test_kubernetes_takes_the_manifests(tmp_path: Path) -> None:
    manifests = list(yaml.safe_load_all(files(tmp_path)["kubernetes.yaml"]))
    assert [each["kind"] for each in manifests] == ["Service", "StatefulSet", "Deployment"]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    service, scheduler, executor = (each["spec"] for each in manifests)
    labels = scheduler["template"]["metadata"]["labels"]
    assert service["selector"] == scheduler["selector"]["matchLabels"] == labels
    assert executor["selector"]["matchLabels"] == executor["template"]["metadata"]["labels"] != labels
    for each in (scheduler, executor):
        (container,) = each["template"]["spec"]["containers"]
        assert container["image"] == IMAGE
        named = {volume["name"] for volume in each["template"]["spec"]["volumes"]}
        named |= {claim["metadata"]["name"] for claim in each.get("volumeClaimTemplates", [])}
        assert {mount["name"] for mount in container["volumeMounts"]} == named


def test_they_are_written_beside_the_program_and_again_only_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hello.ppd").write_text(PIPELINE, encoding="utf-8")
    build = ["build", "hello.ppd", "--with", "systemd", "-o", "build/"]
    unit = tmp_path / "build" / "hello.service"
    assert main(build) == 0
    first = unit.read_bytes()
    assert "hello-executor.service" in capsys.readouterr().out
    assert main(build) == 0
    assert unit.read_bytes() == first

    unit.write_bytes(first + b"# mine\n")
    program = tmp_path / "build" / "hello.py"
    program.unlink()
    assert main(build) == 1
    told = capsys.readouterr().err
    assert "build/hello.service has been changed since ppc generated it" in told
    assert "--force" in told
    assert not program.exists()
    assert main([*build, "--force"]) == 0
    assert unit.read_bytes() == first


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("FROM scratch\n", "was not generated by ppc"),
        ("", "was not generated by ppc"),
        ("other", "was generated for another program, other.pyz"),
    ],
)
def test_somebodys_own_files_and_those_of_other_programs_are_left_alone(tmp_path: Path, content: str, why: str) -> None:
    if content == "other":
        content = files(tmp_path, name="other.pyz")["Dockerfile"]
    (tmp_path / "Dockerfile").write_text(content, encoding="utf-8")
    program = tmp_path / "shop.pyz"
    with pytest.raises(OutputError, match=re.escape(why)):
        check_files([Deployment.COMPOSE], program, force=False)
    check_files([Deployment.COMPOSE], program, force=True)
    check_files([Deployment.SYSTEMD], program, force=False)


@pytest.mark.parametrize("name", ["my shop.pyz", "2026.pyz", "läden.pyz"])
def test_a_name_that_services_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="give another one with -o"):
        check_files([Deployment.SYSTEMD], tmp_path / name, force=True)
    check_files([], tmp_path / name, force=False)


def test_what_is_asked_for_wrongly_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hello.ppd").write_text(PIPELINE, encoding="utf-8")
    assert main(["build", "hello.ppd", "--with", "systemd,docker"]) == 2
    assert "--with docker is for --format pyz" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["build", "hello.ppd", "--with", "podman"])
    assert ended.value.code == 2
    assert "no `podman` to write files for; there are systemd, docker, compose, k8s" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "hello.ppd"]


DOCUMENT = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("deployment", Deployment)
def test_each_is_told_with_its_files(tmp_path: Path, deployment: Deployment) -> None:
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{deployment.value}` |"))
    image = {"Dockerfile", ".dockerignore"}
    told = set(re.findall(r"`([\w.-]+)`", row.split("|")[2]))
    if "the same two" in row:
        told |= image
    assert told == set(files(tmp_path, name="pipeline.pyz", deployments=[deployment]))


def test_variables_are_settings(tmp_path: Path) -> None:
    """But for those that only fill in others in the compose file."""
    known = {f"{ENVIRONMENT_PREFIX}{setting.name.upper()}" for setting in SETTINGS}
    named = set(re.findall(rf"{ENVIRONMENT_PREFIX}\w+", "".join(files(tmp_path).values()) + DOCUMENT))
    assert named - known == {"PPACER_EXECUTOR_TOKEN", "PPACER_PUBLISHED_PORT"}
