"""A Typer function as a script: what it is given, and how it reports a bad command line."""

from collections.abc import Callable
from typing import Annotated

import pytest
import typer

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.script.command import ArgparseCommand, OptionalValue, ScriptCommand, ScriptContext, SeveralValues
from pykafka_cli.script.errors import ScriptError, UnreadableValue, UsageProblem
from pykafka_cli.script.options import INT, LONG

Run = Callable[..., object]


class Jopt(ScriptCommand):
    without_arguments = "This tool does something."


class Lazy(ScriptCommand):
    defers_values = True


class Argparse(ArgparseCommand):
    subcommands = ("describe", "change")


def script(command: type[ScriptCommand]) -> tuple[Run, dict[str, object]]:
    """Something to run with words, and what its function was given."""
    seen: dict[str, object] = {}
    app = typer.Typer(add_completion=False)

    @app.command(cls=command)
    def tool(
        ctx: ScriptContext,
        topic: Annotated[str | None, typer.Option("--topic")] = None,
        config: Annotated[list[str] | None, typer.Option("--config")] = None,
        partitions: Annotated[int | None, typer.Option("--partitions", parser=INT)] = None,
        offset: Annotated[int, typer.Option("--offset", parser=LONG)] = 7,
        codec: Annotated[str, typer.Option("--codec", parser=OptionalValue(without="gzip"))] = "none",
        force: Annotated[bool, typer.Option("--force")] = False,
    ) -> None:
        seen.update(
            {
                "topic": topic,
                "config": config,
                "partitions": partitions,
                "offset": offset,
                "codec": codec,
                "force": force,
            }
        )
        seen["given"] = sorted(ctx.given)
        ctx.read_values()

    return lambda *words: typer.main.get_command(app)(args=list(words), prog_name="tool", standalone_mode=False), seen


def test_the_function_gets_values_and_knows_what_was_given() -> None:
    run, seen = script(Jopt)

    run("-topic", "--force", "--config", "a=1", "--config=b=2", "--partitions", "+3", "--codec", "stray")

    assert seen == {
        "topic": "--force",
        "config": ["a=1", "b=2"],
        "partitions": 3,
        "offset": 7,
        "codec": "stray",
        "force": False,
        "given": ["codec", "config", "partitions", "topic"],
    }


def test_an_optional_value_that_is_left_out_has_a_meaning_of_its_own() -> None:
    run, seen = script(Jopt)

    run("--codec", "--force")

    assert (seen["codec"], seen["force"]) == ("gzip", True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--partitions", "x"], "Cannot parse argument 'x' of option partitions"),
        (["--partitions", "1_0"], "Cannot parse argument '1_0' of option partitions"),
        (["--partitions", " 1"], "Cannot parse argument ' 1' of option partitions"),
        (["--partitions", "2147483648"], "Cannot parse argument '2147483648' of option partitions"),
        (["--offset", "9223372036854775808"], "Cannot parse argument '9223372036854775808' of option offset"),
        (["--topic", "a", "--topic", "b"], "Found multiple arguments for option topic, but you asked for only one"),
    ],
)
def test_a_value_that_cannot_be_read_is_reported_as_jopt_reports_it(words: list[str], message: str) -> None:
    run, _ = script(Jopt)

    with pytest.raises(UnreadableValue) as refusal:
        run(*words)

    assert str(refusal.value) == message


def test_a_command_may_look_at_its_options_before_it_reads_them() -> None:
    run, seen = script(Lazy)

    with pytest.raises(UnreadableValue):
        run("--partitions", "x", "--topic", "t")

    assert seen["given"] == ["partitions", "topic"]
    assert (seen["topic"], seen["partitions"]) == ("t", None)


def test_no_words_at_all_are_answered_with_message_and_help() -> None:
    run, _ = script(Jopt)

    with pytest.raises(UsageProblem) as refusal:
        run()

    assert str(refusal.value) == "This tool does something."
    assert "--partitions" in refusal.value.hint


def test_help_goes_to_stdout_and_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = script(Jopt)

    assert run("--help") == 0
    assert "--partitions" in capsys.readouterr().out


def test_a_parse_error_comes_before_help() -> None:
    run, _ = script(Jopt)

    with pytest.raises(ScriptError, match="bogus is not a recognized option"):
        run("--help", "--bogus")


def test_version_is_that_of_the_kafka_that_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = script(Jopt)

    assert run("--version") == 0
    assert capsys.readouterr().out == f"{KAFKA_VERSION}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "too few arguments"),
        (["nonsense"], "invalid choice: 'nonsense' (choose from 'describe', 'change')"),
        (["describe", "more"], "unrecognized arguments: 'more'"),
        (["--version"], "unrecognized arguments: '--version'"),
        (
            ["describe", "--count", "x"],
            "argument --count/-c: could not convert 'x' to Integer (For input string: \"x\")",
        ),
    ],
)
def test_argparse_tools_report_usage_and_error(words: list[str], message: str) -> None:
    app = typer.Typer(add_completion=False)

    @app.command(cls=Argparse)
    def tool(
        command: Annotated[str, typer.Argument()],
        props: Annotated[list[str] | None, typer.Option("--props", parser=SeveralValues())] = None,
        count: Annotated[int, typer.Option("--count", "-c", parser=INT)] = 0,
    ) -> None: ...

    with pytest.raises(ScriptError) as refusal:
        typer.main.get_command(app)(args=words, prog_name="tool", standalone_mode=False)

    assert str(refusal.value).startswith("usage: tool")
    assert str(refusal.value).endswith(f"tool: error: {message}")


def test_a_list_option_of_argparse_takes_words_up_to_the_next_option() -> None:
    seen: list[object] = []
    app = typer.Typer(add_completion=False)

    @app.command(cls=ArgparseCommand)
    def tool(
        props: Annotated[list[str] | None, typer.Option("--props", parser=SeveralValues())] = None,
        number: Annotated[int, typer.Option("--number", parser=INT)] = 0,
    ) -> None:
        seen.extend([props, number])

    typer.main.get_command(app)(args=["--props", "a=1", "b=2", "--num", "-3"], prog_name="tool", standalone_mode=False)

    assert seen == [["a=1", "b=2"], -3]
