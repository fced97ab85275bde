"""The owner of a client's certificate: its subject as Java's X500Principal writes it.

CN=alice,OU=Ops,O=Example Inc.,C=DE           the last part of the subject comes first, as in RFC 2253
1.2.840.113549.1.9.1=#1605612e622e63,CN=a     types without a name in RFC 2253 are numbers, and their values DER in hex
"""

import contextlib
import re
from typing import NamedTuple, TypeAlias

from cryptography import x509
from cryptography.x509.oid import NameOID

_NAMES = {
    NameOID.COMMON_NAME: "CN",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}
_SPECIAL = re.compile(r'[,=+<>#;"\\]')
_SPACE = r"\ "
_HEADER = 2  # bytes of tag and length, where the length is below 128

_Attribute: TypeAlias = "x509.NameAttribute[str] | x509.NameAttribute[bytes] | x509.NameAttribute[str | bytes]"


def distinguished_name(certificate: bytes) -> str:
    """The subject of a certificate, which is DER.

    raises    ValueError
    """
    return _text(x509.load_der_x509_certificate(certificate).subject)


class CertificateNames(NamedTuple):
    """The subject of a certificate, and the hosts for which it is valid."""

    subject: str
    hosts: frozenset[str]


def names_of_certificate(pem: str) -> CertificateNames:
    """The names in the first certificate of PEM text; raises ValueError."""
    certificate = x509.load_pem_x509_certificates(pem.encode())[0]
    hosts: frozenset[str] = frozenset()
    with contextlib.suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = frozenset(str(name.value) for name in found)
    return CertificateNames(_text(certificate.subject), hosts)


def _text(name: x509.Name) -> str:
    return ",".join("+".join(map(_attribute, part)) for part in reversed(name.rdns))


def _attribute(attribute: _Attribute) -> str:
    name, value = _NAMES.get(attribute.oid), attribute.value
    if name is None or isinstance(value, bytes):
        return f"{attribute.oid.dotted_string}=#{_der_of_value(attribute).hex()}"
    bare = _SPECIAL.sub(r"\\\g<0>", value)
    inner = bare.strip(" ")
    leading = len(bare) - len(bare.lstrip(" ")) if inner else 0
    return f"{name}={_SPACE * leading}{inner}{_SPACE * (len(bare) - leading - len(inner))}"


def _der_of_value(attribute: _Attribute) -> bytes:
    """The DER of a name that has only this attribute: SEQUENCE { SET { SEQUENCE { OBJECT IDENTIFIER, value } } }."""
    data = x509.Name([attribute]).public_bytes()
    for _ in range(3):
        data = _content(data)[0]
    return _content(data)[1]


def _content(data: bytes) -> tuple[bytes, bytes]:
    """The content of the first element of DER, and the bytes after the element."""
    start, length = _HEADER, data[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[_HEADER:start])
    return data[start : start + length], data[start + length :]
