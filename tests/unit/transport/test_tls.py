"""What becomes of a connection where the two sides do not believe each other's certificates."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pykafka_cli.model import Seconds
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import (
    CertificateOfAnother,
    CertificateOutdated,
    CertificateRefused,
    ClientCertificateRefused,
    Rejected,
)
from tests.support.polling import PATIENCE_S

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def certificate(file: Path, host: str = "localhost", start: datetime.datetime = NOW - DAY, days: int = 2) -> Path:
    """A file with a key and a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + days * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    return file


@contextmanager
def listener(shown: Path, *, trusted: Path | None = None) -> Iterator[int]:
    """A port with TLS where one client is let in and nobody answers; with `trusted` it wants a certificate of it.

    It runs in a separate thread, since asyncio's servers hang up before they have sent their alert.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown)
    if trusted:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusted)

    def listen() -> None:
        with suppress(OSError):
            accepted, _ = server.accept()
            with accepted:
                with suppress(ssl.SSLError):
                    context.wrap_socket(accepted.dup(), server_side=True).close()
                while accepted.recv(1024):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


async def ask(port: int, trusted: Path | None) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusted:
        context.load_verify_locations(trusted)
    connection = await Connection.open("localhost", port, client_id=None, tls=context, timeout=Seconds(PATIENCE_S))
    try:
        await connection.api_versions()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("days_ago", "host", "kind", "reason"),
    [
        (3, "localhost", CertificateOutdated, "certificate has expired"),
        (-1, "localhost", CertificateOutdated, "certificate is not yet valid"),
        (1, "elsewhere", CertificateOfAnother, "Hostname mismatch, certificate is not valid for 'localhost'"),
    ],
)
async def test_a_certificate_that_does_not_fit_is_rejected(
    tmp_path: Path, days_ago: int, host: str, kind: type[Rejected], reason: str
) -> None:
    shown = certificate(tmp_path / "broker.pem", host, NOW - days_ago * DAY)

    with listener(shown) as port, pytest.raises(kind) as raised:
        await ask(port, shown)

    assert str(raised.value) == f"the certificate of localhost:{port} is not trusted: {reason}"


async def test_a_certificate_that_nobody_vouches_for_is_rejected(tmp_path: Path) -> None:
    with listener(certificate(tmp_path / "broker.pem")) as port, pytest.raises(CertificateRefused, match="self-signed"):
        await ask(port, None)


async def test_a_broker_that_wants_a_certificate_says_so(tmp_path: Path) -> None:
    shown = certificate(tmp_path / "broker.pem")

    with listener(shown, trusted=shown) as port, pytest.raises(ClientCertificateRefused) as raised:
        await ask(port, shown)

    assert str(raised.value) == f"localhost:{port} rejected this client's certificate, or requires one"
