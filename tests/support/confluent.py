"""What tests ask by way of confluent-kafka."""

from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException, Message

from tests.support.polling import until

Answer = TypeVar("Answer")


def value_of(message: Message) -> bytes:
    """The value of a record that has one."""
    value = message.value()
    assert value is not None
    return value


def patiently(ask: Callable[[], Answer]) -> Answer:
    """The answer to a question that brokers may refuse while they start: asked until there is one."""
    answers: list[Answer] = []
    refusals: list[KafkaException] = []

    def answered() -> bool:
        try:
            answers.append(ask())
        except KafkaException as refusal:
            refusals.append(refusal)
        return bool(answers)

    until(answered, lambda: f"refused {len(refusals)} times, at last with {refusals[-1]}")
    return answers[0]
