"""Which requests and responses are shown, and how: the options of `pk wire`, and the words after --show-wire=.

json,records,Fetch,topic=orders      as JSON, with records, only Fetch, only messages that name the topic orders
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.message_documents import ShowRecord
from pykafka_cli.protocol.records.record import Record
from pykafka_cli.rules.deserializers import DeserializationError
from pykafka_cli.rules.formatters import Formatter, formatter
from pykafka_cli.rules.wire_log import ALL, WireFilter

WORDS = "json, full, records, topic=TOPIC, formatter=CLASS, and names of APIs"


class BadWireChoice(Exception):
    """A word is invalid; `hint` says which ones are valid."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class WireChoice(NamedTuple):
    """is_folded    whether to shorten long lists"""

    only: WireFilter = ALL
    has_records: bool = False
    show_record: ShowRecord | None = None
    is_folded: bool = True
    is_json: bool = False


def chosen_apis(names: Iterable[str]) -> frozenset[str]:
    """The APIs with these names, in upper or lower case.

    raises    BadWireChoice
    """
    apis = frozenset(name.lower() for name in names)
    if unknown := apis - {each.title.lower() for each in ApiKey}:
        hint = "APIs are, for example, Metadata, Produce, and ListOffsets."
        raise BadWireChoice(f"There is no API {min(unknown)}", hint)
    return apis


def parse_choice(text: str) -> WireChoice:
    """The words after --show-wire=, between commas.

    raises    BadWireChoice
    """
    apis, topics, show_record = [], [], None
    words = {word.strip() for word in text.split(",")}
    for word in words - {"json", "full", "records"}:
        name, _, value = word.partition("=")
        if name in ("topic", "formatter") and not value:
            raise BadWireChoice(f"{name}= has no value")
        if name == "topic":
            topics.append(value)
        elif name == "formatter":
            show_record = formatted(value, {})
        else:
            apis.append(word)
    try:
        only = WireFilter(chosen_apis(apis), frozenset(topics))
    except BadWireChoice as problem:
        raise BadWireChoice(str(problem), f"What can follow --show-wire= is {WORDS}.") from None
    return WireChoice(
        only, "records" in words or show_record is not None, show_record, "full" not in words, "json" in words
    )


class _Consumed(NamedTuple):
    """A record as formatters take it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_type: int = 0


def formatted(name: str, properties: Mapping[str, str]) -> ShowRecord:
    """A function that shows a record as one of console-consumer's formatters prints it.

    raises    BadWireChoice if there is no such class
    """
    try:
        found: Formatter = formatter(name, properties)
    except LookupError:
        raise BadWireChoice(f"There is no formatter {name}") from None

    def show(record: Record) -> str:
        try:
            printed = found.render("", 0, [_Consumed(*record)])  # type: ignore[list-item]
        except (DeserializationError, ValueError) as problem:
            return f"({problem})"
        return printed.decode(errors="replace").removesuffix("\n")

    return show
