"""How the scripts read a command line. Two grammars: jopt-simple's for most of them, argparse4j's for some.

    jopt        one dash or two for every option; --opt value, --opt=value; a value may begin with a dash; an option
                whose value is optional takes the next word unless that looks like an option; words without an option
                are dropped
    argparse    two dashes, or one and a letter; a value must not begin with a dash, unless it is a negative number;
                an option may take several words; words without an option are positional arguments

In addition to what the scripts accept, an option may be abbreviated if that is unambiguous. An abbreviation of only the
last word of a name takes precedence: `--part` is --partitions although there is --partition-size-limit-per-response.
The cluster to connect to is never guessed: `--bootstrap` is an error, as for the scripts.

The result is an unambiguous list of Given for Click; invalid words raise Unparsable.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

WHICH_CLUSTER = frozenset({"bootstrap-server", "bootstrap-servers", "bootstrap-controller", "broker-list", "zookeeper"})
"""Options that are never abbreviated."""

_TOO_FAR = 7
_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")


class Takes(Enum):
    """The kind of argument that an option has."""

    NOTHING = auto()
    VALUE = auto()
    OPTIONAL_VALUE = auto()
    SEVERAL_VALUES = auto()


class Spec(NamedTuple):
    """One option; `names` are its spellings without dashes, the first of which is its name."""

    names: tuple[str, ...]
    takes: Takes = Takes.NOTHING
    converts: Callable[[str], bool] = lambda _: True
    """Whether a word can be its value; an optional value is not taken from a word that cannot."""
    has_abbreviations: bool = True
    """False for an option that the script does not have: it must not change the meaning of the script's own options."""

    @property
    def name(self) -> str:
        return self.names[0]


class Given(NamedTuple):
    """An option as given on the command line; `value` is None without a value.

    spelling    the name that was used, in full; empty for the first
    """

    spec: Spec
    value: str | None
    spelling: str = ""


class Parsed(NamedTuple):
    """A parsed command line: options in their order, and words that belong to none."""

    options: list[Given]
    words: list[str]


class Unparsable(Exception):
    """A command line that the grammar rejects. `hint` is ours, the message is the scripts'."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def parse_jopt(words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
    """Read a command line as jopt-simple 5 does, abbreviations aside.

    raises    Unparsable
    """
    by_name = {name: spec for spec in specs for name in spec.names}
    options: list[Given] = []
    strays: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            strays.extend(words[position:])
            break
        if not _looks_like_an_option(word):
            strays.append(word)
            continue
        dashes = 2 if word.startswith("--") else 1
        name, equals, attached = word[dashes:].partition("=")
        spec = by_name.get(name) or _abbreviated(name, specs)
        if spec is None:
            # To jopt, one dash and an unknown name is a cluster of letters, and it reports the first one.
            raise _unrecognized(name if dashes == 2 else name[:1], name, by_name)
        value = attached if equals else None
        following = words[position] if position < len(words) else None
        if spec.takes is Takes.NOTHING:
            value = None
        elif value is None and spec.takes is Takes.OPTIONAL_VALUE:
            if following is not None and not _looks_like_an_option(following) and spec.converts(following):
                value, position = following, position + 1
        elif value is None:
            if following is None:
                raise Unparsable(f"Option {spec.name} requires an argument")
            value, position = following, position + 1
        options.append(Given(spec, value, _spelling(name, spec)))
    return Parsed(options, strays)


def parse_argparse(words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
    """Read a command line as argparse4j 0.7 does; `names` of one letter are given with one dash.

    raises    Unparsable
    """
    by_name = {name: spec for spec in specs for name in spec.names}
    options: list[Given] = []
    positional: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            positional.extend(words[position:])
            break
        if not _looks_like_an_option(word) or _NEGATIVE_NUMBER.fullmatch(word):
            positional.append(word)
            continue
        spec, attached = _argparse_option(word, by_name)
        if spec.takes is Takes.NOTHING:
            if attached is not None:
                raise Unparsable(f"argument {displayed(spec)}: ignored explicit argument '{attached}'")
            options.append(Given(spec, None, _spelling(word[2:], spec)))
            continue
        values = [attached] if attached is not None else []
        limit = len(words) if spec.takes is Takes.SEVERAL_VALUES else 1
        while len(values) < limit and attached is None and position < len(words):
            following = words[position]
            if _looks_like_an_option(following) and not _NEGATIVE_NUMBER.fullmatch(following):
                break
            values.append(following)
            position += 1
        if not values:
            expected = "at least one argument" if spec.takes is Takes.SEVERAL_VALUES else "one argument"
            raise Unparsable(f"argument {displayed(spec)}: expected {expected}")
        spelling = _spelling(word[2:].partition("=")[0], spec)
        options.extend(Given(spec, value, spelling) for value in values)
    return Parsed(options, positional)


def _spelling(name: str, spec: Spec) -> str:
    """The option's spelling that `name` equals or abbreviates."""
    if name in spec.names:
        return name
    return next((each for each in spec.names if name and each.startswith(name)), spec.name)


def _argparse_option(word: str, by_name: Mapping[str, Spec]) -> tuple[Spec, str | None]:
    if not word.startswith("--"):
        if (spec := by_name.get(word[1:2])) is None:
            raise Unparsable(f"unrecognized arguments: '{word}'", suggestions(word[1:], _long_options(by_name)))
        return spec, word[2:] or None
    name, equals, attached = word[2:].partition("=")
    value = attached if equals else None
    if exact := by_name.get(name):
        return exact, value
    candidates = sorted(other for other in by_name if len(other) > 1 and other.startswith(name))
    if len(candidates) > 1:
        could_match = ", ".join(f"--{candidate}" for candidate in candidates)
        raise Unparsable(f"ambiguous option: --{name} could match {could_match}")
    if not candidates:
        raise Unparsable(f"unrecognized arguments: '{word}'", suggestions(name, _long_options(by_name)))
    return by_name[candidates[0]], value


def _long_options(by_name: Mapping[str, Spec]) -> dict[str, str]:
    return {name: f"--{name}" for name in by_name if len(name) > 1}


def suggestions(word: str, candidates: Mapping[str, str]) -> str:
    """The text that argparse4j prints below an unknown word: the nearest candidates, if any is near.

    candidates    maps what is compared to what is printed
    """
    distances = {shown: 0 if other.startswith(word) else _distance(word, other) for other, shown in candidates.items()}
    nearest = min(distances.values(), default=_TOO_FAR)
    if nearest >= _TOO_FAR:
        return ""
    return "\nDid you mean:\n" + "\n".join(f"\t{name}" for name in sorted(distances) if distances[name] == nearest)


def _distance(word: str, other: str) -> int:
    """Levenshtein's, where exchanging neighbors is free, replacing costs 2, inserting 1, deleting 4."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        before, above, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = before[j - 1] + (0 if letter == wanted else 2)
            if i > 1 and j > 1 and letter != wanted and word[i - 2] == wanted and letter == other[j - 2]:
                cost = min(cost, above[j - 2])
            row.append(min(cost, before[j] + 4, row[j - 1] + 1))
    return row[-1]


def _looks_like_an_option(word: str) -> bool:
    return word.startswith("-") and word not in ("-", "--")


def displayed(spec: Spec) -> str:
    """The option's spellings as argparse4j prints them."""
    return "/".join(("-" if len(name) == 1 else "--") + name for name in spec.names)


def _abbreviated(name: str, specs: Iterable[Spec]) -> Spec | None:
    """The one option that `name` abbreviates; abbreviations of only the last word take precedence."""
    candidates = [
        (spec, other[len(name) :])
        for spec in specs
        if spec.has_abbreviations
        for other in spec.names
        if name and other.startswith(name)
    ]
    last_word_only = {spec for spec, missing in candidates if not re.search(r"[-.]", missing)}
    if last_word_only:
        return last_word_only.pop() if len(last_word_only) == 1 else None
    rest = {spec for spec, _ in candidates}
    if len(rest) == 1 and (only := rest.pop()).name not in WHICH_CLUSTER:
        return only
    return None


def _unrecognized(word: str, name: str, by_name: Mapping[str, Spec]) -> Unparsable:
    candidates = sorted({f"--{spec.name}" for other, spec in by_name.items() if name and other.startswith(name)})
    if len(candidates) > 1:
        hint = f"{name} could be {', '.join(candidates[:-1])} or {candidates[-1]}."
    else:
        hint = f"Did you mean {candidates[0]}?" if candidates else _closest(name, by_name)
    return Unparsable(f"{word} is not a recognized option", hint)


def _closest(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name, [other for other in names if len(other) > 1], n=1)
    return f"Did you mean --{found[0]}?" if found else ""
