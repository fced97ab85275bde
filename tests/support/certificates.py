"""Certificates made for a test."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "let me in"


@dataclass
class Identity:
    """A self-signed certificate and its key, in PEM."""

    certificate: str
    key: str
    encrypted_key: str


def identity(name: str) -> Identity:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.datetime(2020, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )

    def pem(encryption: serialization.KeySerializationEncryption) -> str:
        form = serialization.PrivateFormat.PKCS8
        return private.private_bytes(serialization.Encoding.PEM, form, encryption).decode()

    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        pem(serialization.NoEncryption()),
        pem(serialization.BestAvailableEncryption(PASSWORD.encode())),
    )


class Authority:
    """Signs certificates; `certificate` is its own, in PEM."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        its = self._builder(self._name, self._key, datetime.timedelta(days=30))
        its = its.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = its.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def identity(
        self,
        subject: str,
        *,
        hosts: Sequence[str] = ("localhost", "127.0.0.1"),
        lasts: datetime.timedelta = datetime.timedelta(days=30),
    ) -> Identity:
        """A certificate for a subject such as `CN=alice,OU=Ops`, valid since two days ago for `lasts` from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [_host_name(host) for host in hosts]
        its = self._builder(x509.Name.from_rfc4514_string(subject), key, lasts)
        if names:
            its = its.add_extension(x509.SubjectAlternativeName(names), critical=False)
        its = its.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
        encryption = serialization.BestAvailableEncryption(PASSWORD.encode())
        return Identity(
            its.sign(self._key, hashes.SHA256()).public_bytes(encoding).decode(),
            key.private_bytes(encoding, form, serialization.NoEncryption()).decode(),
            key.private_bytes(encoding, form, encryption).decode(),
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: datetime.timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + lasts)
        )


def pem_store(file: Path, of: Identity) -> Path:
    """A file with a key and its certificate."""
    file.write_text(of.key + of.certificate)
    return file


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
