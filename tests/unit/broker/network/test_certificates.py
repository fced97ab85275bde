"""Subjects of certificates as text; what is expected was printed by Java 17's X500Principal.getName."""

import ssl

import pytest

from pykafka_cli.broker.network.certificates import distinguished_name
from tests.support.certificates import Authority


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (r"CN=alice,O=Example\, Inc.,C=DE", r"CN=alice,O=Example\, Inc.,C=DE"),
        ("1.2.840.113549.1.9.1=a@b.c,CN=a", "1.2.840.113549.1.9.1=#16056140622e63,CN=a"),
        ("DC=org,CN=a+UID=u", "DC=org,CN=a+UID=u"),
        (r"CN=\ #a\"b\+c\;\<d\>\\\ ", r"CN=\ \#a\"b\+c\;\<d\>\\\ "),
        ("CN=ä=ö", r"CN=ä\=ö"),
        ("OU=o u,ST=st,L=l,STREET=s,2.5.4.5=12", "OU=o u,ST=st,L=l,STREET=s,2.5.4.5=#13023132"),
        (f"2.5.4.12={'x' * 200},CN=a", f"2.5.4.12=#0c81c8{'78' * 200},CN=a"),
    ],
)
def test_a_subject_is_written_as_java_writes_it(subject: str, expected: str) -> None:
    certificate = Authority().identity(subject).certificate

    assert distinguished_name(ssl.PEM_cert_to_DER_cert(certificate)) == expected


def test_what_is_no_certificate_is_rejected() -> None:
    with pytest.raises(ValueError):
        distinguished_name(b"\x30\x00")
