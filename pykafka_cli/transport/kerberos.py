"""SASL GSSAPI: Kerberos tokens until both sides know each other, then the negotiation of no security layer.

    client   ticket for SERVICE/HOST, asking the server to prove itself
    server   its proof
    client   nothing, so that it is the server's turn
    server   wrapped: layers that it offers uint8, its largest message uint24
    client   wrapped: the layer chosen uint8 (1: none), 0 uint24

The package gssapi, which needs a Kerberos library on the machine, is an optional extra: the caller that makes an
exchange ensures that it is installed. The first `respond` blocks while tickets are requested.

source  RFC 4752, RFC 4121; javax.security.sasl's com.sun.security.sasl.gsskerb.GssKrb5Client
"""

import ipaddress
import socket
from collections.abc import Mapping
from typing import NamedTuple, cast

import gssapi
from gssapi.raw.misc import GSSError

from pykafka_cli.transport.sasl import SaslFailure

_NO_LAYER = 1
_LAYERS_LENGTH = 4
_FLAGS = (
    gssapi.RequirementFlag.mutual_authentication
    | gssapi.RequirementFlag.integrity
    | gssapi.RequirementFlag.out_of_sequence_detection
)


class KerberosLogin(NamedTuple):
    """The client's identity, and where its tickets or keys are.

    principal   NAME[/INSTANCE][@REALM]; None: the owner of the first store
    stores      what gss_acquire_cred_from takes (`ccache`, `client_keytab`), tried one after another
    """

    principal: str | None
    stores: tuple[Mapping[str, str], ...]


class Kerberos:
    """Proves who the client is to SERVICE at HOST, by its name in Kerberos; an address is replaced by its host's
    name."""

    mechanism = "GSSAPI"

    def __init__(self, service: str, host: str, login: KerberosLogin) -> None:
        self._service = service
        self._host = host
        self._login = login
        self._context: gssapi.SecurityContext | None = None
        self._has_chosen = False

    def respond(self, challenge: bytes | None) -> bytes | None:
        try:
            return self._respond(challenge or b"")
        except GSSError as error:
            raise SaslFailure(f"{self.mechanism}: {_reason(error)}") from None

    def _respond(self, challenge: bytes) -> bytes | None:
        if self._has_chosen:
            return None
        if self._context is None:
            service = gssapi.Name(f"{self._service}@{_name_of(self._host)}", gssapi.NameType.hostbased_service)
            self._context = gssapi.SecurityContext(
                name=service, creds=self._credentials(), usage="initiate", mech=gssapi.MechType.kerberos, flags=_FLAGS
            )
        if not self._context.complete:
            return self._context.step(challenge) or b""
        layers = self._context.unwrap(challenge).message
        if len(layers) != _LAYERS_LENGTH or not layers[0] & _NO_LAYER:
            raise SaslFailure(f"{self.mechanism}: the server requires a security layer, which Kafka does not support")
        self._has_chosen = True
        choice = bytes((_NO_LAYER,)).ljust(_LAYERS_LENGTH, b"\0")
        return bytes(self._context.wrap(choice, encrypt=False).message)

    def _credentials(self) -> gssapi.Credentials:
        """The credentials in the first store that has any."""
        principal = self._login.principal
        name = None if principal is None else gssapi.Name(principal, gssapi.NameType.kerberos_principal)
        failures = []
        for store in self._login.stores:
            try:
                its = cast("dict[bytes | str, bytes | str]", store)  # gssapi also accepts text, and changes nothing
                return gssapi.Credentials(name=name, usage="initiate", store=its)
            except GSSError as error:
                where = store.get("client_keytab") or store.get("ccache", "the usual ticket cache")
                failures.append(f"{where}: {_reason(error)}")
        whose = f" for {principal}" if principal else ""
        raise SaslFailure(f"{self.mechanism}: no credentials{whose} in {', nor in '.join(failures)}")


def _name_of(host: str) -> str:
    """The name to request a ticket for, as Java's InetAddress.getHostName returns it."""
    try:
        ipaddress.ip_address(host)
        return socket.gethostbyaddr(host)[0]
    except (ValueError, OSError):
        return host


def _reason(error: GSSError) -> str:
    """The message of Kerberos if there is one, otherwise that of GSSAPI."""
    details = error.get_all_statuses(error.min_code, is_maj=False) if error.min_code else []
    return "; ".join(details or error.get_all_statuses(error.maj_code, is_maj=True))
