"""Records as documents: all there is to know, and nothing that JSON or YAML cannot hold."""

import json
from types import SimpleNamespace
from typing import Any

import yaml

from pykafka_cli.output.record_documents import RecordDocuments


def record(**fields: Any) -> Any:
    usual = {"offset": 6, "timestamp": 1700000000123, "timestamp_type": 0, "headers": [], "key": None, "value": b"v"}
    return SimpleNamespace(**(usual | fields))


def documents(*records: Any, is_yaml: bool = False, **deserializers: Any) -> bytes:
    fields = {"key": None, "value": None, "header": None} | deserializers
    return RecordDocuments(**fields, is_yaml=is_yaml).render("t", 2, records)


def test_a_record_is_an_object_on_a_line() -> None:
    whole = record(headers=[("h", b"1"), ("h", None)], key=b"k\n", timestamp_type=1)

    assert documents(whole) == (
        b'{"topic":"t","partition":2,"offset":6,"timestamp":1700000000123,"timestamp_type":"LogAppendTime",'
        b'"headers":[{"key":"h","value":"1"},{"key":"h","value":null}],"key":"k\\n","value":"v"}\n'
    )


def test_what_a_record_lacks_is_null() -> None:
    (document,) = map(json.loads, documents(record(value=None, timestamp=None, timestamp_type=None)).splitlines())

    assert [document[name] for name in ("timestamp", "timestamp_type", "key", "value")] == [None] * 4


def test_bytes_that_are_no_text_are_replaced_and_deserializers_make_texts() -> None:
    shown = documents(record(key=b"\xff", value=b"\0\5"), value=lambda data: b"%d" % int.from_bytes(data, "big"))

    assert json.loads(shown)["key"] == "�"
    assert json.loads(shown)["value"] == "5"


def test_yaml_is_a_stream_of_documents() -> None:
    shown = documents(record(), record(offset=7), is_yaml=True)

    assert [each["offset"] for each in yaml.safe_load_all(shown)] == [6, 7]
