"""Kafka for tests: fixtures for pytest (plugin.py), and `Kafka` for everything else.

    with Kafka() as kafka:
        kafka.produce("orders", "one", "two")
        assert [each.text for each in kafka.records("orders", 2)] == ["one", "two"]

Nothing is imported before it is used: pytest imports this package at every start.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pykafka_cli.testing.cluster import Cluster as Cluster
    from pykafka_cli.testing.cluster import ExternalCluster as ExternalCluster
    from pykafka_cli.testing.cluster import NotPossible as NotPossible
    from pykafka_cli.testing.kafka import Kafka as Kafka
    from pykafka_cli.testing.records import Record as Record
    from pykafka_cli.testing.security import Security as Security

_MODULES = {
    "Cluster": "cluster",
    "ExternalCluster": "cluster",
    "Kafka": "kafka",
    "NotPossible": "cluster",
    "Record": "records",
    "Security": "security",
}

__all__ = ["Cluster", "ExternalCluster", "Kafka", "NotPossible", "Record", "Security"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
