from typing import NamedTuple

import pytest

from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import Int, Long, Reader, decode, encode, read
from pykafka_cli.zookeeper.protocol.records import ANYONE, Acl, Stat


class Everything(NamedTuple):
    number: Int
    big: Long
    flag: bool
    text: str
    maybe_text: str | None
    data: bytes | None
    names: tuple[str, ...]
    acls: tuple[Acl, ...]
    last: Acl


FULL = Everything(-2, 1 << 40, True, "añb", "x", b"\x00\xff", ("a", ""), (Acl(31, ANYONE),), Acl(1, ANYONE))


def test_a_record_is_its_fields_one_after_another() -> None:
    class Small(NamedTuple):
        number: Int
        text: str
        flag: bool

    assert encode(Small(1, "ab", True)).hex() == "00000001" + "00000002" + "6162" + "01"


def test_what_was_encoded_is_decoded_to_the_same() -> None:
    assert decode(Everything, encode(FULL)) == FULL


def test_null_differs_from_empty() -> None:
    nothing = FULL._replace(maybe_text=None, data=None)
    empty = FULL._replace(maybe_text="", data=b"")

    assert decode(Everything, encode(nothing)) == nothing
    assert decode(Everything, encode(empty)) == empty
    assert encode(nothing) != encode(empty)


def test_a_null_vector_reads_as_an_empty_one() -> None:
    class Names(NamedTuple):
        names: tuple[str, ...]

    assert decode(Names, b"\xff\xff\xff\xff") == Names(())


def test_every_prefix_of_a_record_is_rejected() -> None:
    data = encode(FULL)

    for end in range(len(data)):
        with pytest.raises(MarshallingError):
            decode(Everything, data[:end])


def test_bytes_after_a_record_are_left_to_the_next() -> None:
    reader = Reader(encode(FULL) + encode(ANYONE))

    assert read(Everything, reader) == FULL
    assert read(type(ANYONE), reader) == ANYONE
    assert reader.remaining == 0


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("a string of negative length", "fffffffe"),
        ("a string longer than what is left", "00000005" + "6162"),
        ("a string that is not UTF-8", "00000002" + "c328"),
        ("null where text must be", "ffffffff"),
    ],
)
def test_bad_text_is_rejected(what: str, data: str) -> None:
    class Text(NamedTuple):
        text: str

    with pytest.raises(MarshallingError):
        decode(Text, bytes.fromhex(data))


def test_a_vector_of_more_items_than_bytes_is_rejected_before_anything_is_allocated() -> None:
    class Acls(NamedTuple):
        acls: tuple[Acl, ...]

    with pytest.raises(MarshallingError, match="2147483647 items"):
        decode(Acls, b"\x7f\xff\xff\xff" + bytes(16))


def test_stat_has_the_size_that_clients_expect() -> None:
    assert len(encode(Stat(*range(11)))) == 68
