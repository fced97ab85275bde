"""A table at a terminal has all that the script's text has, in every view that has both."""

import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pykafka_cli.output
from pykafka_cli.model import (
    ConfigEntry,
    ConfigSynonym,
    GroupDescription,
    GroupLag,
    ShareOffset,
    StreamsGroup,
    StreamsOffset,
)
from pykafka_cli.output import consumer_groups, share_groups, streams_groups
from pykafka_cli.output.configs import show_settings
from pykafka_cli.output.render import OutputFormat
from tests.support.filled import Filler

Show = Callable[[OutputFormat], None]
NOT_COMPARED = {
    "acls.show_changed": "prints nothing but a document",
    "apply.show_result": "pk's own: what it prints is no script's",
    "configs.show_limits": "compared by test_configs",
    "configs.show_settings": "below, with a value that is the first of its synonyms",
    "consumer_groups.show_described": "below: print_group prints the text",
    "consumer_perf_test.show_consumer_total": "rounds in its own way",
    "consumer_groups.show_error": "a notice, the same in all forms",
    "consumer_groups.show_exported_plan": "takes the script's text",
    "consumer_groups.show_remark": "a notice, the same in all forms",
    "copy.show_copied": "pk's own",
    "copy.show_planned": "pk's own",
    "doctor.show_checks": "prints a table as it goes",
    "expect.show_result": "pk's own",
    "fault.show_faults": "pk's own",
    "graduate.show_report": "pk's own",
    "local_servers.show_brokers": "pk's own",
    "local_servers.show_changed": "pk's own",
    "local_servers.show_zookeepers": "pk's own",
    "group_views.show_deleted_groups": "takes the script's words of an error",
    "group_views.show_plan": "takes the script's text",
    "render.show": "what the others call",
    "share_groups.show_described": "below: print_group prints the text",
    "streams_groups.show_described": "below: print_group prints the text",
    "streams_application_reset.show_outcome": "prints its text as it goes",
    "topics.show_altered": "the script prints nothing",
    "topics.show_deleted": "the script prints nothing",
    "topics.show_zookeeper_listing": "takes the same topics twice",
    "up.show_running": "pk's own",
    "up.show_started": "pk's own",
    "up.show_stopped": "pk's own",
    "wait.show_result": "pk's own",
}


def views() -> Iterator[Any]:
    """Each function of output/ that prints a text or a table."""
    for module in pkgutil.iter_modules(pykafka_cli.output.__path__):
        found = importlib.import_module(f"pykafka_cli.output.{module.name}")
        for name, function in inspect.getmembers(found, inspect.isfunction):
            called = f"{module.name}.{name}"
            is_ours = function.__module__ == found.__name__ and name.startswith("show") and called not in NOT_COMPARED
            if is_ours and OutputFormat in typing.get_type_hints(function).values():
                yield pytest.param(function, id=called)


def said(text: str) -> set[str]:
    """The words with figures of their own in what was printed; numbers without their commas and ends."""
    words = re.findall(r"\d+(?:\.\d+)?\b|\w+", re.sub(r"(\d),(?=\d{3}\b)", r"\1", text))
    return {re.sub(r"\.0+$", "", word) for word in words if re.search(r"7\d\d\d", word)}


def compare(show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    show(OutputFormat.KAFKA)
    text = capsys.readouterr().out
    show(OutputFormat.TABLE)
    table = capsys.readouterr().out

    assert text
    assert said(text) - said(table) == set(), table


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")


@pytest.mark.parametrize("function", list(views()))
def test_a_table_has_what_the_text_has(function: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    (form,) = [name for name, hint in typing.get_type_hints(function).items() if hint is OutputFormat]
    arguments = Filler().arguments(function, **{form: None})

    compare(lambda chosen: function(**{**arguments, form: chosen}), capsys)


@pytest.mark.parametrize("view", ["offsets", "members", "state"])
@pytest.mark.parametrize("kafka_4", [False, True])
def test_groups(view: str, kafka_4: bool, capsys: pytest.CaptureFixture[str]) -> None:
    filler = Filler()
    group: GroupDescription = filler.value(GroupDescription)
    rows = [row._replace(group=group.group) for row in filler.value(list[GroupLag])]

    def show(form: OutputFormat) -> None:
        if form is OutputFormat.KAFKA:
            consumer_groups.print_group(group, view, rows, verbose=True, kafka_4=kafka_4)
        else:
            consumer_groups.show_described(form, [group], view, {group.group: rows}, verbose=True)

    compare(show, capsys)


@pytest.mark.parametrize("view", ["offsets", "members", "state"])
@pytest.mark.parametrize(
    ("script", "kind", "row"),
    [(share_groups, GroupDescription, ShareOffset), (streams_groups, StreamsGroup, StreamsOffset)],
)
def test_groups_of_kafka_4(script: Any, kind: Any, row: Any, view: str, capsys: pytest.CaptureFixture[str]) -> None:
    filler = Filler()
    group, rows = filler.value(kind), filler.value(list[row])

    def show(form: OutputFormat) -> None:
        if form is OutputFormat.KAFKA:
            script.print_group(group, view, rows, verbose=True)
        else:
            script.show_described(form, [group], view, {group.group: rows}, verbose=True)

    compare(show, capsys)


def test_configs(capsys: pytest.CaptureFixture[str]) -> None:
    filler = Filler()
    entries: list[ConfigEntry] = []
    for entry in filler.value(list[ConfigEntry]):
        own = ConfigSynonym(entry.name, entry.value, "DYNAMIC_TOPIC_CONFIG")
        entries.append(entry._replace(is_sensitive=False, source=own.source, synonyms=(own, *entry.synonyms[1:])))
    arguments = filler.arguments(show_settings, form=None)
    found = [(resource, entries) for resource, _ in arguments["found"]]

    compare(lambda form: show_settings(form, arguments["type_"], found, shows_all=True), capsys)
