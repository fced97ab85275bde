"""Records by a template."""

from types import SimpleNamespace
from typing import Any

import pytest

from pykafka_cli.rules.record_templates import BadTemplate, Template


def record(**fields: Any) -> Any:
    usual = {
        "offset": 6,
        "timestamp": 1700000000123,
        "headers": [("h", b"1"), ("n", None)],
        "key": b"k",
        "value": b"v1",
    }
    return SimpleNamespace(**(usual | fields))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (r"%t[%p]@%o: %k=%s\n", b"t[2]@6: k=v1\n"),
        ("%T %h", b"1700000000123 h=1,n=NULL"),
        ("%K %S", b"1 2"),
        ("%R%s", b"\0\0\0\2v1"),
        (r"100%% \t\\\x41\r", b"100% \t\\A\r"),
        ("ä%%k", "ä%k".encode()),
        ("", b""),
    ],
)
def test_letters_stand_for_parts_of_a_record(template: str, expected: bytes) -> None:
    assert Template(template).render("t", 2, [record()]) == expected


def test_a_record_may_lack_key_value_and_timestamp() -> None:
    template = Template("[%k|%s|%K|%S|%R|%T]")

    assert template.render("t", 2, [record(key=None, value=None, timestamp=None)]) == b"[||-1|-1|\xff\xff\xff\xff|-1]"


def test_deserializers_make_texts() -> None:
    template = Template("%k %s;", lambda data: data.upper(), lambda data: b"%d" % len(data))

    assert template.render("t", 0, [record(), record(value=b"")]) == b"K 2;K 0;"


@pytest.mark.parametrize("template", ["%z", "100%", r"\q", "x\\"])
def test_letters_that_stand_for_nothing_are_rejected(template: str) -> None:
    with pytest.raises(BadTemplate):
        Template(template)
