"""The client side of a Kafka connection, for commands and between brokers."""
