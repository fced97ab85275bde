"""Results as documents for other programs: JSON and YAML of the same values, at once or as a stream."""

import json
from collections.abc import Iterator
from textwrap import indent


def as_json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: object) -> str:
    import yaml  # JSON does not need it

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


def as_json_line(document: object) -> str:
    """One document of a stream: an object per line."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"


def as_yaml_document(document: object) -> str:
    """One document of a stream: each begins with a line of three dashes."""
    return f"---\n{as_yaml(document)}"


class DocumentList:
    """A list whose items are written one by one; none is kept."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._is_empty = True

    def item(self, document: object) -> Iterator[str]:
        """The text of the next item."""
        if self._is_json:
            yield "[\n" if self._is_empty else ",\n"
            yield indent(as_json(document), "  ").removesuffix("\n")
        else:
            yield as_yaml([document])
        self._is_empty = False

    def end(self) -> str:
        if self._is_json:
            return "[]\n" if self._is_empty else "\n]\n"
        return "[]\n" if self._is_empty else ""
