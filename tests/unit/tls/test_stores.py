"""Keys and certificates out of text and files."""

import base64
from pathlib import Path

import pytest

from pykafka_cli.tls.jks import read_jks
from pykafka_cli.tls.stores import BadStore, KeyStore, TrustStore, identity, trusted_certificates

JKS = base64.b64decode(
    "/u3+7QAAAAIAAAABAAAAAQACbWUAAAGiELb+bQAAAH8wfTAOBgorBgEEASoCEQEBBQAEa/ZhI94ARSlBCSo2iYqxusffjHXYs5ObTQlu573GOT"
    "ECaxzTiT7S9H9mK39hDD/iUzcIXklq7JgOK7B9BpHyPytGxYVi2SvUUsDEgjMu+lCd7BP1sW50VI1WqalPCZlcsyfh7xdsiLs6C1UcAAAAAQAF"
    "WC41MDkAAAFFMIIBQTCB6KADAgECAgkApkT4iWPCKh0wCgYIKoZIzj0EAwIwFDESMBAGA1UEAxMJbG9jYWxob3N0MCAXDTI2MTEyNTAzMTkxN1"
    "oYDzIxMjYxMTAxMDMxOTE3WjAUMRIwEAYDVQQDEwlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASLKpYIUqYNSsIXuHKW+EOx"
    "rUwvQGXC/XeCHdi3NI95TPSlao0K0DkW4vr4RVyPLiFcdptXmwowVO01KyZ8ly6HoyEwHzAdBgNVHQ4EFgQU6kBksozDe4r7QtOE5Vi2FDT/Iw"
    "MwCgYIKoZIzj0EAwIDSAAwRQIgX0v67zdK0KyYue/rvZnfUXOjXN698N56n1bwdBX6GEkCIQC1FypMaurBEHcvdKtUOE9eM0rZvaFSFNu1IWbO"
    "0a/0NH327h+3n9NhpZR3kIjuPfnsOmLN"
)
"""keytool -genkeypair -keyalg EC -groupname secp256r1 -storetype JKS -storepass changeit -keypass other-secret"""


def test_a_jks_store_gives_its_key_and_certificates() -> None:
    entries = read_jks(JKS, "changeit", "other-secret")

    assert entries.key
    assert len(entries.chain) == 1
    assert entries.certificates == entries.chain


def test_certificates_can_be_read_without_passwords() -> None:
    entries = read_jks(JKS, None, None)

    assert (entries.key, len(entries.certificates)) == (None, 1)


@pytest.mark.parametrize(
    ("data", "password", "key_password", "message"),
    [
        (JKS, "wrong", None, "tampered with, or password was incorrect"),
        (JKS, "changeit", "wrong", "cannot recover the key; check ssl.key.password"),
        (JKS[:100], None, None, "is truncated"),
        (JKS[:11] + b"\2" + JKS[12:], None, None, "is truncated"),
        (JKS[:15] + b"\7" + JKS[16:], None, None, "cannot have an entry of kind 7"),
    ],
)
def test_a_jks_store_that_cannot_be_read_is_rejected(
    data: bytes, password: str | None, key_password: str | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_jks(data, password, key_password)


def test_stores_may_be_jks(tmp_path: Path) -> None:
    store = tmp_path / "store.jks"
    store.write_bytes(JKS)

    trusted = trusted_certificates(TrustStore(str(store), password="changeit"))
    shown = identity(KeyStore(str(store), "JKS", "changeit", "other-secret"))

    assert trusted
    assert shown
    assert shown.pem.startswith(trusted)
    assert "BEGIN PRIVATE KEY" in shown.pem


def test_a_jceks_store_learns_how_to_become_one_that_can_be_read(tmp_path: Path) -> None:
    store = tmp_path / "store.jceks"
    store.write_bytes(b"\xce\xce\xce\xce\x00\x00\x00\x02")

    with pytest.raises(BadStore, match="keytool -importkeystore"):
        trusted_certificates(TrustStore(str(store)))


def test_files_that_are_no_store_at_all_are_named(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(b"\x00\xff")

    with pytest.raises(BadStore, match=f"Failed to load SSL keystore {store}: "):
        trusted_certificates(TrustStore(str(store)))
    with pytest.raises(BadStore, match="it is not PEM"):
        trusted_certificates(TrustStore(str(store), "PEM"))
    with pytest.raises(BadStore, match="none: no such file or directory"):
        trusted_certificates(TrustStore(str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (
            {"certificates": "x", "type": "PKCS12"},
            "SSL trust store certs can be specified only for PEM, but trust store type is PKCS12.",
        ),
        (
            {"certificates": "x", "location": "y"},
            "Both SSL trust store location and separate trust certificates are specified.",
        ),
        (
            {"certificates": "x", "password": "y"},
            "SSL trust store password cannot be specified for PEM format.",
        ),
        (
            {"password": "y"},
            "SSL trust store is not specified, but trust store password is specified.",
        ),
    ],
)
def test_settings_of_the_truststore_that_do_not_go_together(properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadStore) as raised:
        trusted_certificates(TrustStore(**properties))
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (
            {"key": "x", "type": "JKS"},
            "SSL private key can be specified only for PEM, but key store type is JKS.",
        ),
        ({"key": "x"}, "SSL private key is specified, but certificate chain is not specified."),
        (
            {"key": "x", "certificate_chain": "y", "location": "z"},
            "Both SSL key store location and separate private key are specified.",
        ),
        (
            {"certificate_chain": "y"},
            "SSL certificate chain is specified, but private key is not specified",
        ),
        ({"password": "y"}, "SSL key store is not specified, but key store password is specified."),
        (
            {"location": __file__, "type": "PKCS12"},
            "SSL key store is specified, but key store password is not specified.",
        ),
        (
            {"location": __file__, "type": "PEM", "password": "y"},
            "SSL key store password cannot be specified with PEM format, only key password may be specified",
        ),
    ],
)
def test_settings_of_the_keystore_that_do_not_go_together(properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadStore) as raised:
        identity(KeyStore(**properties))
    assert str(raised.value) == message
