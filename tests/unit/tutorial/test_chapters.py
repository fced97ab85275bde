"""The chapters of the course: complete, and with nothing in them that the guide does not know."""

import re

import pytest

from pykafka_cli.commands import COMMANDS
from pykafka_cli.rules.wait_conditions import parse_condition
from pykafka_cli.tutorial.chapter import NAMES, Chapter, chapter_of, load_chapter, titles

GOALS_OF_OUR_OWN = {
    "members",
    "committed",
    "start",
    "alive",
    "isr",
    "leader",
    "znode",
    "absent",
    "config",
    "state",
    "clock",
}
PLACEHOLDERS = {"{zookeeper}", "{directory}", "{pid-1}", "{pid-2}", "{pid-3}"}


@pytest.fixture(params=NAMES)
def chapter(request: pytest.FixtureRequest) -> Chapter:
    return load_chapter(request.param)


def test_every_chapter_has_a_title() -> None:
    assert list(titles()) == list(NAMES)
    assert all(titles().values())


def test_there_is_no_other_chapter() -> None:
    with pytest.raises(LookupError):
        load_chapter("streams")


def test_every_step_says_something_and_can_be_done(chapter: Chapter) -> None:
    assert len(chapter.steps) >= 5
    for step in chapter.steps:
        assert step.idea.strip()
        assert step.type or step.stops


def test_every_goal_is_known(chapter: Chapter) -> None:
    for step in chapter.steps:
        for goal in step.until:
            if goal.partition("=")[0] not in GOALS_OF_OUR_OWN:
                parse_condition(goal)


def test_every_command_and_every_placeholder_exists(chapter: Chapter) -> None:
    for step in chapter.steps:
        for line in (step.type, step.play, step.show):
            assert set(re.findall(r"\{[^}]*\}", line)) <= PLACEHOLDERS
            assert set(re.findall(r"\bpk ([a-z-]+)", line)) <= set(COMMANDS)


def test_what_is_stopped_was_started_before(chapter: Chapter) -> None:
    started: set[str] = set()
    for step in chapter.steps:
        if step.stops:
            assert step.stops in started
        started.add(step.stays)


def test_an_unknown_field_of_a_step_is_an_error() -> None:
    step = {"title": "t", "idea": "i", "untill": ["topic=t"]}
    with pytest.raises(TypeError, match="untill"):
        chapter_of("x", {"title": "x", "cluster": "one", "idea": "", "steps": [step], "end": ""})
