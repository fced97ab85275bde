"""Bytes that should be UTF-8, with U+FFFD for what is not, as many of them as Java's String puts there.

Python and Java agree but for surrogates, which UTF-8 does not have: Java replaces the three bytes of one together.
`JAVA_REPLACE` is the name of an error handler for `bytes.decode`.
"""

import codecs

JAVA_REPLACE = "java-replace"
_SURROGATE = 0xED


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    data, start, end = error.object, error.start, error.end
    if error.encoding == "utf-8" and data[start] == _SURROGATE and _continues(data, start + 1):
        end = start + (3 if _continues(data, start + 2) else 2)
    return "\ufffd", end


def _continues(data: bytes, position: int) -> bool:
    return position < len(data) and data[position] & 0xC0 == 0x80


def java_utf_8(data: bytes) -> str:
    return data.decode(errors=JAVA_REPLACE)


codecs.register_error(JAVA_REPLACE, _replace)
