"""Texts in Java's form: booleans, regular expressions, floating-point numbers, Bytes.

The scripts pass users' expressions to java.util.regex and print numbers with toString(); both differ from Python in
details that change what a script matches and prints.
"""

import math
import re
import struct
from collections.abc import Callable, Iterator

# Java's POSIX classes, as the inside of a bracket expression: ASCII only, as in Java without (?U).
_PROPERTIES = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7F",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1F\x7F",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0B\f\r",
}
_TOKEN = re.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|\Z)             # literal text
      | \\(?P<sign>[pP])\{(?:Is)?(?P<property>\w+)\}
      | \\x\{(?P<code>[0-9a-fA-F]+)\}
      | \\k<(?P<reference>\w+)>
      | \\(?P<escaped>.)
      | (?P<name>\(\?<(?=[a-zA-Z]))              # a named group
      | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_OUTSIDE = {"z": r"\Z", "Z": r"(?=\n?\Z)", "h": r"[ \t\xA0\u1680\u180E\u2000-\u200A\u202F\u205F\u3000]", "e": r"\x1B"}


_REASONS: tuple[tuple[str, str, Callable[[str, int], int]], ...] = (
    ("unterminated character set", "Unclosed character class", lambda expression, _: len(expression) - 1),
    ("missing ), unterminated subpattern", "Unclosed group", lambda expression, _: len(expression)),
    ("nothing to repeat", "Dangling meta character '{}'", lambda _, position: position),
)
"""Python's error for an expression, Java's error, and where Java reports it."""


class BadPattern(ValueError):
    """An invalid expression; the message has the expression and a mark below the error, as in Java."""


def compile_pattern(expression: str) -> re.Pattern[str]:
    """Translate a Java regular expression to a Python one; `fullmatch` is Java's `matches`.

    raises  BadPattern; also for `&&` in a bracket expression, which Python's engine does not know
    """
    try:
        return re.compile("".join(_translated(expression)), re.ASCII)
    except re.error as error:
        reason, position = error.msg.capitalize(), error.pos or 0
        for theirs, ours, at in _REASONS:
            if error.msg.startswith(theirs):
                reason, position = ours.format(expression[position : position + 1]), at(expression, position)
        raise BadPattern(f"{reason} near index {position}\n{expression}\n{' ' * position}^") from error


def _translated(expression: str) -> Iterator[str]:
    in_brackets = False
    for token in _TOKEN.finditer(expression):
        kind = token.lastgroup
        if kind == "quoted":
            yield re.escape(token["quoted"])
        elif kind == "property":
            yield _property(token["sign"], token["property"], expression, token.start(), in_brackets)
        elif kind == "code":
            yield re.escape(chr(int(token["code"], 16)))
        elif kind == "reference":
            yield f"(?P={token['reference']})"
        elif kind == "escaped":
            yield token[0] if in_brackets else _OUTSIDE.get(token["escaped"], token[0])
        elif kind == "name":
            yield "(?P<"
        else:
            other = token["other"]
            if in_brackets and expression.startswith("&&", token.start()):
                raise _unsupported("Intersection of character classes", expression, token.start())
            if in_brackets and other == "[":
                raise _unsupported("Character class inside a character class", expression, token.start())
            if other in "[]":
                in_brackets = other == "["
            yield other


def _property(sign: str, name: str, expression: str, position: int, in_brackets: bool) -> str:
    inside = _PROPERTIES.get(name)
    if inside is None:
        raise _unsupported(f"Character property {{{name}}}", expression, position)
    if sign == "p":
        return inside if in_brackets else f"[{inside}]"
    if in_brackets:
        raise _unsupported(f"Negated property {{{name}}} in a character class", expression, position)
    return f"[^{inside}]"


def _unsupported(what: str, expression: str, position: int) -> BadPattern:
    return BadPattern(f"{what} is not supported near index {position}\n{expression}\n{' ' * position}^")


def split_by_pattern(pattern: re.Pattern[str], text: str) -> list[str]:
    """java.util.regex.Pattern.split: no empty strings at the end, none before a match of nothing at the start."""
    parts: list[str] = []
    start = 0
    for match in pattern.finditer(text):
        if match.end() == 0 or match.start() == match.end() == len(text):
            continue
        parts.append(text[start : match.start()])
        start = match.end()
    if not parts:
        return [text]
    parts.append(text[start:])
    while parts and not parts[-1]:
        parts.pop()
    return parts


def is_true(text: str | None) -> bool:
    """As the scripts read boolean properties: `true` in any case, with spaces around it; everything else is false."""
    return text is not None and text.strip().lower() == "true"


def double_text(number: float) -> str:
    """Double.toString: the shortest decimal that reads back, as d.dddEn below 0.001 and at 10^7 or more."""
    return _java_notation(number, repr(abs(number)))


def float_text(number: float) -> str:
    """Float.toString of a number that was read from 4 bytes."""
    if not math.isfinite(number):
        return double_text(number)
    candidates = (f"{abs(number):.{digits}e}" for digits in range(9))
    shortest = next(text for text in candidates if _in_four_bytes(float(text)) == abs(number))
    return _java_notation(number, shortest)


def _in_four_bytes(number: float) -> float:
    try:
        (single,) = struct.unpack(">f", struct.pack(">f", number))
    except OverflowError:
        return math.inf
    return float(single)


def _java_notation(number: float, shortest: str) -> str:
    if math.isnan(number):
        return "NaN"
    sign = "-" if math.copysign(1.0, number) < 0 else ""
    if math.isinf(number):
        return sign + "Infinity"
    mantissa, _, power = shortest.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits.strip("0"):
        return sign + "0.0"
    # exponent: the power of ten of the first digit that is not zero
    exponent = int(power or 0) + (
        len(whole) - 1 if whole.strip("0") else -(len(fraction) - len(fraction.lstrip("0")) + 1)
    )
    digits = digits.rstrip("0")
    if not -3 <= exponent < 7:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    return f"{sign}{digits[: exponent + 1].ljust(exponent + 1, '0')}.{digits[exponent + 1 :] or '0'}"


def bytes_text(data: bytes) -> str:
    r"""org.apache.kafka.common.utils.Bytes.toString: printable ASCII unchanged, the rest and `\` as \xHH."""
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x5C else f"\\x{byte:02X}" for byte in data)
