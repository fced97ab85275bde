"""Writes the pages that are derived from the code: supported-apis.md, configuration.md, cli-reference.md.

python docs/generate.py            writes them
python docs/generate.py --check    exits 1 and names a page that is not what the code says
"""

import difflib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import typer.main

from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.commands import COMMANDS
from pykafka_cli.properties.admin import AdminSettings
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.client import ClientKeys
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import Key, Settings
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.properties.topic import TOPIC_KEYS
from pykafka_cli.properties.zookeeper import ZooKeeperSettings

DOCS = Path(__file__).resolve().parent
RECORDED = DOCS.parent / "tests/vectors/api-versions.json"
CLIENTS: dict[str, type[Settings]] = {
    "All clients": ClientKeys,
    "All clients: TLS and SASL": SecuritySettings,
    "Commands (`--command-config`)": AdminSettings,
    "Producers (`--producer.config`, `--producer-property`)": ProducerSettings,
    "Consumers (`--consumer.config`, `--consumer-property`)": ConsumerSettings,
}
NOTICE = "<!-- Written by docs/generate.py; change the code, then run `make docs`. -->"


def cell(text: object) -> str:
    """Text for a table's cell."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def supported_apis() -> Iterator[str]:
    """Every API that Kafka 3.9 in ZooKeeper mode offers, and which versions of it we do."""
    yield "# Supported APIs"
    yield "Our broker beside Apache Kafka 3.9.1 in ZooKeeper mode."
    kafka = {api["key"]: api for api in json.loads(RECORDED.read_text())["apis"]}
    rows = ["| key | API | Kafka 3.9.1 | here |", "| ---: | --- | --- | --- |"]
    for key, api in sorted(kafka.items()):
        ours = HANDLERS.get(key)
        here = f"{ours.min_version} to {ours.max_version}" if ours else "-"
        rows.append(f"| {key} | {api['name']} | {api['min']} to {api['max']} | {here} |")
    yield "\n".join(rows)
    yield f"{len(HANDLERS)} of {len(kafka)} APIs."


def key_rows(keys: Iterator[Key[object]] | list[Key[object]]) -> str:
    rows = ["| key | type | default | what it is |", "| --- | --- | --- | --- |"]
    for key in sorted(keys, key=lambda key: key.name):
        default = "" if key.default is None else f"`{cell(key.format(key.default))}`"
        rows.append(f"| `{key.name}` | {key.type.name.lower()} | {default} | {cell(key.doc)} |")
    return "\n".join(rows)


def own_keys(settings: type[Settings]) -> list[Key[object]]:
    """Without those that other sections have: what all clients share, and what is about security."""
    shared = {ClientKeys: SecuritySettings, SecuritySettings: Settings}.get(settings, ClientKeys)
    others = getattr(shared, "KEYS", {})
    return [key for name, key in settings.KEYS.items() if others.get(name) is not key]


def configuration() -> Iterator[str]:
    """All keys of server.properties, of topics, of clients and of zookeeper.properties."""
    yield "# Configuration"
    yield (
        "The keys of Apache Kafka 3.9 in ZooKeeper mode. A key that Kafka does not know is named in a warning with its "
        "line; a value that Kafka would refuse is refused, with its line."
    )
    shown = [key for key in BrokerSettings.KEYS.values() if not key.internal]
    yield "## Topics"
    yield "Set with `pk topics --create --config` or `pk configs --alter`; take effect at once."
    topics = [key for key in TOPIC_KEYS.values() if not key.internal]
    yield key_rows([key for key in topics if key.effective])
    yield "## Topics: known, without effect here"
    yield key_rows([key for key in topics if not key.effective])
    yield "## Brokers"
    yield "Set in server.properties or with `--override`."
    yield key_rows([key for key in shown if key.effective])
    yield "## Brokers: known, without effect here"
    yield "Accepted, so that a file written for Kafka starts our broker; named once in a warning."
    yield key_rows([key for key in shown if not key.effective])
    for title, settings in CLIENTS.items():
        yield f"## {title}"
        yield key_rows([key for key in own_keys(settings) if key.effective])
        yield f"## {title}: known, without effect here"
        yield key_rows([key for key in own_keys(settings) if not key.effective])
    yield "## ZooKeeper"
    yield "Set in zookeeper.properties or with `--override`; the keys of ZooKeeper 3.8."
    yield key_rows([key for key in ZooKeeperSettings.KEYS.values() if key.effective])
    yield "## ZooKeeper: known, without effect here"
    yield key_rows([key for key in ZooKeeperSettings.KEYS.values() if not key.effective])


def cli_reference() -> Iterator[str]:
    """Every command with its options."""
    yield "# Commands"
    yield "Options as each command's `--help` has them. A second spelling in a row means the same."
    for name, entry in sorted(COMMANDS.items()):
        yield f"## pk {name}"
        yield entry.help + (f" As {entry.script}.sh." if entry.script else "")
        command = typer.main.get_command(importlib.import_module(f"pykafka_cli.commands.{entry.module}").app)
        groups = getattr(command, "commands", {"": command})
        for verb, subcommand in groups.items():
            if verb:
                yield f"### pk {name} {verb}"
            rows = ["| option | what it does |", "| --- | --- |"]
            for parameter in subcommand.params:
                if parameter.param_type_name == "argument" and parameter.help:
                    words = cell(parameter.make_metavar(typer.Context(subcommand)))
                    rows.append(f"| `{words}` | {cell(parameter.help)} |")
                if parameter.param_type_name == "option" and not parameter.hidden:
                    spellings = ", ".join(f"`{spelling}`" for spelling in parameter.opts)
                    rows.append(f"| {spellings} | {cell(parameter.help or '')} |")
            yield "\n".join(rows)


PAGES = {"supported-apis.md": supported_apis, "configuration.md": configuration, "cli-reference.md": cli_reference}


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    stale = 0
    for name, sections in PAGES.items():
        path = DOCS / name
        wanted = "\n\n".join([NOTICE, *sections()]) + "\n"
        if not check:
            path.write_text(wanted)
            continue
        present = path.read_text() if path.exists() else ""
        if present != wanted:
            stale += 1
            print(f"docs/{name} is not what the code says; `make docs` writes it:", file=sys.stderr)
            print(
                *list(difflib.unified_diff(present.splitlines(), wanted.splitlines(), lineterm="", n=0))[:10],
                sep="\n",
                file=sys.stderr,
            )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
