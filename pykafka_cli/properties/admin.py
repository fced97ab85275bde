"""The keys of Kafka's admin client, which is what commands are, with the defaults of 3.9.

source  org.apache.kafka.clients.admin.AdminClientConfig
"""

from collections.abc import Mapping

from pykafka_cli.properties.client import ClientKeys
from pykafka_cli.properties.keys import (
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MAX_INT,
    AtLeast,
    Between,
    ConfigError,
    InertKey,
    Key,
)


class AdminSettings(ClientKeys):
    """How a command connects to a cluster.

    raises  ConfigError, also for values that conflict with each other
    """

    connections_max_idle_ms = InertKey(LONG, 300_000, "Not needed, as connections last as long as the command.")
    default_api_timeout_ms = Key(INT, 60_000, "Maximum time of a call, including its retries.", AtLeast(0))

    bootstrap_controllers = InertKey(LIST, (), "Only KRaft has controllers to connect to.", importance=HIGH)
    metadata_max_age_ms = InertKey(
        LONG, 300_000, "Not needed, as a command looks up what it needs.", AtLeast(0), importance=LOW
    )
    retries = InertKey(INT, MAX_INT, "default.api.timeout.ms limits retries.", Between(0, MAX_INT), importance=LOW)
    retry_backoff_max_ms = InertKey(LONG, 1000, "retry.backoff.ms is used instead.", AtLeast(0), importance=LOW)

    def __init__(self, properties: Mapping[str, str], quiet: frozenset[str] = frozenset()) -> None:
        super().__init__(properties, quiet)
        if self.default_api_timeout_ms < self.request_timeout_ms and "default.api.timeout.ms" in self.given:
            raise ConfigError(
                "The specified value of default.api.timeout.ms must be no smaller than the value of request.timeout.ms."
            )
