"""Certificates are renewed when they have to be, and stand up to a real handshake."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.conftest import Example

HOSTS = ["shop.example", "api.shop.example", "mail.shop.example"]


def test_renewals(example: Callable[[str], Example]) -> None:
    here = example("certificates")
    certificates = here.load()
    out = here.folder / "out"

    first = certificates.run("certificates")
    assert first.status == "success", first
    assert first["expiring"].output == HOSTS
    assert first["reload"].log_text == "on a real machine: systemctl reload nginx"
    assert [alert.event for alert in first.alerts] == ["success"] * 3
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(out / "shop.example.pem", out / "authority.pem", "other.example")
    assert shake_hands(out / "shop.example.pem", out / "authority.pem", "shop.example") == "shop.example"
    assert (out / "shop.example.pem").stat().st_mode & 0o077 == 0

    before = {host: (out / f"{host}.pem").read_bytes() for host in HOSTS}
    quiet = certificates.run("certificates")
    assert quiet.statuses() == {
        "authority": "success",
        "expiring": "success",
        "renewed": "success",
        "sound": "success",
        "installed": "success",
        "reload": "skipped",
        "served": "skipped",
        "back": "skipped",
        "reload_old": "skipped",
    }
    (out / "mail.shop.example.pem").unlink()
    renewed = certificates.run("certificates")
    assert renewed["expiring"].output == ["mail.shop.example"]
    early = certificates.run("certificates", params={"ahead": "100d"})
    assert early["expiring"].output == HOSTS
    assert all((out / f"{host}.pem").read_bytes() != before[host] for host in HOSTS)


def test_a_certificate_that_nobody_would_trust_is_not_served(example: Callable[[str], Example]) -> None:
    here = example("certificates")
    certificates = here.load()
    first = certificates.run("certificates")
    assert first.status == "success", first
    (here.folder / "out/authority.pem").unlink()  # a new one is founded, which has not signed the old certificate
    result = certificates.run(
        "certificates",
        tasks={"expiring": ["shop.example"], "renewed": here.folder / "out/shop.example.pem"},
    )
    assert result.statuses("reload") == {"reload": "upstream_failed"}
    assert result.statuses("installed") == {"installed": "upstream_failed"}
    assert result["back"].output == []
    assert "openssl verify failed" in (result["sound[0]"].error or "")


def test_a_server_that_will_not_have_them_gets_the_old_ones_back(example: Callable[[str], Example]) -> None:
    here = example("certificates")
    certificates = here.load()
    first = certificates.run("certificates")
    assert first.status == "success", first
    pairs = [here.folder / "out" / f"{host}.pem" for host in HOSTS]
    before = [pair.read_bytes() for pair in pairs]
    reload = "for pair in out/*.example.pem; do cksum <$pair; done"
    refused = certificates.run("certificates", params={"ahead": "100d", "check": "false", "reload": reload})
    assert refused.status == "failed"
    assert refused["served"].attempts == 4
    assert [pair.read_bytes() for pair in pairs] == before
    assert refused["reload"].log_text != refused["reload_old"].log_text
    assert shake_hands(pairs[0], here.folder / "out/authority.pem", "shop.example") == "shop.example"
    pairs[0].unlink()  # the first certificate of a host has none to go back to
    alone = certificates.run("certificates", params={"check": "false"})
    assert (alone["back"].output, alone.statuses("reload_old")) == ([], {"reload_old": "skipped"})
    assert pairs[0].exists()


def shake_hands(pair: Path, authority: Path, host: str) -> str:
    """The name that a server with this certificate proves to a client that trusts the authority."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pair)
    trusting = ssl.create_default_context(cafile=str(authority))
    here, there = socket.socketpair()
    here.settimeout(60)
    there.settimeout(60)

    def serve() -> None:
        try:
            serving.wrap_socket(there, server_side=True).close()
        except (OSError, ssl.SSLError):
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with trusting.wrap_socket(here, server_hostname=host) as client:
            found = client.getpeercert()
    finally:
        here.close()
        thread.join(60)
    assert found is not None
    return str(found["subjectAltName"][0][1])
