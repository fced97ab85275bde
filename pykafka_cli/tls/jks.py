"""Reads Java's own key stores, JKS, as far as TLS needs them. All numbers are big-endian.

    0xFEEDFEED uint32, version uint32 (2; in 1 certificates have no type), number of entries uint32
    entry         1 uint32, alias, time uint64, key, number of certificates uint32, certificates
                  2 uint32, alias, time uint64, certificate
    alias, type   length uint16, text
    key           length uint32, DER: SEQUENCE { SEQUENCE { algorithm }, OCTET STRING { salt 20, key, check 20 } }
    certificate   type, length uint32, DER
    at the end    SHA-1 of the password, "Mighty Aphrodite" and all bytes before, 20 bytes

A key is PKCS 8, XORed with SHA-1(password, salt), SHA-1(password, previous hash) and so on; its check is
SHA-1(password, key). The passwords are hashed as UTF-16.

source  sun.security.provider.JavaKeyStore and KeyProtector
"""

import hashlib
from typing import NamedTuple

JKS_MAGIC = b"\xfe\xed\xfe\xed"
_SALT = b"Mighty Aphrodite"
_DIGEST_LENGTH = 20
_KEY_ENTRY, _CERTIFICATE_ENTRY = 1, 2
_SEQUENCE, _OCTET_STRING = 0x30, 0x04


class StoreEntries(NamedTuple):
    """The contents of a store as DER: certificates, the first private key (PKCS 8), and its certificate chain."""

    certificates: list[bytes]
    """The trusted certificates; as in Java, the first certificate of each key is one of them."""
    key: bytes | None
    chain: list[bytes]


def read_jks(data: bytes, password: str | None, key_password: str | None) -> StoreEntries:
    """The contents of a store: not verified without `password`, and without keys if there is no `key_password`.

    raises    ValueError if it is not such a store, or a password is wrong
    """
    content, digest = data[:-_DIGEST_LENGTH], data[-_DIGEST_LENGTH:]
    if password is not None and _sha1(password.encode("utf-16-be"), _SALT, content) != digest:
        raise ValueError("keystore was tampered with, or password was incorrect")
    reader = _JksReader(content)
    entries = StoreEntries([], None, [])
    for _ in range(reader.entry_count):
        kind, _, _ = reader.number(), reader.text(), reader.take(8)
        if kind == _CERTIFICATE_ENTRY:
            entries.certificates.append(reader.certificate())
        elif kind == _KEY_ENTRY:
            protected = reader.take(reader.number())
            chain = [reader.certificate() for _ in range(reader.number())]
            entries.certificates.extend(chain[:1])
            if entries.key is None and key_password is not None:
                entries = entries._replace(key=_unprotected(protected, key_password), chain=chain)
        else:
            raise ValueError(f"a JKS store cannot have an entry of kind {kind}")
    return entries


class _JksReader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = len(JKS_MAGIC)
        self._version = self.number()
        self.entry_count = self.number()

    def take(self, length: int) -> bytes:
        taken = self._content[self._position : self._position + length]
        if len(taken) < length:
            raise ValueError("it is truncated")
        self._position += length
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4))

    def text(self) -> bytes:
        return self.take(int.from_bytes(self.take(2)))

    def certificate(self) -> bytes:
        if self._version > 1:
            self.text()
        return self.take(self.number())


def _unprotected(protected: bytes, password: str) -> bytes:
    """The encrypted key in SEQUENCE { SEQUENCE, OCTET STRING }."""
    sequence, _ = _der(protected, _SEQUENCE)
    _, rest = _der(sequence, _SEQUENCE)
    data, _ = _der(rest, _OCTET_STRING)
    secret = password.encode("utf-16-be")
    salt, hidden, check = data[:_DIGEST_LENGTH], data[_DIGEST_LENGTH:-_DIGEST_LENGTH], data[-_DIGEST_LENGTH:]
    stream = bytearray()
    while len(stream) < len(hidden):
        salt = _sha1(secret, salt)
        stream += salt
    key = bytes(a ^ b for a, b in zip(hidden, stream, strict=False))
    if _sha1(secret, key) != check:
        raise ValueError("cannot recover the key; check ssl.key.password")
    return key


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first element, and the bytes after the element."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("its private key is damaged")
    start, length = 2, data[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    return data[start : start + length], data[start + length :]


def _sha1(*parts: bytes) -> bytes:
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).digest()
