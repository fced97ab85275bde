"""Marks: tokens that keep what they hold, and notice when they do not."""

import json
import re
import zlib
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import Offset, OffsetSpec, Timestamp
from pykafka_cli.rules.expect_marks import (
    PREFIX,
    BadMark,
    Mark,
    TopicMark,
    decode_mark,
    encode_mark,
    is_token,
    mark_document,
    starts_after,
    topic_in_mark,
    topic_mark,
)

ORDERS = TopicMark("Dy3oRpv4RYiCnzraLBqWYw", (Offset(3), Offset(0), Offset(1 << 62)))
MARK = Mark("Te8RP4kxTfGMkng9mvuh_Q", Timestamp(1_796_005_372_196), {"orders": ORDERS, "absent": TopicMark(None, ())})
EARLIEST = OffsetSpec.EARLIEST

topics = st.dictionaries(
    st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True),
    st.builds(TopicMark, st.none() | st.text(max_size=22), st.lists(st.integers(0, 1 << 63).map(Offset)).map(tuple)),
)
marks = st.builds(Mark, st.none() | st.text(max_size=22), st.integers(0, 1 << 44), topics)


@given(marks)
def test_a_token_is_url_safe_and_holds_its_mark(mark: Mark) -> None:
    token = encode_mark(mark)

    assert re.fullmatch(r"[A-Za-z0-9._-]+", token)
    assert is_token(token)
    assert decode_mark(token) == mark


@given(st.data())
def test_a_token_with_one_sign_changed_or_lost_is_rejected(data: st.DataObject) -> None:
    token = encode_mark(MARK)
    place = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(
        st.sampled_from(["", "A", "b", "_", "-", ".", " ", "\u00e9"]).filter(lambda each: each != token[place])
    )

    with pytest.raises(BadMark):
        decode_mark(token[:place] + sign + token[place + 1 :])


def packed(document: object) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return PREFIX + urlsafe_b64encode(zlib.compress(text.encode())).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "", PREFIX, "mark2.eJw", PREFIX + "AAAA", packed("null"), packed("[]"), packed("[" * 100_000), packed({}),
        packed({"cluster": None, "ms": "x", "topics": {}}), packed({"cluster": None, "ms": 1, "topics": []}),
        packed({"cluster": None, "ms": 1, "topics": {"t": {"id": None, "ends": ["x"]}}}), packed(" " * (17 << 20)),
        encode_mark(MARK) + "AAAA",
    ],
)  # fmt: skip
def test_what_is_no_mark_is_rejected(token: str) -> None:
    with pytest.raises(BadMark):
        decode_mark(token)


def test_reading_begins_at_the_ends_and_in_new_partitions_at_the_beginning() -> None:
    assert starts_after(ORDERS, ORDERS.topic_id, range(4)) == {0: 3, 1: 0, 2: 1 << 62, 3: EARLIEST}


def test_a_topic_that_was_created_anew_is_read_from_its_beginning() -> None:
    assert starts_after(ORDERS, "another", [0]) == {0: EARLIEST}


@pytest.mark.parametrize("topic_id", [None, "new"])
def test_a_topic_that_did_not_exist_is_read_from_its_beginning(topic_id: str | None) -> None:
    assert starts_after(TopicMark(None, ()), topic_id, [0, 1]) == {0: EARLIEST, 1: EARLIEST}


def test_a_cluster_without_topic_ids_has_its_topics_by_name() -> None:
    assert starts_after(TopicMark(None, (Offset(5),)), None, [0]) == {0: 5}


def test_a_mark_of_other_topics_or_of_another_cluster_is_rejected() -> None:
    with pytest.raises(BadMark, match="The mark is of orders, absent, not of prices"):
        topic_in_mark(MARK, "prices")
    with pytest.raises(BadMark, match=r"The mark is of the cluster Te8R.*, and this one is another"):
        topic_mark(MARK, "orders", "another")
    assert topic_mark(MARK, "orders", None) == topic_mark(MARK, "orders", MARK.cluster_id) == ORDERS


def test_the_document_has_all_of_it() -> None:
    document = mark_document(MARK, "token")

    assert (document["token"], document["cluster_id"]) == ("token", MARK.cluster_id)
    assert [each["topic"] for each in document["topics"]] == ["orders", "absent"]
    assert document["topics"][0]["partitions"][2] == {"partition": 2, "offset": 1 << 62}
