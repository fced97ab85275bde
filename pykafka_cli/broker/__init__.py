"""A Kafka broker in ZooKeeper mode."""
