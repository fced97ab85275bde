"""YAML whose values know their places."""

import pytest

from pykafka_cli.rules.declarations.documents import (
    BadDeclarations,
    Node,
    Place,
    Problem,
    read_documents,
    write_documents,
)


def documents(text: str) -> list[Node]:
    return read_documents(text, [])


def value(text: str) -> object:
    (document,) = documents(text)
    return document.fields()["value"].value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("010", 10),
        ("1_000", "1_000"),
        ("true", True),
        ("~", None),
        ("0.50", 0.5),
        ("-3", -3),
        ("'42'", "42"),
        ("[a, 1]", ["a", 1]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, expected: object) -> None:
    assert value(f"value: {text}") == expected


def test_each_value_knows_its_document_line_and_field() -> None:
    _, second = documents("a: 1\n---\n\ntopics:\n  orders:\n    - x: 1\n    - y:\n        z: 2\n")

    items = second.fields()["topics"].fields()["orders"].items()

    assert [item.place for item in items] == [Place(2, 6, "topics.orders[0]"), Place(2, 7, "topics.orders[1]")]
    assert items[1].fields()["y"].fields()["z"].place == Place(2, 8, "topics.orders[1].y.z")


def test_documents_that_are_empty_count_and_are_left_out() -> None:
    assert [each.place.document for each in documents("---\n---\na: 1\n---\n")] == [2]


def test_what_a_merge_key_brings_may_be_replaced() -> None:
    (document,) = documents("base: &b {x: 1, y: 2}\nvalue:\n  <<: *b\n  y: 3\n")

    assert document.fields()["value"].value == {"x": 1, "y": 3}
    assert document.fields()["value"].fields()["x"].place.line == 3


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: [", 2, "is not YAML"),
        ("a: 1\na: 2", 2, "the key a is given twice, first in line 1"),
        ("a: !!python/object:os.system x", 1, "could not determine a constructor"),
        ("? [a]\n: b", 1, "a key must be text"),
        ("a: &x [*x]", 1, "recursive"),
        ("[" * 5000, 1, "nested too deeply"),
        ("a: " + "9" * 500, 1, "too many digits"),
        ("a: \x07", 1, "is not YAML"),
    ],
)
def test_what_is_no_yaml_is_reported_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadDeclarations) as caught:
        documents(text)

    (problem,) = caught.value.problems
    assert problem.place.line == line
    assert what in problem.text


def test_a_value_of_the_wrong_kind_is_a_problem_and_no_value() -> None:
    problems: list[Problem] = []
    (document,) = read_documents("count: three\nlist: 1\nmapping: []\nword: {}\nchoice: blue\n", problems)
    fields = document.fields()

    assert fields["count"].integer(1, 5) is None
    assert fields["list"].items() == []
    assert not fields["mapping"].fields()
    assert fields["word"].text() is None
    assert fields["choice"].choice(("RED_ISH", "GREEN")) is None
    assert [str(problem) for problem in problems] == [
        "line 1, document 1, count: must be a whole number from 1 to 5, not 'three'",
        "line 2, document 1, list: must be a list, not 1",
        "line 3, document 1, mapping: must be a mapping, not a list",
        "line 4, document 1, word: must be text, not a mapping",
        "line 5, document 1, choice: must be one of RED_ISH, GREEN, not 'blue'",
    ]


def test_a_choice_may_be_spelled_as_people_do() -> None:
    assert documents("value: red-ish")[0].fields()["value"].choice(("RED_ISH",)) == "RED_ISH"


@pytest.mark.parametrize("text", ["1e3", "no", "2024-01-01", "null", "0x10", "a: b", "", "~", "01", "*", "é", "a\nb"])
def test_text_that_is_written_is_read_as_text(text: str) -> None:
    written = write_documents([{text: text, "value": text}], ["A remark."])

    assert written.startswith("# A remark.\n")
    (document,) = documents(written)
    assert document.value == {text: text, "value": text}
