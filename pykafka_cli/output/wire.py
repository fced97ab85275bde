"""Messages on the wire, as `pk wire` and --show-wire print them: a line each, and their fields below it."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from pykafka_cli.output.colors import may_color
from pykafka_cli.protocol.records.record import Record
from pykafka_cli.rules.wire_choice import WireChoice
from pykafka_cli.rules.wire_log import WireLog, WireMessage

_FOLDED_AT = 5
"""Number of entries shown of a long list."""
_LINE = 100
_INDENT = "    "
_BLUE, _GREEN, _RED, _DIM, _PLAIN = "\x1b[34m", "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


def print_address(host: str, port: int) -> None:
    """Where to connect clients."""
    print(f"Connect clients to {host}:{port}. Ctrl-C ends it.", file=sys.stderr)


class WirePrinter:
    """Prints messages.

    file         None: wherever stderr is at that moment
    is_folded    whether to shorten long lists
    as_json      whether to print an object per line
    """

    def __init__(self, file: IO[str] | None = None, *, as_json: bool = False, is_folded: bool = True) -> None:
        self._file, self._as_json, self._is_folded = file, as_json, is_folded
        self._has_colors = (file or sys.stderr).isatty() and may_color()

    def show(self, message: WireMessage) -> None:
        text = json.dumps(document(message)) + "\n" if self._as_json else "".join(self._lines(message))
        print(text, end="", file=self._file or sys.stderr, flush=True)

    def _lines(self, message: WireMessage) -> Iterator[str]:
        header = message.header
        arrow, color = ("←", _GREEN) if message.is_response else ("→", _BLUE)
        if "errorCode" in str(message.body) and _has_error(message.body):
            color = _RED
        title = f"{arrow} {header.api} {header.api_version}"
        took = f"{message.took * 1000:.1f} ms, " if message.took is not None else ""
        client = f", client {header.client_id}" if header.client_id and not message.is_response else ""
        rest = f"#{header.correlation_id}  {message.address}  {took}{message.size} bytes{client}"
        yield (
            f"{_DIM}{message.seconds:9.3f}{_PLAIN} {color}{title}{_PLAIN} {_DIM}{rest}{_PLAIN}\n"
            if self._has_colors
            else f"{message.seconds:9.3f} {title} {rest}\n"
        )
        if isinstance(message.body, str):
            yield f"{_INDENT}({message.body})\n"
        else:
            yield from self._fields(message.body, _INDENT)

    def _fields(self, fields: Mapping[str, Any], indent: str) -> Iterator[str]:
        for name, value in fields.items():
            yield from self._value(f"{indent}{name}: ", value, indent)

    def _value(self, start: str, value: Any, indent: str) -> Iterator[str]:
        """One field, on one line if that is short enough."""
        line = start + _inline(value)
        if len(line) <= _LINE or not isinstance(value, Mapping | list):
            yield line + "\n"
        elif isinstance(value, Mapping):
            yield start.rstrip() + "\n"
            yield from self._fields(value, indent + "  ")
        else:
            yield start.rstrip() + "\n"
            shown = value[:_FOLDED_AT] if self._is_folded and len(value) > _FOLDED_AT + 1 else value
            for each in shown:
                yield from self._entry(each, indent + "  ")
            if len(shown) < len(value):
                yield f"{indent}  ... {len(value) - len(shown)} more\n"

    def _entry(self, value: Any, indent: str) -> Iterator[str]:
        """One entry of a list, with a dash before it."""
        line = f"{indent}- {_inline(value)}"
        if len(line) <= _LINE or not isinstance(value, Mapping):
            yield line + "\n"
            return
        for number, each in enumerate(self._fields(value, indent + "  ")):
            yield each if number else f"{indent}- {each.lstrip()}"


def wire_log(choice: WireChoice, file: IO[str] | None, clock: Callable[[], float]) -> WireLog:
    """A log that prints what was chosen, to stderr if `file` is None."""
    printer = WirePrinter(file, as_json=choice.is_json, is_folded=choice.is_folded)
    show_record = (choice.show_record or record_document) if choice.has_records else None
    return WireLog(printer.show, clock, choice.only, show_record)


def document(message: WireMessage) -> dict[str, Any]:
    """The keys are in docs/output.md."""
    return {
        "seconds": round(message.seconds, 6),
        "address": message.address,
        "type": "response" if message.is_response else "request",
        "api": message.header.api,
        "version": message.header.api_version,
        "correlation_id": message.header.correlation_id,
        "client_id": message.header.client_id,
        "milliseconds": None if message.took is None else round(message.took * 1000, 3),
        "bytes": message.size,
        "body": message.body if isinstance(message.body, Mapping) else None,
        "error": message.body if isinstance(message.body, str) else None,
    }


def record_document(record: Record) -> dict[str, Any]:
    """Key, value, and headers as text; in hex if not UTF-8."""
    found: dict[str, Any] = {"offset": int(record.offset), "timestamp": record.timestamp}
    found |= {"key": _text(record.key), "value": _text(record.value)}
    if record.headers:
        found["headers"] = {name: _text(value) for name, value in record.headers}
    return found


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"


def _has_error(body: Any) -> bool:
    if isinstance(body, Mapping):
        return any(_has_error(each) or (name == "errorCode" and each not in (0, "NONE")) for name, each in body.items())
    return isinstance(body, list) and any(map(_has_error, body))


def _inline(value: Any) -> str:
    """A value in one line, shorter than JSON."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_inline(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
