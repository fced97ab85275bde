"""What is wrong with bytes that claim to be Kafka's protocol."""


class ProtocolError(Exception):
    """Bytes that cannot be understood. Their sender speaks something else, or is broken: the connection is closed."""
