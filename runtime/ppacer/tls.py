"""TLS for what a program serves, and for what its executors and commands ask of another one.

What serves keeps its private key and certificate in files that may be replaced while it runs; SIGHUP reads them anew.
Commands on the same machine know that very certificate from the run file, and so need no name in it that fits.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path


class TlsError(Exception):
    """Files that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ServedTls:
    """The certificate with those that lead to its authority, and the key, both in PEM; they may be one file."""

    certificate: Path
    key: Path
    context: ssl.SSLContext = field(default_factory=lambda: ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))

    def load(self) -> str:
        """Reads the files: connections from now on are served with them. Returns the certificate, in PEM.

        Raises `TlsError`, and then goes on with what was read before.
        """
        try:
            text = self.certificate.read_text(encoding="ascii", errors="replace")
            trial = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)  # half a change would be worse than none
            for context in (trial, self.context):
                context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            files = f"{self.certificate} and {self.key}"
            raise TlsError(f"{files} are no certificate and its key, in PEM: {_reason(error)}") from error
        except OSError as error:
            raise TlsError(
                f"cannot read {error.filename or self.key}: {(error.strerror or str(error)).lower()}"
            ) from error
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        return f"{begin}{text.partition(begin)[2].partition(end)[0]}{end}\n"


def asking(authorities: str | None, pinned: str | None = None) -> ssl.SSLContext | None:
    """What a client asks with: the system's authorities, those of the file `authorities` besides; or, where it is known
    which certificate it must be, only that one. None stands for the system's alone. Raises `TlsError`."""
    if pinned is not None:
        context = ssl.create_default_context(cadata=pinned)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be its own authority
        context.check_hostname = False
        return context
    if authorities is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(authorities)
    except ssl.SSLError as error:
        raise TlsError(f"{authorities} holds no certificates of authorities, in PEM: {_reason(error)}") from error
    except OSError as error:
        raise TlsError(f"cannot read {authorities}: {(error.strerror or str(error)).lower()}") from error
    return context


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
