"""Warnings at a broker's start: listeners that other machines can reach without a login, or with one in clear text."""

import ipaddress
from collections.abc import Iterator

from pykafka_cli.broker.network.tls import client_auth
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import Listener

_BY_PASSWORD_OR_TOKEN = ("PLAIN", "OAUTHBEARER")


def exposures(settings: BrokerSettings, listener: Listener) -> Iterator[str]:
    """What to warn of about a listener that strangers could use or eavesdrop on."""
    if _is_loopback(listener.host):
        return
    where = f"listener {listener} can be reached from other machines"
    protocol = listener.protocol
    if not protocol.authenticates and not (protocol.encrypts and client_auth(settings, listener.name) == "required"):
        yield f"{where} and requires no login; use SASL_SSL, or SSL with ssl.client.auth=required, or host localhost"
    if protocol.authenticates and not protocol.encrypts:
        offered = settings.for_listener(listener.name, "sasl.enabled.mechanisms")
        if readable := [mechanism for mechanism in _BY_PASSWORD_OR_TOKEN if mechanism in offered]:
            yield f"{where} without TLS, and {', '.join(readable)} sends secrets in clear text; use SASL_SSL"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
