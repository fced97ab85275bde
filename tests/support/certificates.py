"""Certificates made for a test."""

import datetime
from dataclasses import dataclass

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
