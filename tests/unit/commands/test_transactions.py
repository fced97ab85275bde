"""What `pk transactions` rejects before it asks anybody."""

import pytest

from pykafka_cli.cli import run

HERE = ("--bootstrap-server", "127.0.0.1:1")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*HERE,), "too few arguments"),
        ((*HERE, "forget"), "invalid choice: 'forget'"),
        (("list",), "argument --bootstrap-server is required"),
        ((*HERE, "list", "--topic", "t"), "unrecognized arguments: '--topic'"),
        ((*HERE, "describe"), "argument --transactional-id is required"),
        ((*HERE, "describe-producers", "--topic", "t"), "argument --partition is required"),
        ((*HERE, "abort", "--partition", "0"), "argument --topic is required"),
        ((*HERE, "abort", "--topic", "t", "--partition", "0"), "must be identified either with --start-offset"),
        ((*HERE, "abort", "--topic", "t", "--partition", "0", "--producer-id", "1"), "argument --producer-epoch"),
        ((*HERE, "find-hanging"), "requires either --topic or --broker-id to limit the scope"),
        ((*HERE, "find-hanging", "--broker-id", "0", "--partition", "0"), "requires --topic to be provided"),
    ],
)
def test_a_command_line_that_lacks_something_is_rejected(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PK_BOOTSTRAP_SERVER", raising=False)

    assert run(["transactions", *words]) == 1

    output = capsys.readouterr()
    assert message in output.err
    assert not output.out


def test_the_version_comes_with_a_commit(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["transactions", "-v"]) == 0
    assert capsys.readouterr().out == "3.9.1 (Commit:unknown)\n"
