"""The table of all pages."""

import re
import shlex
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from pykafka_cli.ui.views import Document, Query, logs, znodes
from pykafka_cli.ui.views.cluster import configs, overview
from pykafka_cli.ui.views.groups import group, groups
from pykafka_cli.ui.views.messages import DEFAULT_LIMIT, form, messages
from pykafka_cli.ui.views.security import acls
from pykafka_cli.ui.views.topics import readers, topic, topics
from pykafka_cli.ui.views.transactions import transaction, transactions

View = Callable[[Any, Query], Awaitable[Document]]
"""Given the session with the brokers, or with ZooKeeper where the page is about that."""
Words = Callable[[Query], Sequence[str]]


class Page(NamedTuple):
    """One page: its document at PATH.json, rendered by its template at PATH."""

    path: str
    template: str
    view: View
    command: Words
    """The words of the corresponding `pk` command."""
    refresh_s: int | None = None
    """Seconds after which the page refreshes; None if it does not."""
    data: View | None = None
    """The document at PATH.json, if the page itself loads it later."""
    is_about_zookeeper: bool = False
    whole_command: Callable[[Document], Sequence[str] | None] = lambda _: None
    """The words of a command that does not connect to a broker, from the document; None if there is none."""


def _configs_command(query: Query) -> list[str]:
    if "topic" in query:
        return ["configs", "--describe", "--all", "--topic", query["topic"]]
    return ["configs", "--describe", "--all", "--broker", query.get("broker", "")]


def _messages_command(query: Query) -> list[str]:
    words = ["console-consumer", "--topic", query.get("topic", ""), "--property", "print.key=true"]
    partition, limit = query.get("partition"), query.get("limit") or str(DEFAULT_LIMIT)
    if query.get("live"):
        words += ["--partition", partition] if partition else []
        return words + _conditions(query)
    match query.get("from") or "newest":
        case "newest":
            words += ["--last", limit]
        case "time":
            time = query.get("time", "")
            words += ["--from-time", time if time.isdecimal() or not time else f"{time}Z"]
        case "offset" if partition:
            words += ["--offset", query.get("offset") or "0"]
        case _ if partition:
            words += ["--offset", "earliest"]
        case _:
            words += ["--from-beginning"]
    words += ["--partition", partition] if partition else []
    words += ["--max-messages", limit] if "--last" not in words else []
    return [*words, *_conditions(query), "--exit-at-end"]


def _conditions(query: Query) -> list[str]:
    """The filters of a search as --where takes them: what a page looks for in a text is an expression there."""
    name, equals, text = query.get("header", "").partition("=")
    path, has_value, value = query.get("path", "").strip().removeprefix("$").partition("=")
    found = [f"{field}~{re.escape(query[field])}" for field in ("key", "value") if query.get(field)]
    if name:
        found.append(f"header.{name}~{re.escape(text)}" if equals else f"header.{name}")
    if path:
        found.append(f"${path.strip()}={value.strip()}" if has_value else f"${path.strip()}")
    return [word for condition in found for word in ("--where", condition)]


def _transaction_command(query: Query) -> list[str]:
    return ["transactions", "describe", "--transactional-id", query.get("name", "")]


def _logs_command(query: Query) -> list[str]:
    words = ["log-dirs", "--describe"]
    for name, option in (("broker", "--broker-list"), ("topic", "--topic-list")):
        words += [option, query[name]] if name in query else []
    return words


PAGES = (
    Page("/", "overview.html", overview, lambda _: ["cluster", "list-endpoints"], 2),
    Page("/topics", "topics.html", topics, lambda _: ["topics", "--list"], 5),
    Page("/topic", "topic.html", topic, lambda query: ["topics", "--describe", "--topic", query.get("name", "")], 1),
    Page("/messages", "messages.html", form, _messages_command, data=messages),
    Page("/readers", "readers.html", readers, lambda _: ["consumer-groups", "--describe", "--all-groups"]),
    Page("/configs", "configs.html", configs, _configs_command),
    Page("/groups", "groups.html", groups, lambda _: ["consumer-groups", "--list", "--state"], 5),
    Page(
        "/group",
        "group.html",
        group,
        lambda query: ["consumer-groups", "--describe", "--group", query.get("name", "")],
        1,
    ),
    Page("/acls", "acls.html", acls, lambda _: ["acls", "--list"]),
    Page("/transactions", "transactions.html", transactions, lambda _: ["transactions", "list"], 5),
    Page("/transaction", "transaction.html", transaction, _transaction_command, 2),
    Page("/logs", "logs.html", logs.logs, _logs_command, 5),
    Page("/segments", "segments.html", logs.segments, _logs_command, 2, whole_command=logs.command_of),
    Page(
        "/znodes",
        "znodes.html",
        znodes.znodes,
        lambda _: (),
        2,
        is_about_zookeeper=True,
        whole_command=znodes.command_of,
    ),
)


def command_line(words: Sequence[str], bootstrap: str, command_config: str | None) -> str:
    """The command as typed into a shell."""
    where = ["--bootstrap-server", bootstrap, *(["--command-config", command_config] if command_config else [])]
    return shlex.join(["pk", *words, *where])
