"""Which generation of Kafka's scripts fits a cluster: those of 4.x word some things differently from those of 3.9.

`pk` prints what the scripts of the cluster's generation print.
"""

from collections.abc import Mapping

from pykafka_cli.transport.connection import VersionRange

_DESCRIBE_CLUSTER = 60
_FIRST_OF_4 = 2


def is_kafka_4(offered: Mapping[int, VersionRange]) -> bool:
    """Whether a node that offers these APIs is Apache Kafka 4 or later.

    DescribeCluster 2 (KIP-1073) came with 4.0, and brokers and controllers both have it.
    """
    found = offered.get(_DESCRIBE_CLUSTER)
    return found is not None and found.max >= _FIRST_OF_4
