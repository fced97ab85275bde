"""Topics by name: the value of --topic and its like, as org.apache.kafka.server.util.TopicFilter takes it.

The text is a Java regular expression that a whole name must match; commas separate alternatives, blanks are dropped,
quotes around it too.
"""

import re

from pykafka_cli.topic_names import is_internal

_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)
_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z])")


class InvalidRegex(Exception):
    """No regular expression; the message is the script's."""


class TopicFilter:
    """Which topics a command is about."""

    def __init__(self, text: str) -> None:
        """raises    InvalidRegex"""
        self.regex = re.sub(r"[\"']+$", "", re.sub(r"^[\"']+", "", text.strip().replace(",", "|").replace(" ", "")))
        try:
            self._pattern = java_pattern(self.regex)
        except re.error:
            raise InvalidRegex(f"{self.regex} is an invalid regex.") from None

    def allows(self, topic: str, *, exclude_internal: bool = False) -> bool:
        return bool(self._pattern.fullmatch(topic)) and not (exclude_internal and is_internal(topic))


def java_pattern(regex: str) -> re.Pattern[str]:
    """A Java regular expression as Python's, as far as the two differ in what people write: \\Q..\\E and (?<name>...).

    raises    re.error
    """
    literal = _QUOTED.sub(lambda quoted: re.escape(quoted[1]), regex)
    return re.compile(_NAMED_GROUP.sub("(?P<", literal))
