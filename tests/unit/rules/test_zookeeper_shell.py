"""The language of ZooKeeper's shell."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.rules.zookeeper_shell import (
    VERBS,
    ShellProblem,
    check_path,
    error_text,
    jute_text,
    number,
    parse_acl,
    permissions_text,
    understood,
    words_of,
)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ls -s /a", ["ls", "-s", "/a"]),
        ("  create /a 'two words'  ", ["create", "/a", "two words"]),
        ('set /a "it\'s"', ["set", "/a", "it's"]),
        ("set /a ''", ["set", "/a", ""]),
        ("set /a {'x':1}", ["set", "/a", "{'x':1}"]),
        ("   ", []),
    ],
)
def test_quotes_keep_blanks_in_a_word(line: str, words: list[str]) -> None:
    assert words_of(line) == words


@pytest.mark.parametrize(
    ("words", "plain", "options"),
    [
        ("ls -s -w /a", ("ls", "/a"), {"s": "", "w": ""}),
        ("ls /a -sw", ("ls", "/a"), {"s": "", "w": ""}),
        ("set -v 3 /a x", ("set", "/a", "x"), {"v": "3"}),
        ("set -v3 /a x", ("set", "/a", "x"), {"v": "3"}),
        ("set -v -1 /a x", ("set", "/a", "x"), {"v": "-1"}),
        ("set -- /a -x", ("set", "/a", "-x"), {}),
        ("close -x", ("close",), {}),
        ("setquota -n 5 /a", ("setquota", "/a"), {"n": "5"}),
    ],
)
def test_options_stand_anywhere(words: str, plain: tuple[str, ...], options: dict[str, str]) -> None:
    assert understood(words.split()) == (plain, options)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ls -x /a", "org.apache.commons.cli.UnrecognizedOptionException: Unrecognized option: -x"),
        ("ls -sx /a", "org.apache.commons.cli.UnrecognizedOptionException: Unrecognized option: -sx"),
        ("set -v", "org.apache.commons.cli.MissingArgumentException: Missing argument for option: v"),
        ("set /a x -v -s", "org.apache.commons.cli.MissingArgumentException: Missing argument for option: v"),
        ("ls", "ls [-s] [-w] [-R] path"),
        ("version please", "version "),
        ("addWatch /a /b", f"addWatch {VERBS['addWatch'].usage}"),
    ],
)
def test_a_command_that_is_not_understood_says_why(words: str, said: str) -> None:
    with pytest.raises(ShellProblem) as problem:
        understood(words.split())
    assert str(problem.value) == said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "Path length must be > 0"),
        ("a", "Path must start with / character"),
        ("/a/", "Path must not end with / character"),
        ("/a//b", 'Invalid path string "/a//b" caused by empty node name specified @3'),
        ("/a/./b", 'Invalid path string "/a/./b" caused by relative paths not allowed @3'),
        ("/a/../b", 'Invalid path string "/a/../b" caused by relative paths not allowed @4'),
        ("/a\x01", 'Invalid path string "/a\x01" caused by invalid character @2'),
        ("/a\0", 'Invalid path string "/a\0" caused by null character not allowed @2'),
    ],
)
def test_a_path_that_cannot_be_is_reported_in_zookeepers_words(path: str, said: str) -> None:
    with pytest.raises(ShellProblem) as problem:
        check_path(path)
    assert str(problem.value) == said


@pytest.mark.parametrize("path", ["/", "/a", "/a/b.c/..d", "/ä/…"])
def test_other_paths_are_let_through(path: str) -> None:
    check_path(path)


def test_acls_are_read_and_written() -> None:
    entries, complaints = parse_acl("world:anyone:cdrwa,digest:u:p=:rx,nonsense,")

    assert entries == [(31, "world", "anyone"), (1, "digest", "u:p=")]
    assert complaints == ["Unknown perm type: x", "nonsense does not have the form scheme:id:perm"]
    assert permissions_text(31) == "cdrwa"
    assert permissions_text(5) == "cr"


def test_fields_are_escaped_as_in_records() -> None:
    assert jute_text("CN=a,O=100%}\n") == "CN=a%2CO=100%25%7D%0A"
    assert jute_text(None) == ""


def test_errors_have_the_shells_words_or_zookeepers_name() -> None:
    assert error_text(-101, "/a") == "Node does not exist: /a"
    assert error_text(-4, "/a") == "KeeperErrorCode = ConnectionLoss for /a"
    assert error_text(-112, "") == "KeeperErrorCode = Session expired"
    assert error_text(-124, "/a") == "KeeperErrorCode = Session closed because client failed to authenticate for /a"


@pytest.mark.parametrize("text", ["", "x", "1.5", "2147483648"])
def test_what_is_no_number_is_rejected(text: str) -> None:
    with pytest.raises(ShellProblem, match=f'^For input string: "{text}"$'):
        number(text)


@given(st.lists(st.text(alphabet="-svwxR/a1=", max_size=4), max_size=5), st.sampled_from(sorted(VERBS)))
def test_any_words_are_understood_or_rejected(words: list[str], name: str) -> None:
    try:
        call = understood([name, *words])
    except ShellProblem:
        return
    assert call.words[0] == name


def test_options_of_reconfig_have_names() -> None:
    words = words_of("reconfig -s -v 10000000d -add server.4=h:1:2;3 -remove 1,2")

    assert understood(words).options == {"s": "", "v": "10000000d", "add": "server.4=h:1:2;3", "remove": "1,2"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("reconfig", "reconfig [-s] [-v version] [[-file path]"),
        ("reconfig -s", "reconfig [-s] [-v version] [[-file path]"),
        ("reconfig -x", "UnrecognizedOptionException: Unrecognized option: -x"),
        ("reconfig -add", "MissingArgumentException: Missing argument for option: add"),
        ("reconfig -remove 1 -v one", "-v must be followed by a long"),
        ("reconfig -file f -add server.1=a:1:2;3", "Can't use -file or -members together with -add or -remove"),
        ("reconfig -file f -members server.1=a:1:2;3", "Can't use -file and -members together"),
    ],
)
def test_a_reconfig_that_cannot_be_is_rejected(line: str, problem: str) -> None:
    with pytest.raises(ShellProblem, match=re.escape(problem)):
        understood(words_of(line))
