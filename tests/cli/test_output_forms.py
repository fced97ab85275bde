"""A form of --output that there is not: each command says which there are, in the grammar of its script."""

import pytest

from pykafka_cli.cli import run
from tests.support.running import RunningCluster, pk

NOWHERE = ("--bootstrap-server", "127.0.0.1:1")


@pytest.mark.parametrize(
    "words",
    [
        ("topics", *NOWHERE, "--list"),
        ("consumer-groups", *NOWHERE, "--list"),
        ("get-offsets", *NOWHERE),
        ("reassign-partitions", *NOWHERE, "--list"),
        ("streams-application-reset", *NOWHERE, "--application-id", "a"),
        ("console-consumer", *NOWHERE, "--topic", "t"),
        ("replica-verification", "--broker-list", "127.0.0.1:1"),
        ("zookeeper-shell",),
    ],
    ids=lambda words: words[0],
)
def test_scripts_of_jopt_say_it_below_their_own_words(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    command, *rest = words

    assert run([command, "--output", "prose", *rest]) == 1

    out, err = capsys.readouterr()
    assert "Cannot parse argument 'prose' of option output" in out + err
    assert "It is one of kafka, table, json, yaml.\n" in err


@pytest.mark.parametrize(
    "words", [("transactions", *NOWHERE, "list"), ("verifiable-producer", *NOWHERE, "--topic", "t")], ids=lambda w: w[0]
)
def test_scripts_of_argparse_say_it_in_their_own_words(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--output", "prose"]) == 1

    assert capsys.readouterr().err.endswith(
        "error: argument --output: invalid choice: 'prose' (choose from 'kafka', 'table', 'json', 'yaml')\n"
    )


@pytest.mark.parametrize("form", ["table", "json"])
def test_what_cannot_be_described_is_not_shown_as_if_it_had_no_settings(form: str, cluster: RunningCluster) -> None:
    missing = ("--entity-type", "topics", "--entity-name", "no-such-topic")

    done = pk("configs", "--bootstrap-server", cluster.bootstrap, "--describe", *missing, "--output", form)

    assert done.returncode == 1
    assert done.stdout.strip() in ("", "[]")
    assert "does not host this topic-partition" in done.stderr
