"""`pk copy`: copies records between topics and clusters."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pykafka_cli.console.stderr import print_remark
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script.errors import Ended, ScriptError, UsageError, Words, reported
from pykafka_cli.script.options import (
    BOOTSTRAP_SERVER_VARIABLE,
    CONNECTION,
    LONG,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.script.own_command import OwnCommand
from pykafka_cli.transport import event_loop

if TYPE_CHECKING:
    from pykafka_cli.clients.session import Session
    from pykafka_cli.procedures.copy import Bounds, Copier, TopicCopy

EPILOG = """\b
Records keep key, value, headers and time, and batches their compression.
Topics that do not exist are created like the source, with the cluster's
default replication factor. Records of uncommitted transactions are skipped.

\b
Examples:
  pk copy orders=orders-copy
  pk copy orders prices --from old:9092 --to new:9092 --group move

Exit status: 0 if all was copied, 1 after an error, 2 if the command line is
wrong, 130 after Ctrl-C.
"""
_SETTLE_S = 10.0
"""Seconds for requests in flight, after a signal."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Partitioner(StrEnum):
    """Which partition a record goes to."""

    AUTO = "auto"
    SAME = "same"
    KEY = "key"


class Names(NamedTuple):
    source: str
    target: str


@app.command(cls=OwnCommand, epilog=EPILOG)
def copy(
    topics: Annotated[
        list[str] | None, typer.Argument(metavar="TOPIC[=NEW]...", help="Topics to copy, and their new names.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="CLUSTER",
            help="Cluster to copy from: HOST:PORT,... or a name of `pk config`.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="CLUSTER", help="Cluster to copy to; the same by default.", rich_help_panel=CONNECTION
        ),
    ] = None,
    source_config: Annotated[
        str | None,
        typer.Option(
            "--from-config", metavar="FILE", help="File of client properties for --from.", rich_help_panel=CONNECTION
        ),
    ] = None,
    target_config: Annotated[
        str | None,
        typer.Option(
            "--to-config", metavar="FILE", help="File of client properties for --to.", rich_help_panel=CONNECTION
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group", metavar="GROUP", help="Consumer group of the source cluster, whose offsets keep the position."
        ),
    ] = None,
    max_messages: Annotated[
        int | None, typer.Option("--max-messages", metavar="N", parser=LONG, help="Copy at most N records.")
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Keep copying new records until Ctrl-C."),
    ] = False,
    partitioner: Annotated[
        Partitioner,
        typer.Option(
            "--partitioner",
            help="Keep the partition, or choose it by key; auto keeps it if both topics have the same number.",
        ),
    ] = Partitioner.AUTO,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be copied, and copy nothing.")] = False,
    output: Output = None,
) -> None:
    """Copy records to other topics or another cluster."""
    names = [_names(word) for word in topics or ()]
    if not names:
        raise UsageError("Missing argument TOPIC", hint="Name a topic to copy, as in orders=orders-copy.")
    if max_messages is not None and max_messages < 0:
        raise UsageError("--max-messages must not be negative")
    for kind, found in (("source", [each.source for each in names]), ("destination", [each.target for each in names])):
        if len(set(found)) < len(found):
            raise UsageError(f"A topic is named twice as a {kind}")
    run = _Run(names, group, max_messages, partitioner, chosen_output(output), follow=follow, dry_run=dry_run)
    here = _cluster(source, source_config, "--from")
    there = here if target is None and target_config is None else _cluster(target or source, target_config, "--to")
    event_loop.run(run.run(here, there))


def _names(word: str) -> Names:
    source, equals, target = word.partition("=")
    if not source or (equals and not target):
        raise UsageError(f"{word!r} is not TOPIC or TOPIC=NEW")
    return Names(source, target or source)


def _cluster(word: str | None, config: str | None, option: str) -> tuple[str, str | None]:
    """Addresses and the file of properties of a cluster.

    raises    ScriptError
    """
    import os

    from pykafka_cli.clients.named_clusters import chosen_cluster, read_clusters
    from pykafka_cli.clients.settings import BadClientSetting

    try:
        if word is None and (variable := os.environ.get(BOOTSTRAP_SERVER_VARIABLE)):
            return variable, config
        if word is not None and ":" in word:
            return word, config
        named = chosen_cluster() if word is None else read_clusters().clusters.get(word)
    except BadClientSetting as error:
        raise UsageError(str(error)) from None
    if named is not None:
        return named.bootstrap_server, config or named.command_config
    if word is not None:
        raise UsageError(f"{option}: no cluster has the name {word}", hint="`pk config list` shows the names.")
    return bootstrap_or_default(None, UsageError(f"Missing option {option}")), config


class _Run:
    """One run of the command."""

    def __init__(
        self,
        names: Sequence[Names],
        group: str | None,
        max_messages: int | None,
        partitioner: Partitioner,
        form: OutputFormat,
        *,
        follow: bool,
        dry_run: bool,
    ) -> None:
        self._names, self._group, self._max_messages, self._partitioner, self._form = (
            names,
            group,
            max_messages,
            partitioner,
            form,
        )
        self._follow, self._dry_run = follow, dry_run

    async def run(self, here: tuple[str, str | None], there: tuple[str, str | None]) -> None:
        """raises    ScriptError"""
        from pykafka_cli.clients.consuming.fetcher import NoOffset
        from pykafka_cli.clients.errors import ApiError
        from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
        from pykafka_cli.procedures.cluster_state import StateUnknown
        from pykafka_cli.procedures.copy import CopyFailed
        from pykafka_cli.properties.keys import ConfigError
        from pykafka_cli.protocol.records.batch import CorruptRecords
        from pykafka_cli.script.opening import own_session

        kinds = (ApiError, ConfigError, CopyFailed, CorruptRecords, NoOffset, ProducerRefused, StateUnknown)
        words: Words = dict.fromkeys(kinds, str)
        with reported(words=words):
            async with own_session(*here) as source, own_session(*there) as target:
                await self._run(source, target)

    async def _run(self, source: "Session", target: "Session") -> None:
        from pykafka_cli.output.copy import show_copied, show_planned
        from pykafka_cli.procedures.copy import find_bounds
        from pykafka_cli.procedures.copy_topics import match_topics

        pairs = [(each.source, each.target) for each in self._names]
        copies, partitions = await match_topics(
            source, target, pairs, _KEEPS[self._partitioner], creates=not self._dry_run
        )
        bounds = await find_bounds(source, partitions, self._group)
        if self._dry_run:
            show_planned(self._form, copies, bounds.lengths, self._max_messages)
            return
        copier, status = await self._copy(source, target, copies, bounds)
        show_copied(self._form, copies, copier.progress.records)
        if status:
            raise Ended(status)

    async def _copy(
        self, source: "Session", target: "Session", copies: "Sequence[TopicCopy]", bounds: "Bounds"
    ) -> "tuple[Copier, int]":
        from pykafka_cli.console.copy_progress import CopyLine
        from pykafka_cli.console.garbage import collect_garbage_rarely
        from pykafka_cli.console.log_lines import warn
        from pykafka_cli.console.signals import EndBySignal
        from pykafka_cli.procedures.copy import Copier, CopyFailed

        collect_garbage_rarely()
        line = CopyLine()
        copier = Copier(
            source, target, copies, bounds, group=self._group, max_messages=self._max_messages,
            follow=self._follow, warn=warn,
            on_progress=lambda progress: line.show(progress.done, progress.total, progress.bytes),
        )  # fmt: skip
        ended = EndBySignal(gently=copier.stop, patience_s=_SETTLE_S)
        try:
            async with copier:
                with ended:
                    await copier.copy()
        except CopyFailed as error:
            raise ScriptError(str(error), hint=self._hint(copier.progress.done)) from None
        finally:
            line.end()
        if ended.signal and not self._follow:
            print_remark(self._hint(copier.progress.done))
        return copier, ended.status

    def _hint(self, done: int) -> str:
        copied = f"{done} record{'' if done == 1 else 's'} had been copied."
        if self._group:
            return f"{copied} The same command resumes at the offsets of group {self._group}."
        return f"{copied} With --group, a copy can be resumed."


_KEEPS = {Partitioner.AUTO: None, Partitioner.SAME: True, Partitioner.KEY: False}
