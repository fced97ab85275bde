"""Config resources, as DescribeConfigs and AlterConfigs name them."""

from pykafka_cli.broker.errors import InvalidRequest
from pykafka_cli.model import BrokerId

ONLY_IN_KRAFT = "Config type client-metrics is only supported on KRaft clusters"


def broker_id_of(name: str) -> BrokerId:
    """The broker that a resource's name means; raises InvalidRequest."""
    try:
        return BrokerId(int(name))
    except ValueError:
        raise InvalidRequest(f"Broker id must be an integer, but it is: {name}") from None
