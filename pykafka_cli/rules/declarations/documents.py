"""YAML documents in which each value has its place, so that an error can name it.

PyYAML reads them, by the rules of YAML 1.2: `no`, 2024-01-01 and 1:30 are text. JSON is valid YAML.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

_CORE_SCHEMA: Sequence[tuple[str, str, str]] = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
    ("merge", r"<<", "<"),
)
_MOST_DIGITS = 400
"""Maximum number of digits: more than any number that Kafka could store."""


class Place(NamedTuple):
    """Where something is declared: the number of its document and its line, both from 1, and its field."""

    document: int
    line: int
    field: str = ""

    def __str__(self) -> str:
        parts = (f"line {self.line}", f"document {self.document}", self.field)
        return ", ".join(filter(None, parts))


class Problem(NamedTuple):
    """A problem with a declaration, and its place."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class BadDeclarations(Exception):
    """A file cannot be applied; all problems, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, sorted(set(problems)))))
        self.problems = sorted(set(problems))


class _Fields(dict[str, Any]):
    """A mapping with the line of each key."""

    lines: dict[str, int]


class _Items(list[Any]):
    """A list with the line of each item."""

    lines: list[int]


@dataclass(slots=True)
class Node:
    """A value of a document with its place, which collects its problems.

    A method that reads an invalid value adds a problem and returns None.
    """

    value: Any
    place: Place
    problems: list[Problem]

    def reject(self, text: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(self.place, text))

    @property
    def is_null(self) -> bool:
        return self.value is None

    def fields(self, known: Mapping[str, str] | None = None) -> "Fields":
        """The values by their keys; empty if this is not a mapping.

        known     the allowed keys, and what each stands for; by default any
        """
        if not isinstance(self.value, _Fields):
            if self.value is not None:
                self.reject(f"must be a mapping, not {_shown(self.value)}")
            return Fields(self, {})
        base = f"{self.place.field}." if self.place.field else ""
        found = Fields(
            self,
            {
                key: Node(value, Place(self.place.document, self.value.lines[key], f"{base}{key}"), self.problems)
                for key, value in self.value.items()
            },
        )
        if known is not None:
            for key, node in found.items():
                if key not in known:
                    node.reject(f"is unknown here; use {', '.join(known)}")
        return found

    def inherit(self, key: str, value: object) -> None:
        """Add a missing field to a mapping."""
        if isinstance(self.value, _Fields) and key not in self.value:
            self.value[key] = value
            self.value.lines[key] = self.place.line

    def items(self) -> list["Node"]:
        """The items of a list; empty if this is not one."""
        if not isinstance(self.value, _Items):
            if self.value is not None:
                self.reject(f"must be a list, not {_shown(self.value)}")
            return []
        return [
            Node(
                item, Place(self.place.document, self.value.lines[index], f"{self.place.field}[{index}]"), self.problems
            )
            for index, item in enumerate(self.value)
        ]

    def text(self) -> str | None:
        """A scalar as text, including true, 42 and 0.5."""
        match self.value:
            case bool():
                return "true" if self.value else "false"
            case str() | int() | float():
                return str(self.value)
        self.reject(f"must be text, not {_shown(self.value)}")
        return None

    def name(self) -> str | None:
        """Text that is not empty."""
        found = self.text()
        if found == "":
            self.reject("must not be empty")
            return None
        return found

    def integer(self, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and least <= self.value <= most:
            return self.value
        self.reject(f"must be a whole number from {least} to {most}, not {_shown(self.value)}")
        return None

    def number(self) -> float | None:
        """A number above 0."""
        if isinstance(self.value, (int, float)) and not isinstance(self.value, bool) and 0 < self.value < float("inf"):
            return float(self.value)
        self.reject(f"must be a number above 0, not {_shown(self.value)}")
        return None

    def choice(self, choices: Sequence[str]) -> str | None:
        """One of some words, ignoring case, - and _."""
        if (found := self.text()) is None:
            return None
        spelled = {_plain(each): each for each in choices}
        if _plain(found) not in spelled:
            self.reject(f"must be one of {', '.join(choices)}, not {_shown(self.value)}")
        return spelled.get(_plain(found))


class Fields(Mapping[str, Node]):
    """The fields of a mapping; null fields count as absent, except in iteration."""

    def __init__(self, owner: Node, nodes: Mapping[str, Node]) -> None:
        self.owner = owner
        self._nodes = nodes

    def __getitem__(self, key: str) -> Node:
        return self._nodes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def given(self, key: str) -> Node | None:
        """The field, if present and not null."""
        node = self._nodes.get(key)
        return None if node is None or node.is_null else node

    def required(self, key: str) -> Node | None:
        """The field; a problem if it is absent."""
        if (node := self.given(key)) is None:
            self.owner.reject(f"{key} is missing")
        return node


def read_documents(text: str, problems: list[Problem]) -> list[Node]:
    """The documents of a stream, without empty ones.

    raises    BadDeclarations if the text is not YAML
    """
    documents: list[Node] = []
    number = 0
    try:
        loader = _Loader(text)
        while loader.check_node():
            number += 1
            root = loader.get_node()
            value = loader.construct_document(root)
            if root is not None and value is not None:
                documents.append(Node(value, Place(number, root.start_mark.line + 1), problems))
    except yaml.YAMLError as error:
        raise BadDeclarations([_syntax_problem(error, number + 1)]) from None
    except RecursionError:
        raise BadDeclarations([Problem(Place(number, 1), "is nested too deeply")]) from None
    return documents


class _Loader(yaml.SafeLoader):
    """Builds values with their lines."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # as in the base class


class _Dumper(yaml.SafeDumper):
    """Quotes text that either version of YAML would read as another type."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # nothing is written once for two places
        return True


for _tag, _pattern, _first in _CORE_SCHEMA:
    _resolver = (f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"))
    _Loader.add_implicit_resolver(*_resolver, ["" if each == "\0" else each for each in _first])
    _Dumper.add_implicit_resolver(*_resolver, ["" if each == "\0" else each for each in _first])


def write_documents(documents: Sequence[object], remarks: Sequence[str] = ()) -> str:
    """Write a stream of YAML documents below remarks, which become comments."""
    comment = "".join(f"# {line}\n" for remark in remarks for line in textwrap.wrap(remark, 100))
    texts = [
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
        for document in documents
    ]
    return comment + "---\n".join(texts)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[_Fields]:
    found = _Fields()
    found.lines = {}
    yield found
    written: dict[str, int] = {}  # the lines of the keys that are not merged
    own = {id(key) for key, _ in node.value}
    loader.flatten_mapping(node)  # merge keys (<<) come first, so that explicit keys take precedence
    for key_node, value_node in node.value:
        key = key_node.value
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
        if key in written:
            problem = f"the key {key} is given twice, first in line {written[key]}"
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = node.start_mark.line + 1
        if id(key_node) in own:
            found.lines[key] = written[key] = key_node.start_mark.line + 1


def _sequence(loader: _Loader, node: yaml.SequenceNode) -> Iterator[_Items]:
    found = _Items()
    found.lines = [each.start_mark.line + 1 for each in node.value]
    yield found
    found.extend(loader.construct_object(each, deep=True) for each in node.value)


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = str(loader.construct_scalar(node))
    if len(text) > _MOST_DIGITS:
        raise yaml.constructor.ConstructorError(None, None, "a number has too many digits", node.start_mark)
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _sequence)
_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def _syntax_problem(error: yaml.YAMLError, document: int) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 1
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or " ".join(str(error).split())
    return Problem(Place(document, line), f"is not YAML: {what}")


def _plain(word: str) -> str:
    return word.replace("-", "").replace("_", "").lower()


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:40]}...") if isinstance(value, str) else text[:40]
