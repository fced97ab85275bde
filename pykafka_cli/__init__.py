"""Apache Kafka's command-line tools, with a broker and a ZooKeeper server of their own."""

__version__ = "0.1.0"
KAFKA_VERSION = "3.9.1"  # the release whose behaviour, formats and messages this package follows
