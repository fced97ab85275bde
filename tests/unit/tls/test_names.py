"""Names as Java 17's X500Principal.getName() wrote them for the same bytes."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pykafka_cli.tls.names import is_name, name_text, subject_of


def attribute(oid: x509.ObjectIdentifier, value: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value)])


@pytest.mark.parametrize(
    ("oid", "value", "text"),
    [
        (NameOID.COMMON_NAME, " #lead = and trail ", r"CN=\ \#lead \= and trail\ "),
        (NameOID.ORGANIZATION_NAME, 'Ac,me "x" + <y>; \\z', r"O=Ac\,me \"x\" \+ \<y\>\; \\z"),
        (NameOID.COMMON_NAME, "  two  ", r"CN=\ \ two\ \ "),
        (NameOID.COMMON_NAME, "a\nb\0c", "CN=a\nb\\00c"),
        (NameOID.LOCALITY_NAME, "Ä ö  ü", "L=Ä ö  ü"),
        (NameOID.EMAIL_ADDRESS, "a@b.c", "1.2.840.113549.1.9.1=#16056140622e63"),
        (NameOID.SERIAL_NUMBER, "12", "2.5.4.5=#13023132"),
        (NameOID.GIVEN_NAME, "g", "2.5.4.42=#0c0167"),
        (NameOID.GIVEN_NAME, "g" * 200, "2.5.4.42=#0c81c8" + "67" * 200),
    ],
)
def test_an_attribute_is_escaped_as_in_java(oid: x509.ObjectIdentifier, value: str, text: str) -> None:
    assert name_text(attribute(oid, value)) == text


def test_the_last_part_comes_first() -> None:
    name = x509.Name(
        [
            x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COUNTRY_NAME, "US")]),
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(NameOID.COMMON_NAME, "a"),
                    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "b"),
                ]
            ),
        ]
    )

    assert name_text(name) == "CN=a+OU=b,C=US"
    assert name_text(x509.Name([])) == ""


def test_bytes_that_are_no_certificate_have_no_subject() -> None:
    with pytest.raises(ValueError, match="error parsing"):
        subject_of(b"\x30\x03abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("CN=a,O=b", True), ("EMAILADDRESS=a@b.c,CN=a", True), ("alice", False), ("CN", False), ("1.2.3=#0c0167", True)],
)
def test_a_name_is_recognized(text: str, expected: bool) -> None:
    assert is_name(text) is expected
