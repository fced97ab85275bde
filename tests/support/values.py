"""What confluent-kafka read, where it must have read something."""

from confluent_kafka import Message


def value_of(message: Message) -> bytes:
    """The value of a record that has one."""
    value = message.value()
    assert value is not None
    return value
