"""A small certificate authority, run with the command `openssl`: it founds itself, issues, and verifies.

A real one (your company's, or Let's Encrypt by way of certbot) takes the place of `found` and `issue`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    certificate: Path
    key: Path


def found(folder: Path) -> Authority:
    """The authority in the folder, made if there is none: a key on P-256 and a certificate for ten years."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder / "authority.pem", folder / "authority.key")
    if not authority.certificate.exists():
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "3650"),
            *("-subj", "/CN=Shop authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", str(authority.key), "-out", str(authority.certificate)),
        )
        print("a new authority has been founded")
    return authority


def list_expiring(folder: Path, hosts: list[str], ahead: timedelta) -> list[str]:
    """The hosts that have no certificate, or one that ends within that time."""
    expiring = []
    for host in hosts:
        certificate = folder / f"{host}.pem"
        left = end_of(certificate) - datetime.now(UTC) if certificate.exists() else timedelta(0)
        print(f"{host}: {left.days} days left" if left else f"{host}: no certificate")
        if left <= ahead:
            expiring.append(host)
    return expiring


def issue(authority: Authority, host: str, valid: timedelta, folder: Path) -> Path:
    """A new key and certificate for the host, both in one file of the folder. No server reads it yet."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{host}.pem"
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        (work / "extensions").write_text(
            f"subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n"
        )
        openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"),
            *("-subj", f"/CN={host}", "-keyout", str(work / "key"), "-out", str(work / "request")),
        )
        openssl(
            *("x509", "-req", "-in", str(work / "request"), "-days", str(valid.days)),
            *("-CA", str(authority.certificate), "-CAkey", str(authority.key)),
            *("-set_serial", str(int.from_bytes(os.urandom(16)))),
            *("-extfile", str(work / "extensions"), "-out", str(work / "certificate")),
        )
        pair = work / "pair"
        pair.touch(0o600)
        pair.write_text((work / "key").read_text() + (work / "certificate").read_text())
        pair.replace(path)
    print(f"{host} has a certificate until {end_of(path):%Y-%m-%d}")
    return path


def verify(authority: Authority, certificate: Path) -> None:
    """Raises where a browser that trusts the authority would not trust the certificate for its host."""
    host = certificate.name.removesuffix(".pem")
    openssl(
        *("verify", "-CAfile", str(authority.certificate), "-purpose", "sslserver"),
        *("-verify_hostname", host, str(certificate)),
    )


def install(pair: Path, folder: Path) -> Path:
    """Puts the pair where the server reads it, in one step: the server finds the old one or the new one. The old one is
    kept as `HOST.before`. Done twice, it is as if done once.
    """
    path = folder / pair.name
    if pair.exists():  # an attempt before this one may have moved it already
        before = path.with_suffix(".before")
        before.unlink(missing_ok=True)
        if path.exists():
            before.hardlink_to(path)
        pair.replace(path)
    return path


def put_back(installed: list[Path | None]) -> list[Path]:
    """Undoes `install` where there was a certificate before, and returns which ones these are."""
    back = [path for path in installed if path is not None and path.with_suffix(".before").exists()]
    for path in back:
        path.with_suffix(".before").replace(path)
        print(f"{path.stem} has its old certificate again, until {end_of(path):%Y-%m-%d}")
    return back


def end_of(certificate: Path) -> datetime:
    """When it ends, in UTC."""
    said = openssl("x509", "-in", str(certificate), "-noout", "-enddate", "-dateopt", "iso_8601")
    return datetime.fromisoformat(said.partition("=")[2].strip())


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
