import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.properties.grammar import Property, read_properties
from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLASS,
    DOUBLE,
    INT,
    LIST,
    LONG,
    PASSWORD,
    SHORT,
    STRING,
    AtLeast,
    BadProperty,
    Between,
    EachOneOf,
    Key,
    KeyTable,
    OneOf,
    Password,
    Settings,
    Strings,
    Type,
)


class Example(Settings):
    num_partitions = Key(INT, 1, "How many.", AtLeast(1))
    log_dirs = Key[str | None](STRING, None, "Where.")
    data_dir = Key(STRING, "data", "Not named after its attribute.", name="dataDir")
    policy = Key[Strings](LIST, ("delete",), "What to do.", EachOneOf("delete", "compact"))


def key(type_: Type, check: AtLeast | Between | OneOf | EachOneOf | None = None) -> Key[object]:
    return Key(type_, None, "For a test.", check, name="some.key")


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (BOOLEAN, " TRUE ", True),
        (BOOLEAN, "false", False),
        (STRING, "  a b ", "a b"),
        (INT, "+2147483647", 2147483647),
        (SHORT, "-32768", -32768),
        (LONG, "9223372036854775807", 9223372036854775807),
        (DOUBLE, "1.5e3", 1500.0),
        (DOUBLE, ".5d", 0.5),
        (DOUBLE, "-Infinity", float("-inf")),
        (LIST, "a , b,c", ("a", "b", "c")),
        (LIST, "a,", ("a", "")),
        (LIST, " ", ()),
        (CLASS, "org.example.Thing", "org.example.Thing"),
        (PASSWORD, " secret ", Password("secret")),
    ],
)
def test_text_becomes_a_value_of_the_keys_type(type_: Type, text: str, value: object) -> None:
    assert key(type_).parse(text) == value


@pytest.mark.parametrize(
    ("type_", "check", "text", "message"),
    [
        (LONG, None, "abc", "Invalid value abc for configuration some.key: Not a number of type LONG"),
        (LONG, None, "1_000", "Invalid value 1_000 for configuration some.key: Not a number of type LONG"),
        (INT, None, "2147483648", "Invalid value 2147483648 for configuration some.key: Not a number of type INT"),
        (SHORT, None, "", "Invalid value  for configuration some.key: Not a number of type SHORT"),
        (DOUBLE, None, "half", "Invalid value half for configuration some.key: Not a number of type DOUBLE"),
        (
            BOOLEAN,
            None,
            "yes",
            "Invalid value yes for configuration some.key: Expected value to be either true or false",
        ),
        (INT, AtLeast(1), " 0", "Invalid value 0 for configuration some.key: Value must be at least 1"),
        (DOUBLE, Between(0, 1), "1.5", "Invalid value 1.5 for configuration some.key: Value must be no more than 1"),
        (STRING, OneOf("a", "b"), "A", "Invalid value A for configuration some.key: String must be one of: a, b"),
        (LIST, EachOneOf("a", "b"), "a,c", "Invalid value c for configuration some.key: String must be one of: a, b"),
    ],
)
def test_a_rejected_value_gives_kafkas_text(
    type_: Type, check: AtLeast | Between | OneOf | EachOneOf | None, text: str, message: str
) -> None:
    with pytest.raises(BadProperty) as refusal:
        key(type_, check).parse(text, line=7)
    assert (str(refusal.value), refusal.value.line) == (message, 7)


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (BOOLEAN, True, "true"),
        (DOUBLE, 0.5, "0.5"),
        (DOUBLE, 1.7976931348623157e308, "1.7976931348623157E308"),
        (DOUBLE, 50.0, "50.0"),
        (DOUBLE, 1e7, "1.0E7"),
        (DOUBLE, 0.0001234, "1.234E-4"),
        (DOUBLE, float("nan"), "NaN"),
        (LIST, ("delete", "compact"), "delete,compact"),
        (PASSWORD, Password("secret"), "[hidden]"),
        (INT, None, None),
    ],
)
def test_values_are_spelled_as_java_spells_them(type_: Type, value: object, text: str | None) -> None:
    assert key(type_).format(value) == text


def test_a_password_is_not_shown_by_accident() -> None:
    assert "secret" not in f"{Password('secret')} {Password('secret')!r} {[Password('secret')]}"


def test_an_instance_has_values_where_the_class_has_keys() -> None:
    settings = Example(read_properties(b"num.partitions=3\ndataDir=/d"))

    assert (settings.num_partitions, settings.log_dirs, settings.data_dir, settings.policy) == (
        3,
        None,
        "/d",
        ("delete",),
    )
    assert settings["dataDir"] == "/d"
    assert Example.num_partitions.name == "num.partitions"
    assert list(Example.KEYS) == ["dataDir", "log.dirs", "num.partitions", "policy"]


def test_an_unknown_key_is_reported_with_its_line_and_the_likely_one() -> None:
    assert Example(read_properties(b"\nlog.dir=/x\nzzz=1")).warnings == [
        "line 2: unknown key log.dir is ignored; did you mean log.dirs?",
        "line 3: unknown key zzz is ignored",
    ]


def test_the_last_of_two_assignments_counts() -> None:
    values, _ = Example.KEYS.parse([Property("num.partitions", "3", 1), Property("num.partitions", "5", 2)])
    assert values["num.partitions"] == 5


def test_a_table_can_be_made_of_loose_keys() -> None:
    values, warnings = KeyTable([Key(INT, 1, "A number.", name="a")]).parse([Property("a", "2", 1)])
    assert (values, warnings) == ({"a": 2}, [])


@given(st.sampled_from([INT, SHORT, LONG, DOUBLE, BOOLEAN, LIST]), st.text("0123456789+-.eEfaNn, true", max_size=20))
def test_any_text_is_rejected_or_survives_being_written(type_: Type, text: str) -> None:
    some = key(type_)
    try:
        value = some.parse(text)
    except BadProperty:
        return
    assert repr(some.parse(some.format(value) or "")) == repr(value)
