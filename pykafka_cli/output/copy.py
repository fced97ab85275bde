"""`pk copy`: how much was copied, or would be."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pykafka_cli.model import TopicPartition
from pykafka_cli.output.render import OutputFormat, show


class _Copy(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def keeps_partitions(self) -> bool: ...


def show_copied(form: OutputFormat, copies: Sequence[_Copy], records: Mapping[str, int]) -> None:
    """records    by source topic"""
    counts = [(each, records.get(each.source, 0)) for each in copies]
    lines = "".join(f"Copied {_records(count)} from {each.source} to {each.target}.\n" for each, count in counts)
    documents = [{"from": each.source, "to": each.target, "records": count} for each, count in counts]
    _show(form, lines, documents)


def show_planned(
    form: OutputFormat, copies: Sequence[_Copy], lengths: Mapping[TopicPartition, int], most: int | None
) -> None:
    """lengths    numbers of offsets of each partition; some may have no record"""
    lines, documents = [], []
    for each in copies:
        count = sum(length for partition, length in lengths.items() if partition.topic == each.source)
        how = "keeping partitions" if each.keeps_partitions else "by key"
        limit = "" if most is None else f", {most} of all topics at most"
        lines.append(f"Would copy up to {_records(count)} from {each.source} to {each.target}, {how}{limit}.\n")
        document = {"from": each.source, "to": each.target, "records": count, "keeps_partitions": each.keeps_partitions}
        documents.append(document)
    _show(form, "".join(lines), documents)


def _show(form: OutputFormat, text: str, document: object) -> None:
    plain = form if form.is_document else OutputFormat.KAFKA
    show(plain, text=lambda: text, table=list, document=lambda: document)


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
