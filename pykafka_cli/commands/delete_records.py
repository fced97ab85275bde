"""`pk delete-records`: kafka-delete-records.sh."""

from typing import Annotated

import typer

from pykafka_cli.clients.admin.offsets import delete_records as delete_before
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import Offset, TopicPartition
from pykafka_cli.output.delete_records import show_outcome
from pykafka_cli.rules.plan_files import BadPlan, parse_records_plan
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import Ended, reported
from pykafka_cli.script.opening import new_session, read_plan
from pykafka_cli.script.options import (
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    require,
)
from pykafka_cli.transport import event_loop

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class DeleteRecordsCommand(ScriptCommand):
    without_arguments = "This tool helps to delete records of the given partitions down to the specified offset."


@app.command(cls=DeleteRecordsCommand)
def delete_records(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    offset_json_file: Annotated[
        str | None,
        typer.Option(
            "--offset-json-file",
            metavar="FILE",
            help=(
                'Offsets before which to delete: {"partitions": [{"topic": "foo", '
                '"partition": 1, "offset": 3}], "version": 1}; offset -1 is the end.'
            ),
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Delete the records of partitions before given offsets."""
    missing = ctx.usage_problem('Missing required argument "[bootstrap-server]"')
    bootstrap = bootstrap_or_default(bootstrap_server, missing)
    require(ctx, "offset-json-file")
    with reported(words={BadPlan: str}):
        plan = parse_records_plan(read_plan(offset_json_file or ""))
    session = new_session(bootstrap, command_config)
    results = event_loop.run(delete(session, plan))
    show_outcome(chosen_output(output), results)
    if any(isinstance(result, ApiError) for result in results.values()):
        raise Ended(ExitStatus.FAILURE)


async def delete(session: Session, plan: dict[TopicPartition, Offset]) -> dict[TopicPartition, Offset | ApiError]:
    async with session:
        return await delete_before(session, plan)
