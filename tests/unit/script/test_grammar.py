"""Command lines as jopt-simple 5.0.4 and argparse4j 0.7 were seen to read them."""

import pytest

from pykafka_cli.script.grammar import Parsed, Spec, Takes, Unparsable, parse_argparse, parse_jopt, suggestions

LIST = Spec(("list",))
TOPIC = Spec(("topic",), Takes.VALUE)
CONFIG = Spec(("config",), Takes.VALUE)
BOOTSTRAP = Spec(("bootstrap-server",), Takes.VALUE)
PARTITIONS = Spec(("partitions",), Takes.VALUE)
SIZE_LIMIT = Spec(("partition-size-limit-per-response",), Takes.VALUE)
REPLICATION_FACTOR = Spec(("replication-factor",), Takes.VALUE)
REPLICA_ASSIGNMENT = Spec(("replica-assignment",), Takes.VALUE)
STATE = Spec(("state",), Takes.OPTIONAL_VALUE)
TIMEOUT = Spec(("timeout",), Takes.OPTIONAL_VALUE, str.isdecimal)
PROPERTIES = Spec(("consumer.config", "command-config"), Takes.VALUE)
JOPT = [LIST, TOPIC, CONFIG, BOOTSTRAP, PARTITIONS, SIZE_LIMIT, REPLICATION_FACTOR, REPLICA_ASSIGNMENT, STATE, TIMEOUT]

RECORDS = Spec(("num-records",), Takes.VALUE)
SERVERS = Spec(("bootstrap-server", "b"), Takes.VALUE)
CONTROLLERS = Spec(("bootstrap-controller", "C"), Takes.VALUE)
PROPS = Spec(("producer-props",), Takes.SEVERAL_VALUES)
VERBOSE = Spec(("verbose",))
ARGPARSE = [RECORDS, SERVERS, CONTROLLERS, PROPS, VERBOSE]


def options(parsed: Parsed) -> list[tuple[str, str | None]]:
    return [(given.spec.name, given.value) for given in parsed.options]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--topic", "t", "--list"], [("topic", "t"), ("list", None)]),
        (["--topic=t"], [("topic", "t")]),
        (["-topic", "t", "-list"], [("topic", "t"), ("list", None)]),
        (["-topic=t"], [("topic", "t")]),
        (["--topic="], [("topic", "")]),
        (["--config", "a=b=c"], [("config", "a=b=c")]),
        (["--config=a=b"], [("config", "a=b")]),
        (["--topic", "--list"], [("topic", "--list")]),
        (["--topic", "-5"], [("topic", "-5")]),
        (["--list=true"], [("list", None)]),
        (["--list", "--list"], [("list", None), ("list", None)]),
        (["--topic", "a", "--topic", "b"], [("topic", "a"), ("topic", "b")]),
        (["--state", "Stable"], [("state", "Stable")]),
        (["--state", "--list"], [("state", None), ("list", None)]),
        (["--state"], [("state", None)]),
        (["--state=Empty"], [("state", "Empty")]),
        (["--timeout", "soon"], [("timeout", None)]),
        (["--timeout", "500"], [("timeout", "500")]),
        (["--list", "--", "--topic", "t"], [("list", None)]),
        (["stray", "--list", "-", "word"], [("list", None)]),
    ],
)
def test_jopt_reads_words_as_it_was_seen_to(words: list[str], expected: list[tuple[str, str | None]]) -> None:
    assert options(parse_jopt(words, JOPT)) == expected


def test_words_of_no_option_are_handed_back() -> None:
    assert parse_jopt(["file", "--list", "-", "--", "--topic"], JOPT).words == ["file", "-", "--topic"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bogus"], "bogus is not a recognized option"),
        (["--bogus=1"], "bogus is not a recognized option"),
        (["-bogus"], "b is not a recognized option"),
        (["--topic"], "Option topic requires an argument"),
        (["--List"], "List is not a recognized option"),
    ],
)
def test_jopt_rejects_in_its_own_words(words: list[str], message: str) -> None:
    with pytest.raises(Unparsable) as refusal:
        parse_jopt(words, JOPT)

    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("--part", "partitions"),
        ("--partition", "partitions"),
        ("--partition-size", "partition-size-limit-per-response"),
        ("--replication", "replication-factor"),
        ("--bootstrap-s", "bootstrap-server"),
        ("-part", "partitions"),
        ("--part=3", "partitions"),
    ],
)
def test_an_unambiguous_abbreviation_is_accepted(word: str, name: str) -> None:
    assert parse_jopt([word, "3"], JOPT).options[0].spec.name == name


def test_an_option_that_the_script_does_not_have_takes_no_abbreviation_of_the_others() -> None:
    specs = [Spec(("from-beginning",)), Spec(("from-time",), Takes.VALUE, has_abbreviations=False)]

    assert parse_jopt(["--from"], specs).options[0].spec.name == "from-beginning"
    assert parse_jopt(["--from-time", "1h"], specs).options[0].value == "1h"
    with pytest.raises(Unparsable):
        parse_jopt(["--from-t", "1h"], specs)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("--boots-server", "Did you mean --bootstrap-server?"),
        ("--bootstrap", "Did you mean --bootstrap-server?"),
        ("--repl", "repl could be --replica-assignment or --replication-factor."),
        ("--topics", "Did you mean --topic?"),
        ("--xyz", ""),
    ],
)
def test_what_is_no_option_is_reported_with_the_closest_one(word: str, hint: str) -> None:
    with pytest.raises(Unparsable) as refusal:
        parse_jopt([word, "x"], JOPT)

    assert refusal.value.hint == hint


def test_all_spellings_of_an_option_are_the_same_option() -> None:
    parsed = parse_jopt(["--command-config", "a", "--consumer.config", "b"], [PROPERTIES])

    assert options(parsed) == [("consumer.config", "a"), ("consumer.config", "b")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--num-rec", "1000"], [("num-records", "1000")]),
        (["--num-records=7"], [("num-records", "7")]),
        (["-b", "host:1"], [("bootstrap-server", "host:1")]),
        (["-bhost:1"], [("bootstrap-server", "host:1")]),
        (["--num-records", "-1"], [("num-records", "-1")]),
        (["--producer-props", "a=1", "b=2"], [("producer-props", "a=1"), ("producer-props", "b=2")]),
        (["--producer-props", "a=1", "--verbose"], [("producer-props", "a=1"), ("verbose", None)]),
    ],
)
def test_argparse_reads_words_as_it_was_seen_to(words: list[str], expected: list[tuple[str, str | None]]) -> None:
    assert options(parse_argparse(words, ARGPARSE)) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--boots", "x"], "ambiguous option: --boots could match --bootstrap-controller, --bootstrap-server"),
        (["--bogus"], "unrecognized arguments: '--bogus'"),
        (["-x"], "unrecognized arguments: '-x'"),
        (["--num-records", "--verbose"], "argument --num-records: expected one argument"),
        (["--producer-props"], "argument --producer-props: expected at least one argument"),
        (["--verbose=1"], "argument --verbose: ignored explicit argument '1'"),
    ],
)
def test_argparse_rejects_in_its_own_words(words: list[str], message: str) -> None:
    with pytest.raises(Unparsable) as refusal:
        parse_argparse(words, ARGPARSE)

    assert str(refusal.value) == message


def test_positional_words_of_argparse_are_handed_back() -> None:
    assert parse_argparse(["describe", "--num-records", "1", "more"], ARGPARSE).words == ["describe", "more"]


@pytest.mark.parametrize(
    ("word", "candidates", "shown"),
    [
        ("bootstrap-sever", ["bootstrap-server", "bootstrap-controller"], ["bootstrap-server"]),
        ("desribe", ["describe", "upgrade"], ["describe"]),
        ("foo", ["list", "describe", "abort"], ["abort"]),
        ("lits", ["list", "abort"], ["list"]),
        ("foo", ["cluster-id", "unregister"], []),
        ("x", [], []),
    ],
)
def test_argparse_suggests_what_is_near(word: str, candidates: list[str], shown: list[str]) -> None:
    text = suggestions(word, {name: name for name in candidates})

    assert text == ("\nDid you mean:\n" + "\n".join(f"\t{name}" for name in shown) if shown else "")
