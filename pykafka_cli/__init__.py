"""Apache Kafka's command-line tools, a Kafka broker, and a ZooKeeper server."""

__version__ = "0.1.0"
KAFKA_VERSION = "3.9.1"  # the release whose behavior, formats and messages this package follows
