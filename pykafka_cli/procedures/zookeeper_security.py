"""How the tools connect to a secured ZooKeeper: --zk-tls-config-file, and the login file that KAFKA_OPTS names."""

from collections.abc import Iterable
from pathlib import Path

from pykafka_cli.properties.grammar import MalformedProperties, Property, read_properties
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.zookeeper.client_security import ClientSecurity, tool_security

TLS_WANTED = Property("zookeeper.ssl.client.enable", "true", 0)
"""A file for TLS enables TLS unless it says otherwise; Kafka's tools would connect without TLS."""


def security_of(
    tls_file: str | None, properties: Iterable[Property] = (), *, trusts_certificates: bool = True
) -> ClientSecurity:
    """TLS and login; `properties` take precedence over the file.

    trusts_certificates    whether a client with a certificate owns the znodes that it creates, as one that logs in does
    raises                 ScriptError
    """
    try:
        lines = [*(_lines_of(tls_file) if tls_file is not None else ()), *properties]
        return tool_security(lines, trusts_certificates=trusts_certificates)
    except ConfigError as error:
        raise ScriptError(str(error)) from None


def _lines_of(file: str) -> list[Property]:
    try:
        return [TLS_WANTED, *read_properties(Path(file).read_bytes())]
    except OSError as error:
        raise ScriptError(f"{file}: {(error.strerror or str(error)).lower()}") from None
    except MalformedProperties as error:
        raise ScriptError(f"{file}, {error}") from None
