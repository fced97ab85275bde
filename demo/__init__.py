"""`make demo`: the classic Kafka tutorial, then a real data set, on the bundled ZooKeeper and broker."""
