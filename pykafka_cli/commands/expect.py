"""`pk expect`: check that a topic gets the records that a test expects, and that groups read them."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings, read_property_file
from pykafka_cli.console.stderr import print_remark
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import OffsetSpec, Seconds, Timestamp
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.rules.deserializers import Deserializer, UnknownDeserializer, deserializer
from pykafka_cli.rules.expect_json import BadWants, Want, parse_wants
from pykafka_cli.rules.expect_ledger import Expectation
from pykafka_cli.rules.expect_marks import BadMark, Mark, decode_mark, is_token, topic_in_mark
from pykafka_cli.rules.expect_records import Filter, Texts, parse_header
from pykafka_cli.rules.java_text import BadPattern, compile_pattern
from pykafka_cli.rules.wait_conditions import BadCondition, Condition, parse_condition, parse_duration
from pykafka_cli.script.command import ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError
from pykafka_cli.script.options import INT, BootstrapServer, CommandConfig, bootstrap_or_default, chosen_output
from pykafka_cli.script.own_command import OwnCommand, ensure_writable, usage_errors
from pykafka_cli.text_files import write_text
from pykafka_cli.topic_names import why_invalid
from pykafka_cli.transport import event_loop

if TYPE_CHECKING:
    from pykafka_cli.procedures.expect import Report, Start, Wanted

WHICH, WHAT, REPORTS = "Which records count", "What is expected of them", "Reports"
ACTIONS_VARIABLE = "GITHUB_ACTIONS"
OF_RECORDS = frozenset(
    {
        "key", "header", "value-matches", "from-offset", "isolation-level", "key-deserializer", "value-deserializer",
        "count", "json-subset", "ordered-by-key", "exactly", "grace",
    }
)  # fmt: skip
"""Options that need a topic."""

EARLIEST_TIMESTAMP = 10**11
"""1973: a smaller number is more likely an offset than milliseconds since 1970."""

PACKAGE = "org.apache.kafka.common.serialization."

EPILOG = """\b
Conditions are those of `pk wait`, checked once the records have arrived:
  group=GROUP[:STATE[:MEMBERS]], lag=GROUP:N[:TOPIC], topic=..., records=...

\b
Examples:
  pk expect orders --count 3 --key alice --within 30s
  mark=$(pk mark orders) && ./send-orders &&
  pk expect orders lag=billing:0 --from-offset $mark --json-subset want.jsonl

Exit status: 0 if all arrived, 1 if not, 2 if the command line is wrong.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ExpectCommand(OwnCommand):
    may_be_empty = ("--key",)


@app.command(cls=ExpectCommand, epilog=EPILOG)
def expect(
    ctx: ScriptContext,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC] [CONDITION]...", help="The topic to read, and conditions to check."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="Count only records with this key.", rich_help_panel=WHICH),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="NAME[=VALUE]",
            help="Count only records with this header; may be repeated.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    value_matches: Annotated[
        str | None,
        typer.Option(
            "--value-matches",
            metavar="REGEX",
            help="Count only records whose value has a match of the expression; ^ and $ anchor it.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    from_offset: Annotated[
        str,
        typer.Option(
            "--from-offset",
            metavar="TOKEN|TIME",
            help=(
                "Count only records after a token of `pk mark`, or since a time: milliseconds, or 2026-12-31T23:59:59Z."
            ),
            rich_help_panel=WHICH,
        ),
    ] = "earliest",
    isolation_level: Annotated[
        Literal["read_uncommitted", "read_committed"],
        typer.Option(
            "--isolation-level",
            help="read_committed skips records of transactions that are not committed.",
            rich_help_panel=WHICH,
        ),
    ] = "read_uncommitted",
    key_deserializer: Annotated[
        str | None,
        typer.Option(
            "--key-deserializer",
            metavar="CLASS",
            help="Kafka's deserializer of keys, such as LongDeserializer; UTF-8 by default.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    value_deserializer: Annotated[
        str | None,
        typer.Option(
            "--value-deserializer",
            metavar="CLASS",
            help="Like --key-deserializer, for values.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            parser=INT,
            metavar="N",
            help="Expect at least N records; 1 by default.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    json_subset: Annotated[
        str | None,
        typer.Option(
            "--json-subset",
            metavar="FILE",
            help="For each line of FILE, expect another record whose JSON value contains the line; - is stdin.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    ordered_by_key: Annotated[
        bool,
        typer.Option(
            "--ordered-by-key",
            help="Expect records of one key in the order of their lines in FILE.",
            rich_help_panel=WHAT,
        ),
    ] = False,
    exactly: Annotated[
        bool, typer.Option("--exactly", help="Expect no other records that count.", rich_help_panel=WHAT)
    ] = False,
    grace: Annotated[
        str,
        typer.Option(
            "--grace",
            metavar="TIME",
            help="Time for which --exactly waits for other records.",
            rich_help_panel=WHAT,
        ),
    ] = "1s",
    within: Annotated[
        str,
        typer.Option("--within", metavar="TIME", help="Time limit, which includes connecting.", rich_help_panel=WHAT),
    ] = "30s",
    junit_xml: Annotated[
        Path | None,
        typer.Option("--junit-xml", metavar="FILE", help="Write a report in JUnit's format.", rich_help_panel=REPORTS),
    ] = None,
    tap: Annotated[bool, typer.Option("--tap", help="Print a report in TAP 14.", rich_help_panel=REPORTS)] = False,
    output: Annotated[
        OutputFormat | None,
        typer.Option("--output", help="json or yaml prints the whole result.", rich_help_panel=REPORTS),
    ] = None,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
) -> None:
    """Check that a topic gets the records that a test expects.

    Read the topic from its beginning without joining a group, until everything expected has arrived or time is up. On
    failure, print how the records differ from those expected.
    """
    from pykafka_cli.procedures.expect import Wanted

    with usage_errors():
        topic, conditions = _topic_and_conditions(ctx, words or [])
        if tap and output is not None:
            raise ScriptError("--tap and --output cannot be used together", hint="Both print to standard output.")
        if junit_xml is not None:
            _prepare_report(junit_xml)
        if "grace" in ctx.given and not exactly:
            raise ScriptError("--grace needs --exactly")
        records = None
        if topic is not None:
            wants = [] if json_subset is None else _read_wants(json_subset)
            records = Expectation(
                topic,
                count,
                wants,
                "stdin" if json_subset == "-" else json_subset or "",
                ordered_by_key,
                exactly,
                _filter(key, header or [], value_matches),
            )
            _check_together(records)
        wanted = Wanted(
            records,
            _start(from_offset, topic),
            Texts(_deserializer(key_deserializer, is_key=True), _deserializer(value_deserializer, is_key=False)),
            conditions,
            _seconds("--within", within),
            _seconds("--grace", grace),
        )
        if not wanted.within:
            raise ScriptError("--within must be more than 0")
        missing = ScriptError("Missing required option --bootstrap-server")
        bootstrap = bootstrap_or_default(bootstrap_server, missing)
        level = isolation_level if "isolation-level" in ctx.given else None
        started = datetime.now(UTC)
        report = _check(bootstrap, *_settings(command_config, level), wanted)
    _show(report, wanted, started=started, junit_xml=junit_xml, tap=tap, output=output)
    if not report.is_met:
        raise Ended(ExitStatus.FAILURE)


# ---- the command line; all of this raises ScriptError


def _topic_and_conditions(ctx: ScriptContext, words: list[str]) -> tuple[str | None, list[tuple[str, Condition]]]:
    topics = [word for word in words if "=" not in word]
    if len(topics) > 1:
        hint = "One command reads one topic; a token of `pk mark` may have several."
        raise ScriptError(f"There is more than one topic: {' '.join(topics)}", hint=hint)
    if topics and (problem := why_invalid(topics[0])):
        raise ScriptError(f"Topic name is invalid: {problem}")
    if not words:
        raise ScriptError("No topic and no condition was named", hint="`pk expect orders` expects a record in orders.")
    if not topics and (given := sorted(OF_RECORDS & ctx.given)):
        raise ScriptError(f"--{given[0]} needs a topic")
    try:
        conditions = [(word, parse_condition(word)) for word in words if "=" in word]
    except BadCondition as error:
        raise ScriptError(str(error), hint=error.hint) from None
    return next(iter(topics), None), conditions


def _prepare_report(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScriptError(f"--junit-xml: {error.filename}: {error.strerror}") from None
    ensure_writable("--junit-xml", file)


def _read_wants(file: str) -> list[Want]:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return parse_wants(data.decode())
    except OSError as error:
        raise ScriptError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScriptError(f"{file}: it is not UTF-8") from None
    except BadWants as error:
        raise ScriptError(f"{file}: {error}") from None


def _check_together(records: Expectation) -> None:
    if records.number is not None and records.number < 0:
        raise ScriptError("--count must not be negative")
    if records.ordered and not records.wants:
        raise ScriptError("--ordered-by-key needs --json-subset", hint="The order is that of its lines.")
    if records.number == 0 and not records.exactly:
        raise ScriptError("--count 0 needs --exactly", hint="Otherwise it is always met.")
    if records.exactly and records.number is not None and records.number < len(records.wants):
        raise ScriptError(f"--exactly --count {records.number} leaves no room for {len(records.wants)} wanted records")


def _filter(key: str | None, headers: list[str], expression: str | None) -> Filter:
    if any(not parse_header(word)[0] for word in headers):
        raise ScriptError("--header: there is no name")
    try:
        pattern = None if expression is None else compile_pattern(expression)
    except BadPattern as error:
        raise ScriptError(f"--value-matches: {error}") from None
    return Filter(key, tuple(map(parse_header, headers)), pattern, expression or "")


def _start(text: str, topic: str | None) -> "Start":
    """A mark, milliseconds, or EARLIEST."""
    if text == "earliest":
        return OffsetSpec.EARLIEST
    try:
        if is_token(text):
            return _mark(text, topic)
        if text.isascii() and text.isdigit():
            if int(text) < EARLIEST_TIMESTAMP:
                raise BadMark(f"{text} is not a timestamp in milliseconds")
            return Timestamp(int(text))
        moment = datetime.fromisoformat(text)
    except BadMark as error:
        raise ScriptError(f"--from-offset: {error}", hint="A token is what `pk mark TOPIC` prints.") from None
    except ValueError:
        hint = "Use a token of `pk mark`, milliseconds since 1970, a time such as 2026-12-31T23:59:59Z, or earliest."
        raise ScriptError(f"--from-offset: {text!r} is not a position in a topic", hint=hint) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Timestamp(max(0, int(aware.timestamp() * 1000)))


def _mark(text: str, topic: str | None) -> Mark:
    mark = decode_mark(text)
    if topic is not None:
        topic_in_mark(mark, topic)
    return mark


def _deserializer(name: str | None, *, is_key: bool) -> Deserializer | None:
    if name is None:
        return None
    try:
        return deserializer(name if "." in name else PACKAGE + name, {}, is_key=is_key)
    except UnknownDeserializer:
        hint = f"Use a class of {PACKAGE.removesuffix('.')}, such as LongDeserializer."
        raise ScriptError(f"There is no deserializer {name}", hint=hint) from None


def _seconds(option: str, text: str) -> Seconds:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ScriptError(f"{option}: {error}") from None


def _settings(command_config: str | None, isolation_level: str | None) -> tuple[ClientSettings, ConsumerSettings]:
    from pykafka_cli.console.log_lines import warn
    from pykafka_cli.procedures.expect import DEFAULTS

    own: Mapping[str, str] = {"auto.offset.reset": "earliest", "allow.auto.create.topics": "false"}
    try:
        properties = {**DEFAULTS, **(read_property_file(command_config) if command_config else {}), **own}
        if isolation_level is not None:
            properties["isolation.level"] = isolation_level
        settings = ConsumerSettings(properties)
    except (BadClientSetting, ConfigError) as error:
        raise ScriptError(str(error)) from None
    for warning in settings.warnings:
        warn(warning)
    return ClientSettings(properties), settings


# ---- checking and reporting


def _check(bootstrap: str, client: ClientSettings, settings: ConsumerSettings, wanted: "Wanted") -> "Report":
    """raises    ScriptError where there can be no client with these settings, or the mark is of another cluster"""
    from pykafka_cli.console.waiting import WaitingLine
    from pykafka_cli.procedures.expect import check
    from pykafka_cli.script.opening import unchecked_session

    line = WaitingLine()
    try:
        return event_loop.run(
            check(lambda: unchecked_session(bootstrap, client), settings, wanted, lambda lines: line.show(list(lines)))
        )
    except (BadClientSetting, BadMark) as error:
        raise ScriptError(str(error)) from None
    finally:
        line.end()


def _show(
    report: "Report",
    wanted: "Wanted",
    *,
    started: datetime,
    junit_xml: Path | None,
    tap: bool,
    output: OutputFormat | None,
) -> None:
    from pykafka_cli.output.expect import Summary, explained, failure_lines, print_lines, show_result
    from pykafka_cli.output.expect_reports import github_errors, junit, print_tap
    from pykafka_cli.rules.expect_ledger import Assertion

    summary = Summary(
        report.is_met,
        report.timed_out,
        report.elapsed,
        wanted.within,
        report.seen,
        report.counted,
        report.problem,
        report.hint,
        report.notes,
    )

    def explain(assertion: Assertion) -> str:
        lines = [line.text.removeprefix("  ") for line in explained(assertion)]
        return "\n".join([*lines, *([summary.problem] if summary.problem else [])])

    if not report.is_met:
        print_lines(failure_lines(summary, report.assertions))
    if os.environ.get(ACTIONS_VARIABLE) == "true":
        file = wanted.records.source if wanted.records and wanted.records.source != "stdin" else None
        for error in github_errors(report.assertions, explain, file=file):
            print_remark(error)
    if junit_xml is not None:
        suite = f"pk expect {wanted.records.topic}" if wanted.records else "pk expect"
        text = junit(report.assertions, explain, elapsed=report.elapsed, started=started, suite=suite)
        write_text(junit_xml, f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')
    if tap:
        print_tap(report.assertions, explain)
    else:
        show_result(chosen_output(output), summary, report.assertions)
