"""Keys and certificates out of properties and files. What a store means to TLS is in test_security.py."""

import base64
from pathlib import Path

import pytest

from pykafka_cli.clients.security.jks import read_jks
from pykafka_cli.clients.security.key_stores import Identity, identity, trusted_certificates
from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.properties.security import SecuritySettings

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


def certificates(**properties: str) -> str | None:
    return trusted_certificates(SecuritySettings({name.replace("_", "."): value for name, value in properties.items()}))


def own(**properties: str) -> Identity | None:
    return identity(SecuritySettings({name.replace("_", "."): value for name, value in properties.items()}))


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

    trusted = certificates(ssl_truststore_location=str(store), ssl_truststore_password="changeit")
    shown = own(
        ssl_keystore_location=str(store), ssl_keystore_password="changeit", ssl_key_password="other-secret",
        ssl_keystore_type="JKS",
    )  # fmt: skip

    assert trusted
    assert shown
    assert shown.pem.startswith(trusted)
    assert "BEGIN PRIVATE KEY" in shown.pem


def test_a_jceks_store_learns_how_to_become_one_that_can_be_read(tmp_path: Path) -> None:
    store = tmp_path / "store.jceks"
    store.write_bytes(b"\xce\xce\xce\xce\x00\x00\x00\x02")

    with pytest.raises(BadClientSetting, match="keytool -importkeystore"):
        certificates(ssl_truststore_location=str(store))


def test_files_that_are_no_store_at_all_are_named(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(b"\x00\xff")

    with pytest.raises(BadClientSetting, match=f"Failed to load SSL keystore {store}: "):
        certificates(ssl_truststore_location=str(store))
    with pytest.raises(BadClientSetting, match="it is not PEM"):
        certificates(ssl_truststore_location=str(store), ssl_truststore_type="PEM")
    with pytest.raises(BadClientSetting, match="none: no such file or directory"):
        certificates(ssl_truststore_location=str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (
            {"ssl_truststore_certificates": "x", "ssl_truststore_type": "PKCS12"},
            "SSL trust store certs can be specified only for PEM, but trust store type is PKCS12.",
        ),
        (
            {"ssl_truststore_certificates": "x", "ssl_truststore_location": "y"},
            "Both SSL trust store location and separate trust certificates are specified.",
        ),
        (
            {"ssl_truststore_certificates": "x", "ssl_truststore_password": "y"},
            "SSL trust store password cannot be specified for PEM format.",
        ),
        (
            {"ssl_truststore_password": "y"},
            "SSL trust store is not specified, but trust store password is specified.",
        ),
    ],
)
def test_settings_of_the_truststore_that_do_not_go_together(properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadClientSetting) as raised:
        certificates(**properties)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (
            {"ssl_keystore_key": "x", "ssl_keystore_type": "JKS"},
            "SSL private key can be specified only for PEM, but key store type is JKS.",
        ),
        ({"ssl_keystore_key": "x"}, "SSL private key is specified, but certificate chain is not specified."),
        (
            {"ssl_keystore_key": "x", "ssl_keystore_certificate_chain": "y", "ssl_keystore_location": "z"},
            "Both SSL key store location and separate private key are specified.",
        ),
        (
            {"ssl_keystore_certificate_chain": "y"},
            "SSL certificate chain is specified, but private key is not specified",
        ),
        ({"ssl_keystore_password": "y"}, "SSL key store is not specified, but key store password is specified."),
        (
            {"ssl_keystore_location": __file__, "ssl_keystore_type": "PKCS12"},
            "SSL key store is specified, but key store password is not specified.",
        ),
        (
            {"ssl_keystore_location": __file__, "ssl_keystore_type": "PEM", "ssl_keystore_password": "y"},
            "SSL key store password cannot be specified with PEM format, only key password may be specified",
        ),
    ],
)
def test_settings_of_the_keystore_that_do_not_go_together(properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadClientSetting) as raised:
        own(**properties)
    assert str(raised.value) == message
