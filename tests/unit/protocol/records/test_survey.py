"""The survey of records, by the module as Python runs it and, if there is one, as compiled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.records import CorruptRecords, Record, build_batch, read_header
from pykafka_cli.protocol.records import survey as imported
from pykafka_cli.protocol.records.batch import HEADER_SIZE
from pykafka_cli.protocol.records.record import records_of
from tests.support.false_batches import RECORDS, field, record, varint

Survey = Callable[[bytes | memoryview, int], tuple[int, int, bool] | None]


def _as_python() -> Survey:
    path = Path(imported.__file__).with_name("survey.py")
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    found: Survey = namespace["survey"]
    return found


FORMS = {"python": _as_python(), "imported": imported.survey}
nullable = st.none() | st.binary(max_size=300)


@st.composite
def payloads(draw: st.DrawFn) -> tuple[bytes, int]:
    """Records as clients write them, with some bytes changed or not, and their number."""
    records = [
        Record(
            Offset(index),
            draw(st.integers(-1, 1 << 45)),
            draw(nullable),
            draw(nullable),
            (("h", draw(nullable)),) * draw(st.integers(0, 2)),
        )
        for index in range(draw(st.integers(1, 6)))
    ]
    data = bytearray(build_batch(records)[HEADER_SIZE:])
    for position, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=3)):
        data[position] = value
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data), len(records)


@pytest.mark.parametrize("form", FORMS)
def test_the_timestamps_and_keys_of_sound_records_are_found(form: str) -> None:
    payload = record(timestamp_delta=varint(3)) + record(1, timestamp_delta=varint(-9), key=varint(-1)) + record(2)

    assert FORMS[form](payload, 3) == (-9, 3, False)
    assert FORMS[form](record(timestamp_delta=varint(1 << 50)), 1) == (1 << 50, 1 << 50, True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", RECORDS)
def test_it_finds_nothing_in_records_that_do_not_add_up(form: str, name: str) -> None:
    payload, count = RECORDS[name]
    header = read_header(build_batch([Record(Offset(0), Timestamp(0), None, None)]))._replace(record_count=count)
    try:
        found = list(records_of(header, payload))
    except CorruptRecords:
        assert FORMS[form](payload, count) is None
        return
    if [each.offset for each in found] != list(range(count)):
        assert FORMS[form](payload, count) is None


@pytest.mark.parametrize("form", FORMS)
def test_records_may_be_longer_than_the_pieces_that_are_looked_at(form: str) -> None:
    sizes = [0, 20_000, 5, *range(500), imported.PIECE - 12, 200_000]
    payload = b"".join(record(index, value=field(bytes(size))) for index, size in enumerate(sizes))

    assert FORMS[form](memoryview(payload), len(sizes)) == (0, 0, True)
    assert FORMS[form](payload[:-1], len(sizes)) is None
    assert FORMS[form](payload + b"\0", len(sizes)) is None


@given(payloads())
def test_it_agrees_with_the_reader_of_single_records(given: tuple[bytes, int]) -> None:
    payload, count = given
    header = read_header(build_batch([Record(Offset(0), Timestamp(0), None, None)]))._replace(record_count=count)

    results = [form(payload, count) for form in FORMS.values()]

    assert results[0] == results[1]
    if results[0] is not None:
        found = list(records_of(header, payload))
        timestamps = [each.timestamp for each in found]
        assert [each.offset for each in found] == list(range(count))
        assert results[0] == (min(timestamps), max(timestamps), all(each.key is not None for each in found))
