"""Checks regular expressions for RE2, which brokers use for subscriptions of the new group protocol.

RE2 has no look-around and no backreferences. Named groups are (?P<name>re) or (?<name>re), flags i m s U.
source  the grammar of google/re2j, which Kafka 4 has, with its messages
"""

import re

_MOST_REPEATS = 1000
_PERL_CLASS = "dDsSwW"
_ANCHORS = "AzbBQE"
_LITERAL_ESCAPES = "afnrtv"
_POSIX_CLASS = re.compile(
    r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]"
)
_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_GROUP_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAMED = re.compile(r"\(\?P?<([^>]*)>")
_UNICODE_CLASS = re.compile(r"\\[pP](?:\{\^?\w+\}|[A-Z])")
_HEX = re.compile(r"\\x(?:\{[0-9A-Fa-f]{1,6}\}|[0-9A-Fa-f]{2})")


class BadExpression(Exception):
    """An expression that RE2 rejects; the message is re2j's."""


def check_expression(text: str) -> None:
    """raises    BadExpression"""
    _Scanner(text).scan()


class _Scanner:
    """Scans an expression once, without matching anything."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open = 0
        self._names: set[str] = set()
        self._can_repeat = False
        self._is_repeated = False

    def scan(self) -> None:
        while self._at < len(self._text):
            self._next()
        if self._open:
            raise BadExpression("missing closing )")

    def _next(self) -> None:
        character = self._text[self._at]
        if character in "*+?":
            self._repeat(1)
        elif character == "{" and (found := _REPEAT.match(self._text, self._at)):
            least, has_most, most = int(found[1]), found[2], found[3]
            if max(least, int(most or 0)) > _MOST_REPEATS or (has_most and most and least > int(most)):
                raise BadExpression("invalid repeat count")
            self._repeat(found.end() - self._at)
        elif character == "(":
            self._group()
        elif character == ")":
            if not self._open:
                raise BadExpression("unexpected )")
            self._open -= 1
            self._step(1)
        elif character == "|":
            self._step(1, can_repeat=False)
        elif character == "[":
            self._step(self._class_end() - self._at)
        elif character == "\\":
            self._step(self._escape_end(self._at, in_class=False) - self._at)
        else:
            self._step(1)

    def _step(self, length: int, *, can_repeat: bool = True) -> None:
        self._at += length
        self._can_repeat, self._is_repeated = can_repeat, False

    def _repeat(self, length: int) -> None:
        if not self._can_repeat:
            raise BadExpression("missing argument to repetition operator")
        if self._is_repeated:
            raise BadExpression("invalid nested repetition operator")
        self._at += length
        if self._text[self._at : self._at + 1] == "?":
            self._at += 1  # non-greedy
        self._is_repeated = True

    def _group(self) -> None:
        if not self._text.startswith("(?", self._at):
            self._open += 1
            self._step(1, can_repeat=False)
            return
        rest = self._text[self._at :]
        if rest.startswith(("(?P<", "(?<")):
            found = _NAMED.match(rest)
            if not found or not re.fullmatch(r"\w+", found[1], re.ASCII):
                raise BadExpression("invalid named capture")
            if found[1] in self._names:
                raise BadExpression("duplicate capture group name")
            self._names.add(found[1])
            self._open += 1
            self._step(found.end(), can_repeat=False)
            return
        flags = _GROUP_FLAGS.match(rest)
        if not flags:
            raise BadExpression("invalid or unsupported Perl syntax")
        self._open += flags[3] == ":"
        self._step(flags.end(), can_repeat=False)

    def _class_end(self) -> int:
        """The position after the bracket that closes a class."""
        at = self._at + 1
        if self._text.startswith("^", at):
            at += 1
        first = True
        while first or not self._text.startswith("]", at):
            if at >= len(self._text):
                raise BadExpression("missing closing ]")
            if posix := _POSIX_CLASS.match(self._text, at):
                at, first = posix.end(), False
                continue
            if re.compile(r"\[:\^?\w*:\]").match(self._text, at):
                raise BadExpression("invalid character class range")
            low, at = self._class_member(at)
            if self._text.startswith("-", at) and not self._text.startswith("-]", at) and at + 1 < len(self._text):
                high, at = self._class_member(at + 1)
                if not high:
                    raise BadExpression("invalid escape sequence")
                if high < low:
                    raise BadExpression("invalid character class range")
            first = False
        return at + 1

    def _class_member(self, at: int) -> tuple[str, int]:
        """A character (empty if it is not a plain one), and the position after it."""
        if self._text[at] == "\\":
            return "", self._escape_end(at, in_class=True)
        return self._text[at], at + 1

    def _escape_end(self, at: int, *, in_class: bool) -> int:
        """The position after an escape sequence."""
        following = self._text[at + 1 : at + 2]
        if not following:
            raise BadExpression("trailing backslash at end of expression")
        if following in "pP":
            if not (found := _UNICODE_CLASS.match(self._text, at)):
                raise BadExpression("invalid character class range")
            return found.end()
        if following == "x":
            if not (found := _HEX.match(self._text, at)):
                raise BadExpression("invalid escape sequence")
            return found.end()
        if following in "01234567":
            octal = re.compile(r"\\[0-7]{1,3}").match(self._text, at)
            if octal and (following == "0" or octal.end() - at > 2):
                return octal.end()
            raise BadExpression("invalid escape sequence")
        is_known = following in _PERL_CLASS + _LITERAL_ESCAPES or (not in_class and following in _ANCHORS)
        if not is_known and following.isascii() and following.isalnum():
            raise BadExpression("invalid escape sequence")
        return at + 2
