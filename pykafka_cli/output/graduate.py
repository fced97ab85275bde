"""`pk graduate`: the content of a stopped cluster, and how to start Apache Kafka on it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pykafka_cli.graduation.kafka_4_files import FOLDER
from pykafka_cli.graduation.kafka_files import README, commands
from pykafka_cli.graduation.kraft_node import Preparation
from pykafka_cli.graduation.report import Report
from pykafka_cli.output.render import OutputFormat, Table, show

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def show_report(form: OutputFormat, report: Report, files: Sequence[Path], prepared: Preparation | None) -> None:
    """files    the files that were written, none if the cluster was only examined"""
    show(
        form,
        text=lambda: _text(report, files, prepared),
        table=lambda: [
            Table(("TOPIC", "PARTITIONS", "RECORDS", "BYTES"), report.topics),
            Table(("GROUP", "COMMITTED OFFSETS"), report.groups),
            Table(("OPEN TRANSACTION", "STATE", "PARTITIONS"), report.open_transactions),
            _text(report, files, prepared),
        ],
        document=lambda: _document(report) | {"files": [str(each.absolute()) for each in files]},
    )


def _text(report: Report, files: Sequence[Path], prepared: Preparation | None) -> str:
    topics, groups = report.users_topics, report.groups
    partitions, records = sum(each.partitions for each in topics), sum(each.records for each in topics)
    held = f"{_count(records, 'record')} in {_count(partitions, 'partition')} of {_count(len(topics), 'topic')}"
    offsets = _count(sum(each.offsets for each in groups), "committed offset")
    lines = [
        f"No problems found. Cluster {report.cluster_id} has",
        f"  {held}",
        f"  {_count(len(groups), 'consumer group')} with {offsets}",
        f"  {_count(len(report.open_transactions), 'open transaction')}",
        *(f"  settings of {_count(count, kind.removesuffix('s'))}" for kind, count in report.settings.items()),
        *(f"  broker {each.id}: {_size(each.bytes)} in {', '.join(each.directories)}" for each in report.brokers),
    ]
    lines += [f"Note: {note}" for note in report.notes]
    if files:
        directory = files[0].parent
        names = [each.name for each in files if each.name.startswith("server") and each.parent == directory]
        lines += [
            "",
            f"Written: {', '.join(str(each) for each in files if each.parent == directory)}",
            "",
            "Next, in the directory of Apache Kafka 3.9:",
            "",
            *(f"    {line}" for line in commands(directory, names, prepared)),
            "",
            f"{files[-1]} describes what to check then, and how to return.",
            f"{directory / FOLDER / README} describes how to get to Kafka 4.",
        ]
    return "\n".join(lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _size(number: float) -> str:
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:
            break
        number /= 1024
    return f"{number:.0f} {unit}" if number >= 10 or unit == _UNITS[0] else f"{number:.1f} {unit}"


def _document(report: Report) -> dict[str, Any]:
    lists = {name: [each._asdict() for each in getattr(report, name)] for name in ("topics", "groups")}
    brokers = [each._asdict() | {"directories": list(each.directories)} for each in report.brokers]
    return asdict(report) | lists | {
        "brokers": brokers,
        "open_transactions": [each._asdict() for each in report.open_transactions],
        "settings": dict(report.settings),
        "notes": list(report.notes),
    }  # fmt: skip
