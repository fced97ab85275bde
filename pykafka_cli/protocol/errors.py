"""Errors of bytes that claim to be Kafka's protocol."""

MOST_ELEMENTS = 100_000
"""Elements of arrays (structures and strings) in one message from a stranger; each costs up to a kilobyte once read."""


class ProtocolError(Exception):
    """Bytes that cannot be understood. Their sender speaks something else, or is broken: the connection is closed."""
