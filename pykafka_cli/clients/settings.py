"""A client's properties, as --command-config files hold them, and what our own connections take from them.

Names, units and defaults are those of Kafka's AdminClientConfig; keys that mean nothing to us are left alone, as
Kafka's clients do. What is about TLS and SASL is in security.py.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pykafka_cli.properties.grammar import MalformedProperties, read_properties

CLIENT_ID = "client.id"
REQUEST_TIMEOUT_MS = "request.timeout.ms"
API_TIMEOUT_MS = "default.api.timeout.ms"
CONNECT_TIMEOUT_MS = "socket.connection.setup.timeout.ms"

DEFAULT_CONNECT_TIMEOUT_MS = 2_500
"""Below Kafka's 10 s: whoever mistyped an address should hear of it at once."""


class BadClientSetting(Exception):
    """A property file that cannot be read, or a value that cannot be used."""


class ClientSettings(NamedTuple):
    """The properties of one client; times come out in seconds."""

    properties: Mapping[str, str] = MappingProxyType({})

    @property
    def client_id(self) -> str:
        return self.properties.get(CLIENT_ID, "pk")

    @property
    def connect_timeout(self) -> float:
        """For a connection to be made, TLS and SASL included."""
        return self._seconds(CONNECT_TIMEOUT_MS, DEFAULT_CONNECT_TIMEOUT_MS)

    @property
    def request_timeout(self) -> float:
        """For one answer."""
        return self._seconds(REQUEST_TIMEOUT_MS, 30_000)

    @property
    def api_timeout(self) -> float:
        """For one thing that a command wants done, with all requests and retries that takes."""
        return self._seconds(API_TIMEOUT_MS, 60_000)

    def _seconds(self, key: str, default_ms: int) -> float:
        text = self.properties.get(key, "").strip()
        if not text:
            return default_ms / 1000
        if not text.isascii() or not text.isdigit():
            raise BadClientSetting(f"Invalid value {text} for configuration {key}: Not a number of type INT")
        return int(text) / 1000


def read_settings(file: str | None) -> ClientSettings:
    """The settings in a .properties file; none at all without a file.

    raises    BadClientSetting; of a file that is missing the message begins with its name
    """
    return ClientSettings(read_property_file(file) if file else {})


def read_property_file(file: str) -> dict[str, str]:
    """Keys and values of a .properties file; of a key given twice the last one counts.

    raises    BadClientSetting
    """
    try:
        return {key: value for key, value, _ in read_properties(Path(file).read_bytes())}
    except OSError as error:
        raise BadClientSetting(f"{file}: {(error.strerror or str(error)).lower()}") from None
    except MalformedProperties as error:
        raise BadClientSetting(f"{file}, {error}") from None
