"""The name of a certificate's owner as Java writes it: RFC 2253, the last part first.

    CN=broker-1,OU=Kafka,O=Example,C=US

Attributes that RFC 2253 has no keyword for are written by number, with the hex of their DER encoding.
source    javax.security.auth.x500.X500Principal.getName, sun.security.x509.AVA
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

_KEYWORDS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}
_ESCAPED = ',=+<>#;"\\'


def subject_of(certificate: bytes) -> str:
    """The subject of a DER-encoded certificate; raises ValueError if it is not one."""
    return name_text(x509.load_der_x509_certificate(certificate).subject)


def name_text(name: x509.Name) -> str:
    """A distinguished name as text."""
    return ",".join("+".join(_attribute(each) for each in part) for part in reversed(name.rdns))


def is_name(text: str) -> bool:
    """Whether a text is a distinguished name."""
    try:
        x509.Name.from_rfc4514_string(text, {"EMAILADDRESS": NameOID.EMAIL_ADDRESS})
    except ValueError:
        return False
    return True


def _attribute(attribute: x509.NameAttribute[str | bytes]) -> str:
    keyword = _KEYWORDS.get(attribute.oid)
    if keyword is None or not isinstance(attribute.value, str):
        return f"{attribute.oid.dotted_string}=#{_der(attribute).hex()}"
    return f"{keyword}={_escaped(attribute.value)}"


def _escaped(value: str) -> str:
    core = value.strip(" ")
    before = len(value) - len(value.lstrip(" ")) if core else len(value)
    after = len(value) - before - len(core)
    text = "".join(f"\\{each}" if each in _ESCAPED else each for each in core).replace("\0", "\\00")
    return "\\ " * before + text + "\\ " * after


def _der(attribute: x509.NameAttribute[str | bytes]) -> bytes:
    """The value in the certificate's encoding, with tag and length.

    A name is SEQUENCE { SET { SEQUENCE { OBJECT IDENTIFIER, value } } }; with one attribute, it ends with the value.
    """
    encoded = x509.Name([attribute]).public_bytes()
    for _ in range(3):
        encoded = encoded[_header_length(encoded) :]
    return encoded[_header_length(encoded) + encoded[1] :]


def _header_length(encoded: bytes) -> int:
    """The number of bytes of the tag and the length."""
    return 2 + (encoded[1] & 0x7F if encoded[1] & 0x80 else 0)
