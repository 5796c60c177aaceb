"""Settings: what wins, where it came from, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ppacer.config import Loaded, Retention, is_loopback, load
from ppacer.config_values import ConfigError
from ppacer.database_url import shown


def loaded(folder: Path, *, environ: dict[str, str] | None = None, file: str | None = None, **flags: object) -> Loaded:
    return load(folder / "shop.py", flags=flags, environ=environ or {}, config_file=file)


def test_defaults_stand_beside_the_program(tmp_path: Path) -> None:
    config = loaded(tmp_path).config
    assert config.host == "127.0.0.1"
    assert config.port == 9321
    assert config.token is None
    assert config.database == str(tmp_path / "shop.db")
    assert config.logs == str(tmp_path / "shop.logs.db")
    assert config.run_file == tmp_path / "shop.run.json"
    assert config.capacity is None
    assert config.name.endswith(str(os.getpid()))
    assert config.secrets is None
    assert config.retention == Retention(days=90, runs=1000, logs_days=30, outputs_days=0)


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text('port = 1\nlease = 40\nname = "from file"\nlabels = ["gpu", "big"]\n')
    found = loaded(tmp_path, environ={"PPACER_PORT": "2", "PPACER_LEASE": "50.5"}, port="3")
    assert found.config.port == 3
    assert found.config.lease == 50.5
    assert found.config.name == "from file"
    assert found.config.labels == ("gpu", "big")
    assert found.origins["port"] == "--port"
    assert found.origins["lease"] == "PPACER_LEASE"
    assert found.origins["name"] == str(tmp_path / "shop.toml")
    assert found.origins["drain"] == "default"


def test_how_long_all_is_kept_may_be_set_everywhere(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text("keep_days = 7\nkeep_runs = 0\n")
    found = loaded(tmp_path, environ={"PPACER_KEEP_LOGS_DAYS": "2"}, keep_outputs_days="36500", labels=["gpu"])
    assert found.config.retention == Retention(days=7, runs=0, logs_days=2, outputs_days=36500)
    assert found.origins["keep_logs_days"] == "PPACER_KEEP_LOGS_DAYS"
    assert found.origins["keep_outputs_days"] == "--keep-outputs-days"
    assert found.origins["labels"] == "--label"


def test_paths_are_relative_to_where_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "a.toml").write_text('database = "data/x.db"\n')
    assert loaded(tmp_path, file="etc/a.toml").config.database == str(tmp_path / "etc/data/x.db")
    assert loaded(tmp_path, environ={"PPACER_DATABASE": "y.db"}).config.database == str(tmp_path / "y.db")
    config = loaded(tmp_path, environ={"PPACER_DATABASE": "y.db"}).config
    assert config.logs == str(tmp_path / "y.logs.db")
    assert config.run_file == tmp_path / "y.run.json"


def test_a_database_of_a_server_keeps_the_logs_and_its_run_file_stands_beside_the_program(tmp_path: Path) -> None:
    url = "postgresql://me:secret@host:5432/shop?sslmode=require"
    config = loaded(tmp_path, database=url).config
    assert config.database == config.logs == url
    assert config.run_file.parent == tmp_path
    assert re.fullmatch(r"shop\.[0-9a-f]{8}\.run\.json", config.run_file.name)

    same = loaded(tmp_path, database="postgres://you@host:5432/shop", logs="logs.db").config
    assert same.run_file == config.run_file
    assert same.logs == str(Path.cwd() / "logs.db")
    assert loaded(tmp_path, database=url, run_file="run/a.json").config.run_file == Path.cwd() / "run/a.json"
    for other in ("postgresql://host:5432/other", "postgresql://other:5432/shop", "mysql://host:5432/shop"):
        assert loaded(tmp_path, database=other).config.run_file != config.run_file


def test_a_url_of_sqlite_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert loaded(tmp_path, database="sqlite:///x.db").config.database == str(tmp_path / "x.db")
    assert loaded(tmp_path, database="sqlite:////srv/x.db").config.database == "/srv/x.db"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:secret@host:1/db", "postgresql://me@host:1/db"),
        ("mysql://me:se@cret/x@host/db?ssl_key=secret", "mysql://me@host/db"),
        ("mariadb://host/db#secret", "mariadb://host/db"),
        ("postgresql:///db?host=/run&password=secret", "postgresql:///db"),
        ("postgresql://:secret@host/db", "postgresql://@host/db"),
        ("/srv/a@b:secret.db", "/srv/a@b:secret.db"),
    ],
)
def test_what_is_shown_of_a_url_is_no_secret(url: str, told: str) -> None:
    assert shown(url) == told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run/secrets", "HERE/etc/run/secrets"),
        ("/run/secrets", "/run/secrets"),
        ("shop.vault:secret_of", "shop.vault:secret_of"),
        ("./odd:name", "HERE/etc/odd:name"),
    ],
)
def test_secrets_come_from_a_folder_or_a_callable(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "a.toml").write_text(f'secrets = "{text}"\n')
    assert loaded(tmp_path, file=str(tmp_path / "etc/a.toml")).config.secrets == expected.replace("HERE", str(tmp_path))


def test_labels_in_the_environment_are_a_list(tmp_path: Path) -> None:
    assert loaded(tmp_path, environ={"PPACER_LABELS": "gpu, big,gpu"}).config.labels == ("gpu", "big")


def test_schedulers_may_be_several(tmp_path: Path) -> None:
    expected = ("http://a:1", "http://b:2")
    assert loaded(tmp_path).config.scheduler == ()
    assert loaded(tmp_path, environ={"PPACER_SCHEDULER": "http://a:1/, http://b:2"}).config.scheduler == expected
    assert loaded(tmp_path, scheduler=["http://a:1", "http://b:2,http://a:1/"]).config.scheduler == expected
    (tmp_path / "shop.toml").write_text('scheduler = ["http://a:1", "http://b:2"]\n')
    assert loaded(tmp_path).config.scheduler == expected
    with pytest.raises(ConfigError, match=r"scheduler = .*expected an address"):
        loaded(tmp_path, scheduler=["http://a:1,b:2"])


def test_variables_that_are_no_settings_are_told(tmp_path: Path) -> None:
    environ = {"PPACER_PROT": "1", "PPACER_CONFIG": "", "HOME": "/"}
    assert loaded(tmp_path, environ=environ).unknown == ("PPACER_PROT",)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("port", "x", "whole number from 0 to 65535"),
        ("port", "65536", "whole number from 0 to 65535"),
        ("port", "-1", "whole number"),
        ("lease", "0.5", "seconds from 1"),
        ("lease", "nan", "seconds from 1"),
        ("drain", "soon", "seconds from 0"),
        ("capacity", "0", "from 1"),
        ("scheduler", "127.0.0.1:9321", "http://127.0.0.1:9321"),
        ("token", "  ", "not empty"),
        ("token", "żółw", "of ASCII"),
        ("database", "   ", "the path of a file, or an URL"),
        ("database", "oracle://me:secret@host/db", r"oracle://… names no database .* postgresql://USER"),
        ("database", "sqlite://shop.db", "sqlite://… names no database"),
        ("logs", "redis://me:secret@host/0", "redis://… names no database"),
        ("labels", "gpu,,", "labels, such as gpu"),
        ("keep_days", "-1", "whole number from 0 to 36500"),
        ("keep_days", "1.5", "whole number from 0 to 36500"),
        ("keep_runs", "many", "whole number from 0 to 999999999"),
        ("keep_logs_days", "36501", "whole number from 0 to 36500"),
        ("keep_outputs_days", "7d", "whole number from 0 to 36500"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, name: str, value: str, part: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} .*PPACER_{name.upper()}.*{part}") as caught:
        loaded(tmp_path, environ={f"PPACER_{name.upper()}": value})
    assert "secret" not in str(caught.value)


def test_a_key_may_be_in_the_certificates_file_and_is_of_no_use_without_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tls_key \(--tls-key\) is of no use without tls_cert"):
        loaded(tmp_path, tls_key="key.pem")
    config = loaded(tmp_path, tls_cert="/etc/both.pem").config
    assert (config.tls_cert, config.tls_key) == ("/etc/both.pem", "/etc/both.pem")
    assert loaded(tmp_path, tls_cert="/etc/cert.pem", tls_key="/etc/key.pem").config.tls_key == "/etc/key.pem"


def test_proxies_are_addresses_or_networks(tmp_path: Path) -> None:
    config = loaded(tmp_path, environ={"PPACER_PROXIES": "10.0.0.1, 10.1.0.0/16,fd00::/8"}).config
    assert config.proxies == ("10.0.0.1", "10.1.0.0/16", "fd00::/8")
    with pytest.raises(ConfigError, match=r"proxies = \['nginx'\] \(--proxy\): expected addresses or networks"):
        loaded(tmp_path, proxies=["nginx"])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("prot = 1", "there is no setting `prot`; did you mean `port`?"),
        ("port = ", "is not TOML"),
        ("port = true", "expected a whole number"),
        ("name = 3", "expected a text"),
        ("labels = [1]", "expected labels"),
        ("database = 1", "expected the path"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "shop.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path)
    assert part in str(caught.value)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none\.toml"):
        loaded(tmp_path, environ={"PPACER_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
