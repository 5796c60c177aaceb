"""https: what is served, what asks, and a certificate that is replaced while the program runs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
from pathlib import Path

import pytest

from ppacer.client import AwayError, Client
from ppacer.runfile import read_run_file
from tests.e2e.world import World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).with_name("tls")
"""A pipeline; `first.pem` and `second.pem`: certificates of 127.0.0.1 with their keys, each its own authority, for a
hundred years."""

FIRST, SECOND = FOLDER / "first.pem", FOLDER / "second.pem"


def served_certificate(port: int) -> str:
    """The certificate that answers, whoever trusts it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 60) as plain, context.wrap_socket(plain) as secured:
        found = secured.getpeercert(binary_form=True)
        assert found is not None
        return ssl.DER_cert_to_PEM_cert(found)


def test_a_program_speaks_tls_to_commands_scripts_and_executors(world: World) -> None:
    program = world.build(FOLDER / "hello.ppd")
    certificate = world.folder / "served.pem"
    shutil.copy(FIRST, certificate)
    made = world.call(program, "token", "add", "box", "--scope", "executor")
    assert made.returncode == 0, made.stderr
    executors = made.stdout.strip()
    secret = world.call(program, "token").stdout.strip()
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    server = world.start(
        program, "scheduler", "--port", str(port), "--tls-cert", str(certificate), "--proxy", "10.0.0.1"
    )
    wait_until(lambda: read_run_file(program.with_suffix(".run.json")) is not None, "the run file")

    # Commands on this machine know the certificate from the run file; scripts are told whom to trust.
    assert world.call(program, "trigger", "hello").returncode == 0
    with pytest.raises(AwayError, match=r"its certificate cannot be trusted: .*--tls-ca names its authority"):
        Client(url, secret).runs()
    asked = ("runs", "--scheduler", url, "--token", secret)
    assert "cannot be trusted" in world.call(program, *asked).stderr
    listed = world.call(program, *asked, "--tls-ca", str(FIRST))
    assert "hello" in listed.stdout, listed.stderr

    for given, says in (
        (("--token", executors), "cannot be trusted: self-signed certificate (--tls-ca names the authority"),
        (("--token", "wrong", "--tls-ca", str(FIRST)), "refuses this executor's token"),
        (("--token", executors, "--tls-ca", str(FIRST)), "works for https://"),
    ):
        executor = world.start(program, "executor", "--scheduler", url, *given)
        wait_until(lambda executor=executor, says=says: says in executor.text, says)
        assert "SSL Error on" not in executor.text
    with Client(url, secret, tls=ssl.create_default_context(cafile=str(FIRST))) as client:
        wait_until(lambda: client.runs().runs[0].status == "success", "the run to end")
        assert client.me().user.startswith("token:")

    # Replaced by a pair that does not fit, it stays; then it is another one.
    certificate.write_text("no certificate")
    os.kill(server.popen.pid, signal.SIGHUP)
    wait_until(lambda: "the certificate stays as it was" in server.text, "the refusal")
    assert served_certificate(port) in FIRST.read_text()
    shutil.copy(SECOND, certificate)
    os.kill(server.popen.pid, signal.SIGHUP)
    wait_until(lambda: "the certificate has been read anew" in server.text, "the certificate to be read")
    assert served_certificate(port) in SECOND.read_text()
    assert world.call(program, "runs").returncode == 0  # the run file has it, too
    assert "Traceback" not in server.text
