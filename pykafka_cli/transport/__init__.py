"""The asking side of a Kafka connection, for commands and for brokers among themselves."""
