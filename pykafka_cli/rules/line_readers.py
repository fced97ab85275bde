r"""Parses input lines as records, like console-producer (kafka.tools.ConsoleProducer$LineMessageReader).

A line is laid out as `[headers][headers.delimiter][key][key.separator]value`, for instance `h1:v1,h2:v2\tkey\tvalue`.
Lines are bytes in UTF-8; a separator found in UTF-8 bytes is the separator found in the text, so nothing is decoded.
Records are returned as columns, None if no record has such a part: no object is created for a line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from typing import NamedTuple

from pykafka_cli.rules.java_text import compile_pattern, is_true, split_by_pattern

Header = tuple[str, bytes | None]


class BadReaderProperties(Exception):
    """Conflicting properties; the message is the script's."""


class BadLine(Exception):
    """A line that does not fit the layout; the message is the script's and names the line."""


class RecordBlock(NamedTuple):
    """Records of consecutive lines, by column. `first_line` counts from 1."""

    first_line: int
    values: Sequence[bytes | None]
    keys: Sequence[bytes | None] | None = None
    headers: Sequence[list[Header]] | None = None


@dataclass(frozen=True, slots=True)
class LineReaderSettings:
    """The reader's properties (--property, --reader-property, --reader-config), checked against each other."""

    parse_key: bool = False
    key_separator: str = "\t"
    parse_headers: bool = False
    headers_delimiter: str = "\t"
    headers_separator: str = ","
    headers_key_separator: str = ":"
    ignore_error: bool = False
    null_marker: str | None = None

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> "LineReaderSettings":
        """Unknown keys are ignored, as the script ignores them.

        raises  BadReaderProperties if two separators, or a separator and the null marker, are the same text
        """
        settings = cls(
            parse_key=is_true(properties.get("parse.key")),
            key_separator=properties.get("key.separator", "\t"),
            parse_headers=is_true(properties.get("parse.headers")),
            headers_delimiter=properties.get("headers.delimiter", "\t"),
            headers_separator=properties.get("headers.separator", ","),
            headers_key_separator=properties.get("headers.key.separator", ":"),
            ignore_error=is_true(properties.get("ignore.error")),
            null_marker=properties.get("null.marker"),
        )
        for one, other in SEPARATORS_THAT_MUST_DIFFER:
            if settings._named(one) == settings._named(other):
                raise BadReaderProperties(f"{one} and {other} may not be equal")
        return settings

    def _named(self, key: str) -> str | None:
        value: str | None = getattr(self, key.replace(".", "_"))
        return value


SEPARATORS_THAT_MUST_DIFFER = (
    ("headers.delimiter", "headers.separator"),
    ("headers.delimiter", "headers.key.separator"),
    ("headers.separator", "headers.key.separator"),
    ("null.marker", "key.separator"),
    ("null.marker", "headers.separator"),
    ("null.marker", "headers.delimiter"),
    ("null.marker", "headers.key.separator"),
)


class LineSplitter:
    r"""Splits bytes as they arrive into whole lines at
    , \r
     or \r, like Java's BufferedReader.readLine.

        Malformed UTF-8 becomes U+FFFD. Holds at most one unfinished line.
    """

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []
        self._after_carriage_return = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        if self._after_carriage_return and data.startswith(b"\n"):
            data = data[1:]
            self._after_carriage_return = False
        if not data:
            return []
        self._after_carriage_return = data.endswith(b"\r")
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end:
            self._unfinished.append(data)
            return []
        whole = b"".join((*self._unfinished, data[:end]))
        self._unfinished = [data[end:]] if end < len(data) else []
        return well_formed(whole).splitlines()

    def finish(self) -> list[bytes]:
        """The last line, if no line end follows it."""
        rest = b"".join(self._unfinished)
        self._unfinished = []
        return [well_formed(rest)] if rest else []


def well_formed(text: bytes) -> bytes:
    """`text` in valid UTF-8: invalid bytes become U+FFFD."""
    if text.isascii():
        return text
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode(errors="replace").encode()
    return text


class LineReader:
    """Parses lines, numbered from 1 across calls, as records."""

    def __init__(self, settings: LineReaderSettings) -> None:
        self.settings = settings
        self._next_line = 1
        self._null_marker = None if settings.null_marker is None else settings.null_marker.encode()
        self._key_separator = settings.key_separator.encode()
        self._headers_delimiter = settings.headers_delimiter.encode()
        self._headers_separator = compile_pattern(settings.headers_separator)

    def read(self, lines: Sequence[bytes]) -> tuple[RecordBlock, BadLine | None]:
        """Parse `lines` up to the first that does not fit the layout, and return the records and its problem."""
        first = self._next_line
        self._next_line += len(lines)
        if not self.settings.parse_key and not self.settings.parse_headers:
            return RecordBlock(first, self._nullable(lines)), None
        if not self.settings.parse_headers:
            return self._read_keyed(first, lines)
        return self._read_with_headers(first, lines)

    def _nullable(self, values: Sequence[bytes | None]) -> Sequence[bytes | None]:
        if self._null_marker is None:
            return values
        return [None if value == self._null_marker else value for value in values]

    def _read_keyed(self, first: int, lines: Sequence[bytes]) -> tuple[RecordBlock, BadLine | None]:
        separator, bad = self._key_separator, None
        if not separator:
            return RecordBlock(first, self._nullable(lines), self._nullable([b""] * len(lines))), None
        cuts = list(map(bytes.partition, lines, repeat(separator)))
        keys: list[bytes | None] = list(map(itemgetter(0), cuts))
        values: list[bytes | None] = list(map(itemgetter(2), cuts))
        if not all(map(itemgetter(1), cuts)):
            if self.settings.ignore_error:
                keys = [key if there else None for key, there, _ in cuts]
                values = [value if there else key for key, there, value in cuts]
            else:
                good = next(position for position, cut in enumerate(cuts) if not cut[1])
                bad = _missing("key separator", first + good, lines[good])
                keys, values = keys[:good], values[:good]
        return RecordBlock(first, self._nullable(values), self._nullable(keys)), bad

    def _read_with_headers(self, first: int, lines: Sequence[bytes]) -> tuple[RecordBlock, BadLine | None]:
        keys: list[bytes | None] = []
        values: list[bytes | None] = []
        headers: list[list[Header]] = []
        bad: BadLine | None = None
        for number, line in enumerate(lines, first):
            try:
                of_line, key, value = self._parse(line, number)
            except BadLine as error:
                bad = error
                break
            headers.append(of_line)
            keys.append(key)
            values.append(value)
        block = RecordBlock(
            first, self._nullable(values), self._nullable(keys) if self.settings.parse_key else None, headers
        )
        return block, bad

    def _parse(self, line: bytes, number: int) -> tuple[list[Header], bytes | None, bytes]:
        headers: bytes | None
        key: bytes | None = None
        headers, found, rest = _cut_bytes(line, self._headers_delimiter)
        if not found:
            if not self.settings.ignore_error:
                raise _missing("headers delimiter", number, line)
            headers, rest = None, line
        value = rest
        if self.settings.parse_key:
            key, found, value = _cut_bytes(rest, self._key_separator)
            if not found:
                if not self.settings.ignore_error:
                    raise _missing("key separator", number, line)
                key, value = None, rest
        # The headers are parsed last: of two errors in one line the script reports the missing separator.
        of_line = [] if headers is None or headers == self._null_marker else self._split_headers(headers, number)
        return of_line, key, value

    def _split_headers(self, part: bytes, number: int) -> list[Header]:
        headers: list[Header] = []
        for pair in split_by_pattern(self._headers_separator, part.decode()):
            name, found, value = _cut(pair, self.settings.headers_key_separator)
            if not found:
                if not self.settings.ignore_error:
                    raise BadLine(f"No header key separator found in pair '{pair}' on line number {number}")
                headers.append((pair, None))
                continue
            marker = self.settings.null_marker
            if name == marker:
                raise BadLine(f"Header keys should not be equal to the null marker '{marker}' as they can't be null")
            headers.append((name, None if value == marker else value.encode()))
        return headers


def _missing(what: str, number: int, line: bytes) -> BadLine:
    return BadLine(f"No {what} found on line number {number}: '{line.decode()}'")


def _cut(text: str, separator: str) -> tuple[str, bool, str]:
    """The text before and after the first `separator`, and whether it occurs; an empty one is found at once."""
    if not separator:
        return "", True, text
    before, found, after = text.partition(separator)
    return before, bool(found), after


def _cut_bytes(line: bytes, separator: bytes) -> tuple[bytes, bool, bytes]:
    if not separator:
        return b"", True, line
    before, found, after = line.partition(separator)
    return before, bool(found), after
