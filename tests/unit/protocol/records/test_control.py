import pytest

from pykafka_cli.protocol.records import ControlType, CorruptRecords, Record, build_batch, build_marker, read_marker
from pykafka_cli.protocol.records.batch import read_header


@pytest.mark.parametrize("kind", ControlType)
def test_a_marker_says_how_the_transaction_ended(kind: ControlType) -> None:
    data = build_marker(kind, producer_id=8, producer_epoch=1, coordinator_epoch=5, timestamp=1000)

    header, found = read_header(data), read_marker(data)

    assert header.is_control
    assert header.is_transactional
    assert (header.producer_id, header.producer_epoch) == (8, 1)
    assert found is not None
    assert (found.type, found.coordinator_epoch, found.timestamp) == (kind, 5, 1000)


def test_a_cleaned_control_batch_ends_nothing() -> None:
    assert read_marker(build_batch([], base_offset=4, last_offset=4, control=True)) is None


def test_control_records_of_other_kinds_end_nothing() -> None:
    assert read_marker(build_batch([Record(0, 1, b"\0\0\0\2", b"\0\0")], control=True)) is None


@pytest.mark.parametrize(("key", "value"), [(None, b""), (b"\0", b""), (b"\0\0\0\1", None), (b"\0\0\0\1", b"\0\0\0")])
def test_a_marker_cut_short_is_rejected(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(CorruptRecords):
        read_marker(build_batch([Record(0, 1, key, value)], control=True))
