"""Who a client is: what each scheme accepts as proof, and which clients are served. Pure.

    ip        where the connection comes from
    digest    the packet `addauth digest name:password`
    x509      the certificate that the client showed when TLS began
    sasl      a login by DIGEST-MD5 (digest_md5.py), with the passwords of the JAAS entry `Server`

Source: org.apache.zookeeper.server.{AuthenticationHelper, ZooKeeperServer.processSasl}, .auth.
"""

import hashlib
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from pykafka_cli.zookeeper.protocol.errors import AuthFailed
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.server.acl import ALWAYS_THERE, SUPER


@dataclass(frozen=True)
class Authentication:
    """What a server requires of its clients, and how it identifies them.

    schemes              those that ACLs may name and clients may use
    required             a client needs an identity of one of these schemes; empty: everybody is served
    passwords            of the users who may log in by SASL; None: there is no such login
    digest_algorithm     hashlib's name of the algorithm of `digest`
    super_digest         the `name:hash` of the super user
    super_subject        the subject of the certificate whose owner is a super user
    super_users          the SASL users who are super users
    """

    schemes: frozenset[str] = ALWAYS_THERE
    required: frozenset[str] = frozenset()
    passwords: Mapping[str, str] | None = field(default=None, repr=False)
    digest_algorithm: str = "sha1"
    super_digest: str | None = field(default=None, repr=False)
    super_subject: str | None = None
    super_users: frozenset[str] = frozenset()

    def by_packet(self, scheme: str | None, credentials: bytes, identities: Collection[Id]) -> list[Id]:
        """The identities that an auth packet proves; raises AuthFailed.

        identities    those that the connection has: its address and its certificate prove themselves
        """
        if scheme not in self.schemes or scheme == "sasl":
            offered = ", ".join(sorted(self.schemes - {"sasl"}))
            raise AuthFailed(f"authentication scheme {scheme!r} is not supported in a packet; use {offered}")
        if scheme == "digest":
            digest = digest_of(credentials, self.digest_algorithm)
            identity = Id("digest", digest)
            is_super = self.super_digest is not None and compare_digest(digest.encode(), self.super_digest.encode())
            return [SUPER, identity] if is_super else [identity]
        proven = [identity for identity in identities if identity.scheme == scheme]
        if not proven:
            raise AuthFailed("the client has shown no certificate")
        return proven

    def by_certificate(self, subject: str) -> list[Id]:
        """The identities of a client that has shown a trusted certificate."""
        identity = Id("x509", subject)
        return [Id("super", subject), identity] if subject == self.super_subject else [identity]

    def by_login(self, user: str) -> list[Id]:
        """The identities of a client that has logged in by SASL."""
        identity = Id("sasl", user)
        return [identity, SUPER] if user in self.super_users else [identity]

    def serves(self, identities: Collection[Id]) -> bool:
        """Whether a client with these identities is served."""
        return not self.required or any(identity.scheme in self.required for identity in identities)


def digest_of(credentials: bytes, algorithm: str = "sha1") -> str:
    """`name:password` as it is stored in ACLs: the name, and the hash of both."""
    name = credentials.split(b":", 1)[0].decode(errors="replace")
    return f"{name}:{b64encode(hashlib.new(algorithm, credentials, usedforsecurity=False).digest()).decode()}"
