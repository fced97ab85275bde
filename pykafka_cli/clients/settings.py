"""A client's properties, as in --command-config files, and the settings of our connections.

Names, units and defaults are those of Kafka's AdminClientConfig; properties/admin.py has them all. TLS and SASL are in
security/.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pykafka_cli.model import Milliseconds, Seconds, in_seconds
from pykafka_cli.properties.grammar import MalformedProperties, read_properties, without_login
from pykafka_cli.security.errors import BadClientSetting as BadClientSetting

CLIENT_ID = "client.id"
REQUEST_TIMEOUT_MS = "request.timeout.ms"
API_TIMEOUT_MS = "default.api.timeout.ms"
CONNECT_TIMEOUT_MS = "socket.connection.setup.timeout.ms"
RETRY_PAUSE_MS = "retry.backoff.ms"
DNS_LOOKUP = "client.dns.lookup"

_ADDRESS = re.compile(r"(?:\w+://)?(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:]+)):(\d{1,5})")

CANONICAL_NAMES = "resolve_canonical_bootstrap_servers_only"

DEFAULT_CONNECT_TIMEOUT_MS = Milliseconds(2_500)
"""Less than Kafka's 10 s: a user who mistyped an address should see that soon."""


class Address(NamedTuple):
    host: str
    port: int


class BadAddress(BadClientSetting):
    """A bootstrap server that is not HOST:PORT."""


def parse_addresses(text: str) -> list[Address]:
    """Parse HOST:PORT,...; [ADDRESS]:PORT for IPv6.

    raises    BadAddress
    """
    addresses = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _ADDRESS.fullmatch(part)
        if not found or int(found[3]) > 65535:
            raise BadAddress(f"Invalid url in bootstrap.servers: {without_login(part)}")
        addresses.append(Address(found[1] or found[2], int(found[3])))
    if not addresses:
        raise BadAddress("No resolvable bootstrap urls given in bootstrap.servers")
    return addresses


class ClientSettings(NamedTuple):
    """The properties of one client; times are in seconds."""

    properties: Mapping[str, str] = MappingProxyType({})

    @property
    def client_id(self) -> str:
        return self.properties.get(CLIENT_ID, "pk")

    @property
    def protocol(self) -> str:
        """security.protocol."""
        return self.properties.get("security.protocol", "PLAINTEXT").upper()

    @property
    def connect_timeout(self) -> Seconds:
        """Seconds for opening a connection, including TLS and SASL."""
        return self._seconds(CONNECT_TIMEOUT_MS, DEFAULT_CONNECT_TIMEOUT_MS)

    @property
    def request_timeout(self) -> Seconds:
        """Seconds for one response."""
        return self._seconds(REQUEST_TIMEOUT_MS, Milliseconds(30_000))

    @property
    def api_timeout(self) -> Seconds:
        """Seconds for one operation of a command, with all its requests and retries."""
        return self._seconds(API_TIMEOUT_MS, Milliseconds(60_000))

    @property
    def retry_pause(self) -> Seconds:
        """Seconds before a failed request is retried."""
        return self._seconds(RETRY_PAUSE_MS, Milliseconds(100))

    @property
    def wants_full_names(self) -> bool:
        """Whether to use the full host name of each address of bootstrap servers (KIP-302)."""
        return self.properties.get(DNS_LOOKUP) == CANONICAL_NAMES

    def _seconds(self, key: str, default_ms: Milliseconds) -> Seconds:
        text = self.properties.get(key, "").strip()
        if not text:
            return in_seconds(default_ms)
        if not text.isascii() or not text.isdigit():
            raise BadClientSetting(f"Invalid value {text} for configuration {key}: Not a number of type INT")
        return in_seconds(int(text))


def read_settings(
    file: str | None,
    defaults: Mapping[str, str] = MappingProxyType({}),
    warn: Callable[[str], None] = lambda _: None,
) -> ClientSettings:
    """The settings of a command from a .properties file; without a file, only `defaults`.

    warn      called with a line about properties without effect
    raises    BadClientSetting; for a missing file the message begins with its name
    """
    if not file:
        return ClientSettings(defaults)
    from pykafka_cli.properties.admin import AdminSettings
    from pykafka_cli.properties.keys import ConfigError

    given = read_property_file(file)
    try:
        settings = AdminSettings(given)  # a command's defaults need not fit what Kafka's own would have to
    except ConfigError as error:
        raise BadClientSetting(str(error)) from None
    for warning in settings.warnings:
        warn(warning)
    return ClientSettings({**defaults, **given})


def read_property_file(file: str) -> dict[str, str]:
    """Keys and values of a .properties file; the last value of a key counts.

    raises    BadClientSetting
    """
    try:
        return {key: value for key, value, _ in read_properties(Path(file).read_bytes())}
    except OSError as error:
        raise BadClientSetting(f"{file}: {(error.strerror or str(error)).lower()}") from None
    except MalformedProperties as error:
        raise BadClientSetting(f"{file}, {error}") from None
