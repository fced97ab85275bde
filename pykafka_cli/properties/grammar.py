"""The .properties grammar of java.util.Properties.load.

A natural line ends in CR, LF or CRLF. Blank ones and those that begin with # or ! are dropped; an odd number of
backslashes at its end joins the next one, less that one's leading blanks. The result is

    [blanks] key [blanks] [= or :] [blanks] value

where blanks are spaces, tabs and form feeds; those after the value belong to it.

Bytes are ISO-8859-1. A backslash makes the next character plain, except \\t \\n \\r \\f and \\uXXXX. A byte-order mark,
which Java reads as a part of the first key, is dropped: Windows editors write one.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANKS = " \t\f"
_KEY = re.compile(r"(?:\\.|[^\\=: \t\f])*\\?", re.DOTALL)
_SEPARATOR = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")
_ESCAPE = re.compile(r"\\(u.{0,4}|.|$)", re.DOTALL)
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class Property(NamedTuple):
    """One assignment; `line` is the number, from 1, of the natural line it begins on (0: from the command line)."""

    key: str
    value: str
    line: int


class MalformedProperties(ValueError):
    """A \\u without four hexadecimal digits: the only error in this grammar."""

    def __init__(self, line: int, escape: str) -> None:
        super().__init__(f"line {line}: malformed \\uXXXX escape: {escape}")
        self.line = line


def read_properties(data: bytes) -> list[Property]:
    """All assignments in order; of a key given twice the last one counts, as in Java.

    raises    MalformedProperties
    source    java.util.Properties.load(InputStream)
    """
    text = data.removeprefix(codecs.BOM_UTF8).decode("iso-8859-1")
    return [_parse(line, number) for line, number in _logical_lines(text)]


def _logical_lines(text: str) -> Iterator[tuple[str, int]]:
    joined, start = "", 0
    for number, natural in enumerate(_LINE_END.split(text), start=1):
        line = natural.lstrip(_BLANKS)
        if not joined:
            if not line or line[0] in "#!":
                continue
            start = number
        joined += line
        if (len(line) - len(line.rstrip("\\"))) % 2:
            joined = joined[:-1]
        elif joined:
            yield joined, start
            joined = ""
    if joined:
        yield joined, start


def _parse(text: str, line: int) -> Property:
    key_end = _match_end(_KEY, text, 0)
    value_start = _match_end(_SEPARATOR, text, key_end)
    return Property(_unescape(text[:key_end], line), _unescape(text[value_start:], line), line)


def _match_end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def _unescape(text: str, line: int) -> str:
    def plain(found: re.Match[str]) -> str:
        escaped = found[1]
        if not escaped.startswith("u"):
            return _CONTROL.get(escaped, escaped)
        if not re.fullmatch(r"u[0-9A-Fa-f]{4}", escaped):
            raise MalformedProperties(line, found[0])
        return chr(int(escaped[1:], 16))

    if "\\" not in text:
        return text
    # Two \u escapes may be the halves of one character outside the basic plane.
    return _ESCAPE.sub(plain, text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def write_properties(values: Mapping[str, str]) -> str:
    """Lines from which `read_properties` returns `values`, in ASCII."""
    return "".join(f"{_escape(key, is_key=True)}={_escape(text, is_key=False)}\n" for key, text in values.items())


def _escape(text: str, *, is_key: bool) -> str:
    escaped = text.replace("\\", "\\\\")
    for character, letter in zip(_CONTROL.values(), _CONTROL, strict=True):
        escaped = escaped.replace(character, f"\\{letter}")
    if is_key:
        escaped = re.sub(r"[ =:]", r"\\\g<0>", escaped)
    if escaped.startswith((" ", "#", "!")):
        escaped = f"\\{escaped}"
    units = escaped.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join(chr(code) if 0x20 <= code < 0x7F else f"\\u{code:04X}" for code in codes)


_LOGIN = re.compile(r"^(\w+://)?.*@", re.DOTALL)


def without_login(address: str) -> str:
    """An address or URL for a message: of `user:password@host`, only the host is shown."""
    return _LOGIN.sub(r"\1[hidden]@", address)
