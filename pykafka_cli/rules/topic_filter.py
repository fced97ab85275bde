"""Selects topics by name: the value of --topic and similar options, like org.apache.kafka.server.util.TopicFilter.

The text is a Java regular expression that a whole name must match; commas separate alternatives, blanks, and quotes
around it, are dropped.
"""

import re

from pykafka_cli.topic_names import is_internal


class InvalidRegex(Exception):
    """Not a regular expression; the message is the script's."""


class TopicFilter:
    """Selects the topics of a command."""

    def __init__(self, text: str) -> None:
        """raises    InvalidRegex"""
        self.regex = re.sub(r"[\"']+$", "", re.sub(r"^[\"']+", "", text.strip().replace(",", "|").replace(" ", "")))
        from pykafka_cli.rules.java_text import BadPattern, compile_pattern

        try:
            self._pattern = compile_pattern(self.regex)
        except BadPattern:
            raise InvalidRegex(f"{self.regex} is an invalid regex.") from None

    def allows(self, topic: str, *, exclude_internal: bool = False) -> bool:
        return bool(self._pattern.fullmatch(topic)) and not (exclude_internal and is_internal(topic))
