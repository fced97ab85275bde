"""Parts of a session's first contact with a cluster that are rarely needed, and only then imported.

If the first request fails or takes long, finds out what is listening, and which layer failed.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import cast

from pykafka_cli.clients.settings import Address, ClientSettings
from pykafka_cli.model import Seconds
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import (
    AnswerUnreadable,
    ConnectionFailed,
    ConnectionLost,
    NoAnswerInTime,
    NotKafka,
    TlsFailed,
    UnsuitableListener,
)
from pykafka_cli.transport.identification import Kind, Peer, identify

PATIENCE_S = Seconds(1.0)
_NO_MECHANISM = "PK"
"""A SASL mechanism that no broker has: in its rejection, a broker lists those that it has."""

_UNEXPLAINED = (ConnectionLost, NotKafka, NoAnswerInTime, TlsFailed)
LOGIN_ADVICE = (
    "Set security.protocol to {protocol}, sasl.mechanism and sasl.jaas.config in a file, and name the file with "
    "--command-config."
)


async def explained(failure: ConnectionFailed, host: str, port: int, settings: ClientSettings) -> ConnectionFailed:
    """The failure of a first request, or a better one that says what is listening there."""
    if not isinstance(failure, _UNEXPLAINED) or isinstance(failure, AnswerUnreadable):
        return failure
    has_tls = has_tls_set(settings)
    peer = await identify(host, port, PATIENCE_S)
    problem = unsuitable(peer, f"{host}:{port}", has_tls=has_tls)
    if problem is None and isinstance(failure, ConnectionLost) and not asks_for_login(settings):
        mechanisms = await login_mechanisms(host, port, settings, PATIENCE_S)
        problem = login_required(f"{host}:{port}", mechanisms, has_tls=has_tls) if mechanisms else None
    return problem or failure


async def stranger(host: str, port: int, settings: ClientSettings) -> ConnectionFailed | None:
    """Why a silent peer will not respond; None if it may."""
    peer = await identify(host, port, PATIENCE_S)
    return unsuitable(peer, f"{host}:{port}", has_tls=has_tls_set(settings)) if peer.is_stranger else None


def unsuitable(peer: Peer, address: str, *, has_tls: bool) -> UnsuitableListener | None:
    """Why a client with or without TLS fails with this peer; None if that is not the reason."""
    if peer.kind is Kind.KAFKA and has_tls:
        return UnsuitableListener(
            f"{address} is a Kafka listener without TLS", "Set security.protocol to PLAINTEXT or SASL_PLAINTEXT."
        )
    if peer.kind is Kind.TLS and has_tls:
        return None
    if peer.is_stranger or peer.kind in (Kind.SILENT, Kind.CLOSING):
        return UnsuitableListener(peer.describe(address), peer.advice)
    return None


def login_required(address: str, mechanisms: Sequence[str], *, has_tls: bool) -> UnsuitableListener:
    return UnsuitableListener(
        f"{address} requires a login; its SASL mechanisms are {', '.join(mechanisms)}",
        LOGIN_ADVICE.format(protocol="SASL_SSL" if has_tls else "SASL_PLAINTEXT"),
    )


async def login_mechanisms(host: str, port: int, settings: ClientSettings, patience: Seconds) -> Sequence[str]:
    """The SASL mechanisms of a listener; empty if it requires no login, or does not respond.

    patience    seconds for each of two responses
    """
    from kio.schema.sasl_handshake.v1 import SaslHandshakeRequest

    from pykafka_cli.security.settings import security_settings
    from pykafka_cli.security.tls import tls_context

    connection: Connection | None = None
    with contextlib.suppress(ConnectionFailed):
        try:
            connection = await Connection.open(
                host,
                port,
                client_id=settings.client_id,
                tls=tls_context(security_settings(settings.properties)),
                timeout=patience,
            )
            return tuple((await connection.request(SaslHandshakeRequest(mechanism=_NO_MECHANISM))).mechanisms)
        finally:
            if connection:
                connection.close()
    return ()


def has_tls_set(settings: ClientSettings) -> bool:
    return settings.properties.get("security.protocol", "").upper().endswith("SSL")


def asks_for_login(settings: ClientSettings) -> bool:
    return settings.properties.get("security.protocol", "").upper().startswith("SASL")


async def full_names(addresses: Sequence[Address]) -> list[Address]:
    """The full host names of all addresses, which tickets and certificates are issued for.

    source    ClientUtils.parseAndValidateAddresses
    """
    loop = asyncio.get_running_loop()
    found = []
    for address in addresses:
        try:
            for *_, at in await loop.getaddrinfo(*address, type=socket.SOCK_STREAM):
                name, _ = await loop.getnameinfo(cast("tuple[str, int]", at))
                found.append(Address(name, address.port))
        except OSError:
            found.append(address)  # connecting will show whether it works
    return list(dict.fromkeys(found))
