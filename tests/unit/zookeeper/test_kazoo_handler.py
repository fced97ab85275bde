"""kazoo's wake-up pair: nobody who sends waits for a reader, and no byte is lost."""

import select

import pytest

from pykafka_cli.zookeeper.kazoo_handler import CountedWakeUps, InThread

MORE_THAN_A_SOCKET_HOLDS = 100_000


def is_readable(wake_ups: CountedWakeUps) -> bool:
    return bool(select.select([wake_ups], [], [], 0)[0])


def test_sending_never_waits_for_a_reader_and_each_byte_is_received_once() -> None:
    reading, writing = InThread().create_socket_pair()

    for _ in range(MORE_THAN_A_SOCKET_HOLDS):
        writing.send(b"\0")

    for _ in range(MORE_THAN_A_SOCKET_HOLDS):
        assert is_readable(reading)
        assert reading.recv(1) == b"\0"
    assert not is_readable(reading)
    reading.close()


def test_a_byte_that_is_not_there_is_no_wait() -> None:
    wake_ups = CountedWakeUps()

    with pytest.raises(BlockingIOError):
        wake_ups.recv(1)
    wake_ups.close()


def test_a_closed_pair_rejects_what_is_sent() -> None:
    wake_ups = CountedWakeUps()
    wake_ups.close()

    with pytest.raises(OSError):
        wake_ups.send(b"\0")
