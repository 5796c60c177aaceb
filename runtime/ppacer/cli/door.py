"""How a program is reached and who is let in: its address, its certificate, the secret for this machine's commands."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ppacer.cli.command import CommandError, Invocation
from ppacer.config import LOOPBACK, Config
from ppacer.runfile import RunFile, remove_run_file, write_run_file
from ppacer.services.accounts import Accounts
from ppacer.tls import ServedTls, TlsError
from ppacer.web.security import Access, networks

_ANY = ("0.0.0.0", "::")  # noqa: S104 (compared only)
_log = logging.getLogger("ppacer")


@dataclass(frozen=True, slots=True)
class Door:
    """`host` is the address that is served on, `secret` lets a client of this machine in: the token of the settings, or
    one that was made for this start and that the run file alone tells."""

    host: str
    access: Access
    secret: str
    tls: ServedTls | None

    @property
    def context(self) -> ssl.SSLContext | None:
        """What the sockets are served with."""
        return None if self.tls is None else self.tls.context

    def address(self, host: str, port: int) -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def page(self, port: int) -> str:
        """The address by which people and other machines reach the program, as far as this program can tell."""
        return self.address(os.uname().nodename if self.host in _ANY else self.host, port)

    def refuse_unguarded(self, invocation: Invocation, accounts: Accounts) -> None:
        """Raises `CommandError` where others can ask, and nobody could be known."""
        if self.access.exposed and self.access.token is None and not accounts.has_users and not accounts.tokens():
            where = f"serving on {self.host}" if not self.access.proxies else "serving behind a proxy"
            command = invocation.program_command
            raise CommandError(
                f"{where} needs a token or a user: `{command} token` makes a token, `{command} user add NAME --role "
                "admin` a user; or set PPACER_TOKEN",
                2,
            )

    @contextmanager
    def announced(self, config: Config, port: int, instance: str) -> Iterator[None]:
        """The run file is there meanwhile, by which commands on this machine find the program; and on SIGHUP its
        certificate is read anew. Raises `CommandError`."""
        self._announce(config, port, instance, self._certificate())
        loop = asyncio.get_running_loop()
        if self.tls is not None:
            loop.add_signal_handler(signal.SIGHUP, self._renew, config, port, instance)
        try:
            yield
        finally:
            if self.tls is not None:
                loop.remove_signal_handler(signal.SIGHUP)
            remove_run_file(config.run_file, instance)

    def _renew(self, config: Config, port: int, instance: str) -> None:
        try:
            self._announce(config, port, instance, self._certificate())
        except CommandError as error:
            _log.error("the certificate stays as it was: %s", error)
        else:
            _log.info("the certificate has been read anew")

    def _certificate(self) -> str | None:
        try:
            return None if self.tls is None else self.tls.load()
        except TlsError as error:
            raise CommandError(str(error)) from error

    def _announce(self, config: Config, port: int, instance: str, certificate: str | None) -> None:
        here = self.address(_reachable(self.host), port)
        try:
            write_run_file(config.run_file, RunFile(here, os.getpid(), instance, self.secret, certificate))
        except OSError as error:
            raise CommandError(f"cannot write {config.run_file}: {(error.strerror or str(error)).lower()}") from error


def door_of(config: Config, host: str, *, public: bool = True) -> Door:
    """Unless it is `public`, only this machine's commands come in, and nothing of the network's is needed.

    Raises `CommandError` where the certificate cannot be used.
    """
    tls = None
    if public and config.tls_cert is not None:
        tls = ServedTls(Path(config.tls_cert), Path(config.tls_key or config.tls_cert))
        try:
            tls.load()
        except TlsError as error:
            raise CommandError(str(error)) from error
    secret = config.token or secrets.token_urlsafe(32)
    access = Access(
        host,
        config.token,
        machine=None if config.token is not None else secret,
        proxies=networks(config.proxies) if public else (),
    )
    return Door(host, access, secret, tls)


def _reachable(host: str) -> str:
    """The name by which programs on this machine reach what serves on `host`."""
    return LOOPBACK if host == "0.0.0.0" else "::1" if host == "::" else host  # noqa: S104 (compared only)
