"""What producer and consumer share."""

from pykafka_cli.properties.consumer import ConsumerSettings


def test_pauses_double_up_to_the_longest() -> None:
    settings = ConsumerSettings({"retry.backoff.ms": "100", "retry.backoff.max.ms": "1000"})

    assert [settings.backoff(attempts) for attempts in (1, 2, 3, 4, 5, 1000)] == [0.1, 0.2, 0.4, 0.8, 1, 1]


def test_a_first_pause_above_the_longest_stays_as_it_is() -> None:
    settings = ConsumerSettings({"retry.backoff.ms": "5000"})

    assert [settings.backoff(attempts) for attempts in (1, 2)] == [5, 5]
