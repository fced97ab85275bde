"""Keys of records without the records, by the module as Python runs it and, if there is one, as compiled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.records import Record, build_batch, read_header
from pykafka_cli.protocol.records import keys as imported
from pykafka_cli.protocol.records.batch import HEADER_SIZE
from pykafka_cli.protocol.records.record import records_of

Keys = Callable[[bytes, int, int], tuple[list[bytes | None], list[int], list[int]] | None]


def _as_python() -> Keys:
    path = Path(imported.__file__).with_name("keys.py")
    namespace: dict[str, Any] = {"__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    found: Keys = namespace["record_keys"]
    return found


FORMS = {"python": _as_python(), "imported": imported.record_keys}
nullable = st.none() | st.binary(max_size=300)


@st.composite
def batches(draw: st.DrawFn) -> bytearray:
    """With gaps in the offsets, as cleaning leaves them."""
    offsets = sorted(draw(st.sets(st.integers(5, 5 + (1 << 20)), min_size=1, max_size=6)))
    return build_batch(
        [
            Record(
                Offset(offset),
                Timestamp(draw(st.integers(-1, 1 << 45))),
                draw(nullable),
                draw(nullable),
                (("h", draw(nullable)),) * draw(st.integers(0, 2)),
            )
            for offset in offsets
        ]
    )


@given(batches())
def test_keys_and_offsets_are_those_of_the_records(batch: bytearray) -> None:
    header, payload = read_header(batch), bytes(batch[HEADER_SIZE:])
    records = list(records_of(header, payload))
    expected = (
        [record.key for record in records],
        [record.offset for record in records],
        [index for index, record in enumerate(records) if record.value is None],
    )

    for form in FORMS.values():
        assert form(payload, header.record_count, header.base_offset) == expected


@given(batches(), st.data())
def test_both_forms_find_the_same_in_what_is_damaged(batch: bytearray, data: st.DataObject) -> None:
    """Nor do they find anything in records that are cut short."""
    header, payload = read_header(batch), batch[HEADER_SIZE:]
    changes = st.lists(st.tuples(st.integers(0, len(payload) - 1), st.integers(0, 255)), max_size=3)
    for position, value in data.draw(changes):
        payload[position] = value
    size = data.draw(st.integers(0, len(payload)))
    damaged = bytes(payload[:size])

    found = [form(damaged, header.record_count, header.base_offset) for form in FORMS.values()]

    assert found[0] == found[1]
    if found[0] is not None:
        assert len(found[0][0]) == len(found[0][1]) == header.record_count


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("extra", [b"\0", b"\x0e" + b"\0" * 7])
def test_more_records_than_the_header_says_are_not_read(form: str, extra: bytes) -> None:
    batch = build_batch([Record(Offset(0), Timestamp(0), b"k", b"v")])
    payload = bytes(batch[HEADER_SIZE:])

    assert FORMS[form](payload, 1, 0) == ([b"k"], [0], [])
    assert FORMS[form](payload + extra, 1, 0) is None
    assert FORMS[form](payload, 2, 0) is None
