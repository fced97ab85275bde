"""How much is read ahead of the requests that are being served."""

import pytest

from pykafka_cli.broker.network.limits import READ_AHEAD_TOGETHER_BYTES, Intake
from tests.support.logs import broker_settings


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ({}, READ_AHEAD_TOGETHER_BYTES),
        ({"queued_max_request_bytes": "-1"}, READ_AHEAD_TOGETHER_BYTES),
        ({"queued_max_request_bytes": "200000000"}, 200_000_000),
    ],
)
def test_the_bytes_that_all_connections_read_ahead_are_bounded(given: dict[str, str], limit: int) -> None:
    intake = Intake(broker_settings(**given))

    intake.add(limit - 1)
    assert not intake.is_full
    intake.add(1)
    assert intake.is_full
    intake.remove(1)
    assert not intake.is_full


def test_so_is_their_number() -> None:
    intake = Intake(broker_settings(queued_max_requests="2"))

    intake.add(1)
    assert not intake.is_full
    intake.add(1)
    assert intake.is_full
