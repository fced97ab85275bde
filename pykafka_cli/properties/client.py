"""Keys that Kafka's producer, consumer and admin client share, and warnings about those without effect here.

Those of TLS and SASL are in security.py.
"""

from collections.abc import Mapping

from pykafka_cli.model import Seconds, in_seconds
from pykafka_cli.properties.checks import OneOfAnyCase
from pykafka_cli.properties.keys import (
    BOOLEAN,
    INT,
    LIST,
    LONG,
    LOW,
    STRING,
    AtLeast,
    InertKey,
    Key,
    OneOf,
)
from pykafka_cli.properties.security import SecuritySettings

CANONICAL_NAMES = "resolve_canonical_bootstrap_servers_only"


class ClientKeys(SecuritySettings):
    """The settings of a client, from strings as in Java; `warnings` names those without effect.

    raises  BadProperty, with the text of Kafka's ConfigException
    """

    bootstrap_servers = Key(LIST, (), "Initial brokers; the command's own option takes precedence.")
    client_id = Key(STRING, "", "Name of this client in brokers' logs, metrics and quotas.")
    request_timeout_ms = Key(INT, 30_000, "How long to wait for a response before retrying.", AtLeast(0))
    retry_backoff_ms = Key(LONG, 100, "Pause before a failed request is retried.", AtLeast(0), importance=LOW)
    retry_backoff_max_ms = Key(LONG, 1000, "Maximum of that pause.", AtLeast(0), importance=LOW)
    metadata_max_age_ms = Key(LONG, 300_000, "Time after which metadata are refreshed.", AtLeast(0))
    socket_connection_setup_timeout_ms = Key(LONG, 10_000, "How long to wait for a connection; by default 2.5 s.")

    client_dns_lookup = Key(
        STRING, "use_all_dns_ips", "Whether to use canonical names of bootstrap servers; all addresses are tried.",
        OneOf("use_all_dns_ips", CANONICAL_NAMES),
    )  # fmt: skip

    auto_include_jmx_reporter = InertKey(BOOLEAN, True, "JMX is not supported.")
    connections_max_idle_ms = InertKey(LONG, 540_000, "Not needed, as connections last as long as the command.")
    enable_metrics_push = InertKey(BOOLEAN, True, "Metrics are not pushed to brokers.")
    metadata_recovery_strategy = InertKey(
        STRING, "none", "Bootstrap servers are always tried again.", OneOfAnyCase("REBOOTSTRAP", "NONE")
    )
    metric_reporters = InertKey(LIST, (), "Java classes are not supported.")
    metrics_num_samples = InertKey(INT, 2, "Metrics are not kept.", AtLeast(1))
    metrics_recording_level = InertKey(STRING, "INFO", "Metrics are not kept.", OneOf("INFO", "DEBUG", "TRACE"))
    metrics_sample_window_ms = InertKey(LONG, 30_000, "Metrics are not kept.", AtLeast(0))
    receive_buffer_bytes = InertKey(INT, 65_536, "The system chooses the size of socket buffers.", AtLeast(-1))
    reconnect_backoff_max_ms = InertKey(LONG, 1000, "retry.backoff.max.ms is used instead.", AtLeast(0))
    reconnect_backoff_ms = InertKey(LONG, 50, "retry.backoff.ms is used instead.", AtLeast(0))
    send_buffer_bytes = InertKey(INT, 131_072, "The system chooses the size of socket buffers.", AtLeast(-1))
    socket_connection_setup_timeout_max_ms = InertKey(LONG, 30_000, "Connections are attempted one at a time.")

    def __init__(self, properties: Mapping[str, str], quiet: frozenset[str] = frozenset()) -> None:
        """`quiet`: names that a script sets itself, which need no warning."""
        super().__init__(properties)
        without_effect = sorted(
            name for name in properties if name not in quiet and not (name in self.KEYS and self.KEYS[name].effective)
        )
        self.warnings = []
        if without_effect:
            self.warnings.append(f"These properties have no effect here: {', '.join(map(_shown, without_effect))}")

    def backoff(self, attempts: int) -> Seconds:
        """Seconds to wait after one or more failed attempts: twice as long each time."""
        pause: int = min(
            self.retry_backoff_ms << min(attempts - 1, 30), max(self.retry_backoff_ms, self.retry_backoff_max_ms)
        )
        return in_seconds(pause)


def _shown(name: str) -> str:
    """A name for a message: what follows a space is a value, perhaps a password, whose equals sign is missing."""
    first, *rest = name.split(maxsplit=1) or [name]
    return f"{first} [hidden]" if rest else name
