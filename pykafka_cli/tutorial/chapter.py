"""A chapter of the course: steps, each with one idea and a command to type.

In chapters/NAME.yaml:

    title, cluster, idea, steps, end     the whole chapter; texts are Markdown
    steps:
      - title, idea                      what the learner reads
        type                             the command to type; a step without one is only read
        input                            lines to type into it
        until                            goals (goals.py) that are met once it is done, in whatever way
        show                             a command to run then, which shows what has changed
        explain                          what has changed, and why
        hint                             help for a learner who is stuck
        words                            words that the typed command needs; only where there are no goals
        fails                            whether the command is meant to fail
        play                             the command for `--play`, if the typed one does not exit
        stays                            a name: the command keeps running, in another terminal
        stops                            the name of a command to end with Ctrl-C
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

NAMES = ("topics", "keys", "groups", "reset", "replication", "transactions", "zookeeper", "retention")
"""In the order of the course."""


class Cluster(StrEnum):
    """The cluster for a chapter."""

    ONE = "one"
    """One broker."""
    THREE = "three"
    """Three brokers in their own processes, which can be killed."""
    CLOCK = "clock"
    """One broker whose clock can be moved."""


@dataclass(frozen=True)
class Step:
    title: str
    idea: str
    type: str = ""
    input: str = ""
    until: tuple[str, ...] = ()
    show: str = ""
    explain: str = ""
    hint: str = ""
    words: tuple[str, ...] = ()
    fails: bool = False
    play: str = ""
    stays: str = ""
    stops: str = ""

    @property
    def played(self) -> str:
        """The commands that --play runs."""
        return self.play or self.type


@dataclass(frozen=True)
class Chapter:
    name: str
    title: str
    cluster: Cluster
    idea: str
    steps: tuple[Step, ...]
    end: str


def load_chapter(name: str) -> Chapter:
    """raises    LookupError for a name that is not in NAMES"""
    if name not in NAMES:
        raise LookupError(name)
    import yaml

    text = pkgutil.get_data("pykafka_cli.tutorial", f"chapters/{name}.yaml")  # also works in dist/pk
    assert text is not None
    return chapter_of(name, yaml.safe_load(text))


def chapter_of(name: str, given: Mapping[str, Any]) -> Chapter:
    """raises    TypeError, KeyError for a document that is not a chapter"""
    steps = tuple(_step_of(each) for each in given["steps"])
    return Chapter(name, given["title"], Cluster(given["cluster"]), given["idea"], steps, given["end"])


def _step_of(given: Mapping[str, Any]) -> Step:
    lists = {name: tuple(given.get(name, ())) for name in ("until", "words")}
    return Step(**{**given, **lists})


def titles() -> dict[str, str]:
    """The title of each chapter, in order."""
    return {name: load_chapter(name).title for name in NAMES}
