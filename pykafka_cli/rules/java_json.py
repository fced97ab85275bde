"""JSON in Jackson's form: no spaces, Java's numbers, bytes in base64, control characters with capital hex digits."""

import base64
import json
import re
from collections.abc import Mapping, Sequence

from pykafka_cli.rules.java_text import double_text

_ESCAPE = re.compile(r"\\(?:u00[01][0-9a-f]|.)")


def json_text(value: object) -> str:
    """Objects (in the order of their keys), arrays, strings, bytes, numbers, booleans, null."""
    match value:
        case None | bool() | int():
            return json.dumps(value)
        case float():
            return double_text(value)
        case str():
            text = json.dumps(value, ensure_ascii=False)
            return _ESCAPE.sub(_capital, text) if "\\u" in text else text
        case bytes():
            return f'"{base64.b64encode(value).decode()}"'
        case Mapping():
            return "{" + ",".join(f"{json_text(key)}:{json_text(each)}" for key, each in value.items()) + "}"
        case Sequence():
            return "[" + ",".join(map(json_text, value)) + "]"
        case _:
            raise TypeError(f"{type(value)} has no form in JSON")


def _capital(escape: re.Match[str]) -> str:
    text = escape[0]
    return text[:2] + text[2:].upper() if text.startswith("\\u") else text
