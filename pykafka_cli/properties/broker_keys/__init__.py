"""All keys of a broker of Kafka 3.9 in ZooKeeper mode, by subject; properties/broker.py gathers them."""
