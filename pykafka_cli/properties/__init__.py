"""The .properties grammar and the keys of broker, topic, client and ZooKeeper, each declared once."""
