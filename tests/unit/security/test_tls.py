"""TLS out of properties, with certificates made on the spot."""

import datetime
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.security import tls
from pykafka_cli.security.settings import security_settings

PASSWORD = "changeit"


class Certificate:
    """A key and a certificate that vouches for itself."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def own() -> Certificate:
    return Certificate()


def trusted(context: ssl.SSLContext | None) -> list[str]:
    assert context
    authorities: list[Any] = context.get_ca_certs()
    return [str(dict(part[0] for part in each["subject"])["commonName"]) for each in authorities]


def tls_context(properties: Mapping[str, str]) -> ssl.SSLContext | None:
    return tls.tls_context(security_settings(properties))


def test_plaintext_is_the_default_and_needs_nothing() -> None:
    assert tls_context({}) is None


def test_an_unknown_protocol_is_rejected_with_those_that_are_known() -> None:
    with pytest.raises(BadClientSetting, match=r"Invalid value tls for configuration security\.protocol"):
        tls_context({"security.protocol": "tls"})


def test_tls_trusts_the_system_and_checks_the_host_by_default() -> None:
    context = tls_context({"security.protocol": "SSL"})

    assert context
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_an_empty_algorithm_leaves_the_host_unchecked() -> None:
    context = tls_context({"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": ""})

    assert context
    assert not context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_truststore_may_be_a_pem_file(own: Certificate, tmp_path: Path) -> None:
    store = tmp_path / "ca.pem"
    store.write_text(own.pem)
    properties = {"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.location": str(store)}

    assert trusted(tls_context(properties)) == ["localhost"]


def test_a_truststore_may_be_text_in_the_property_itself(own: Certificate) -> None:
    one_line = own.pem.replace("\n", " ")
    properties = {
        "security.protocol": "SASL_SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": one_line,
    }

    assert trusted(tls_context(properties)) == ["localhost"]


def test_stores_may_be_pkcs12(own: Certificate, tmp_path: Path) -> None:
    store = tmp_path / "store.p12"
    store.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"me", own.key, own.certificate, None, BestAvailableEncryption(PASSWORD.encode())
        )
    )
    properties = {
        "security.protocol": "SSL",
        "ssl.truststore.location": str(store),
        "ssl.truststore.password": PASSWORD,
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(store),
        "ssl.keystore.password": PASSWORD,
    }

    assert trusted(tls_context(properties)) == ["localhost"]


def test_a_keystore_may_be_pem_text(own: Certificate) -> None:
    properties = {
        "security.protocol": "SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": own.pem,
        "ssl.keystore.key": own.key_pem,
    }

    assert tls_context(properties)


def test_a_wrong_password_is_reported(own: Certificate, tmp_path: Path) -> None:
    store = tmp_path / "store.p12"
    encryption = BestAvailableEncryption(PASSWORD.encode())
    store.write_bytes(pkcs12.serialize_key_and_certificates(b"me", own.key, own.certificate, None, encryption))
    properties = {"security.protocol": "SSL", "ssl.truststore.location": str(store), "ssl.truststore.password": "wrong"}

    with pytest.raises(BadClientSetting, match=f"Failed to load SSL keystore {store}: "):
        tls_context(properties)


def test_a_key_may_be_encrypted(own: Certificate, tmp_path: Path) -> None:
    encryption = BestAvailableEncryption(b"key-secret")
    encrypted = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()
    properties = {
        "security.protocol": "SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": own.pem,
        "ssl.keystore.key": encrypted.replace("\n", " "),
        "ssl.key.password": "key-secret",
    }

    assert tls_context(properties)
    with pytest.raises(BadClientSetting, match=r"Failed to load the SSL keystore: .*check ssl\.key\.password"):
        tls_context(properties | {"ssl.key.password": "guess"})


def test_a_key_that_another_certificate_belongs_to_is_rejected(own: Certificate) -> None:
    properties = {
        "security.protocol": "SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": own.pem,
        "ssl.keystore.key": Certificate().key_pem,
    }

    with pytest.raises(BadClientSetting, match="that the certificate belongs to the key"):
        tls_context(properties)


@pytest.mark.parametrize(
    ("properties", "versions"),
    [
        ({}, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)),
        ({"ssl.enabled.protocols": "TLSv1.2"}, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)),
        (
            {"ssl.cipher.suites": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
            (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
        ),
        ({"ssl.cipher.suites": "TLS_AES_256_GCM_SHA384"}, (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)),
    ],
)
def test_versions_are_those_enabled_that_have_a_cipher_suite(
    properties: dict[str, str], versions: tuple[ssl.TLSVersion, ssl.TLSVersion]
) -> None:
    context = tls_context({"security.protocol": "SSL", **properties})

    assert context
    assert (context.minimum_version, context.maximum_version) == versions


@pytest.mark.parametrize(
    ("suite", "name"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
    ],
)
def test_only_the_cipher_suites_that_are_named_are_offered(suite: str, name: str) -> None:
    context = tls_context({"security.protocol": "SSL", "ssl.cipher.suites": suite})

    assert context
    assert [each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"] == [name]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"ssl.cipher.suites": "TLS_NULL"}, "Unsupported CipherSuite: TLS_NULL"),
        ({"ssl.enabled.protocols": "TLSv1.1"}, "Invalid value TLSv1.1 for configuration ssl.enabled.protocols"),
        (
            {"ssl.enabled.protocols": "TLSv1.2", "ssl.cipher.suites": "TLS_AES_256_GCM_SHA384"},
            "ssl.cipher.suites has no cipher suite for ssl.enabled.protocols",
        ),
        ({"ssl.endpoint.identification.algorithm": "LDAP"}, "Unknown identification algorithm: ldap"),
        ({"ssl.engine.factory.class": "a.B"}, "Class a.B could not be found"),
        ({"ssl.truststore.certificates": "x", "ssl.truststore.type": "PEM"}, "Failed to load the SSL truststore"),
    ],
)
def test_what_cannot_be_is_rejected(properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadClientSetting, match=message):
        tls_context({"security.protocol": "SSL", **properties})
