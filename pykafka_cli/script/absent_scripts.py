"""Kafka's scripts that pk has no command for, and what to use instead."""

ABSENT_SCRIPTS = {
    "connect-distributed": "pk has no Kafka Connect; run connect-distributed.sh of Apache Kafka against this cluster.",
    "connect-mirror-maker": "pk has no MirrorMaker; run connect-mirror-maker.sh of Apache Kafka against both clusters.",
    "connect-plugin-path": "pk has no Kafka Connect, and so no plugins; use connect-plugin-path.sh of Apache Kafka.",
    "connect-standalone": "pk has no Kafka Connect; run connect-standalone.sh of Apache Kafka against this cluster.",
    "kafka-jmx": "pk has no JMX; `pk log-dirs` and `pk consumer-groups --describe` show sizes and lag.",
    "kafka-metadata-shell": "pk keeps no KRaft metadata log; `pk zookeeper-shell` shows the metadata of its clusters.",
    "kafka-mirror-maker": "pk has no MirrorMaker; use kafka-mirror-maker.sh of Apache Kafka 3.9.",
    "kafka-preferred-replica-election": "Use `pk leader-election --election-type preferred --all-topic-partitions`.",
    "kafka-share-consumer-perf-test": (
        "pk measures no share groups; use kafka-share-consumer-perf-test.sh of Apache Kafka 4."
    ),
    "kafka-verifiable-share-consumer": (
        "pk console-share-consumer reads in share groups; kafka-verifiable-share-consumer.sh reports events."
    ),
    "trogdor": "pk injects no faults; use trogdor.sh of Apache Kafka.",
}
"""A sentence by the script's name without .sh."""
