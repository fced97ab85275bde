"""SASL GSSAPI on a listener: a ticket for the broker's principal, then the negotiation of no security layer.

    client   ticket                                             in one or several steps
    broker   its proof
    client   nothing
    broker   wrapped: the layers that it offers uint8 (1: none), its largest message uint24
    client   wrapped: the layer that it chooses uint8, 0 uint24, the user to act as (or nothing)

    com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=FILE principal="kafka/HOST@REALM";

A ticket is valid once: the Kerberos library remembers those that it has seen. The user to act as is ignored, as in
Kafka: aiokafka and kafka-python name the broker's service there. The user is the one for whom the ticket was issued.

source  RFC 4752; SaslServerCallbackHandler, com.sun.security.sasl.gsskerb.GssKrb5Server
"""

import os
from collections.abc import Callable

import gssapi
from gssapi.raw.misc import GSSError

from pykafka_cli.broker.network.sasl import Refusal
from pykafka_cli.model import Timestamp
from pykafka_cli.properties.jaas import Login
from pykafka_cli.rules.principal_names import NoPrincipalRule

_NO_LAYER = 1
_LAYERS_LENGTH = 4
_FILE_PREFIX = "FILE:"


class KerberosServer:
    """One client's authentication by its tickets.

    user_of    returns the user's name for a principal; raises NoPrincipalRule
    """

    def __init__(self, credentials: gssapi.Credentials, user_of: Callable[[str], str]) -> None:
        self.user: str | None = None
        self.token_expiry_ms: Timestamp | None = None
        self.has_delegation_token = False
        self._context = gssapi.SecurityContext(creds=credentials, usage="accept")
        self._user_of = user_of
        self._has_offered = False

    def respond(self, token: bytes) -> bytes:
        try:
            if not self._context.complete:
                proof = self._context.step(token)
                return proof if proof or not self._context.complete else self._offer()
            return self._finish(token) if self._has_offered else self._offer()
        except GSSError as error:
            raise Refusal(f"GSSAPI: {error}") from None

    def _offer(self) -> bytes:
        self._has_offered = True
        layers = bytes((_NO_LAYER,)).ljust(_LAYERS_LENGTH, b"\0")
        return bytes(self._context.wrap(layers, encrypt=False).message)

    def _finish(self, token: bytes) -> bytes:
        chosen = self._context.unwrap(token).message
        principal = str(self._context.initiator_name)
        if len(chosen) < _LAYERS_LENGTH or chosen[0] != _NO_LAYER:
            raise Refusal("GSSAPI: the client wants a security layer, which Kafka does not support")
        try:
            self.user = self._user_of(principal)
        except NoPrincipalRule as error:
            raise Refusal(f"GSSAPI: {error}") from None
        return b""


def default_realm() -> str:
    """The Kerberos realm of this machine; empty if it has none."""
    try:
        name = gssapi.Name("pk", gssapi.NameType.kerberos_principal).canonicalize(gssapi.MechType.kerberos)
    except GSSError:
        return ""
    return str(name).rpartition("@")[2]


def acceptor(its: Login) -> gssapi.Credentials:
    """The key that decrypts tickets.

    raises    ValueError
    """
    keytab, principal = its.options.get("keyTab"), its.options.get("principal")
    if its.options.get("useKeyTab", "").lower() != "true" or not keytab or not principal:
        raise ValueError(f"{its.name} of a listener needs useKeyTab=true, keyTab and principal")
    if not os.access(file := keytab.removeprefix(_FILE_PREFIX), os.R_OK):
        raise ValueError(f"keyTab {file} cannot be read")
    try:
        name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
        return gssapi.Credentials(name=name, usage="accept", store={"keytab": keytab})
    except GSSError as error:
        raise ValueError(f"keyTab {file} has no key of {principal}: {error}") from None
