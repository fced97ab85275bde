"""`pk export`: writes the file that `pk apply` reads, from a cluster."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.output.export import show_export
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.script.errors import UsageError, Words, reported
from pykafka_cli.script.options import OUTPUT, BootstrapServer, CommandConfig, bootstrap_or_default
from pykafka_cli.script.own_command import OwnCommand
from pykafka_cli.transport import event_loop

if TYPE_CHECKING:
    from pykafka_cli.rules.apply_plan import Seen
    from pykafka_cli.rules.export_forms import Export

EPILOG = """\b
Internal topics and records are left out. `pk copy` copies records.

\b
Examples:
  pk export > cluster.yaml
  pk export --topic orders --topic prices --format strimzi

Exit status: 0; 1 after an error, 2 if the command line is wrong.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Form(StrEnum):
    """The format of the file."""

    SHORT = "short"
    STRIMZI = "strimzi"
    JIKKOU = "jikkou"


class Kind(StrEnum):
    """The kinds of resources that can be exported."""

    TOPICS = "topics"
    USERS = "users"
    QUOTAS = "quotas"
    ACLS = "acls"


@app.command(cls=OwnCommand, epilog=EPILOG)
def export(
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="TOPIC", help="Topic to export, and nothing else; may be repeated."),
    ] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", help="What to export; may be repeated. The default is everything.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="Form of the declarations.")] = Form.SHORT,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    output: Annotated[
        OutputFormat, typer.Option("--output", help="yaml or json.", rich_help_panel=OUTPUT)
    ] = OutputFormat.YAML,
) -> None:
    """Write topics with their configs, users, quotas, and ACLs as a file for `pk apply`."""
    if topic and kind:
        raise UsageError("--topic exports topics alone; it cannot be used with --kind")
    missing = UsageError("Missing required option --bootstrap-server")
    bootstrap = bootstrap_or_default(bootstrap_server, missing)
    kinds = frozenset(kind or Kind)
    found = _FORMS[form](event_loop.run(_look(bootstrap, command_config, topic, kinds)))
    show_export(found, is_json=output is OutputFormat.JSON, is_list=form is not Form.SHORT)


async def _look(bootstrap: str, command_config: str | None, topics: list[str] | None, kinds: frozenset[Kind]) -> "Seen":
    from pykafka_cli.procedures.cluster_state import StateUnknown, look_at_all
    from pykafka_cli.script.opening import own_session

    words: Words = {StateUnknown: str}
    with reported("Cannot export: ", words):
        async with own_session(bootstrap, command_config) as session:
            return await look_at_all(session, topics, frozenset(kinds))


def _short(seen: "Seen") -> "Export":
    from pykafka_cli.rules.export_forms import short_form

    return short_form(seen)


def _strimzi(seen: "Seen") -> "Export":
    from pykafka_cli.rules.export_forms import strimzi_form

    return strimzi_form(seen)


def _jikkou(seen: "Seen") -> "Export":
    from pykafka_cli.rules.export_forms import jikkou_form

    return jikkou_form(seen)


_FORMS: Mapping[Form, Callable[["Seen"], "Export"]] = {
    Form.SHORT: _short,
    Form.STRIMZI: _strimzi,
    Form.JIKKOU: _jikkou,
}
