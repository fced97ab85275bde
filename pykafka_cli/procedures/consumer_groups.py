"""What the actions of `pk consumer-groups` have in common."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pykafka_cli.clients.admin import groups as admin
from pykafka_cli.clients.session import Session
from pykafka_cli.output.render import OutputFormat, notice

NO_ACTION = (
    "WARN: No action will be performed as the --execute option is missing.In a future major release, the default "
    "behavior of this command will be to prompt the user before executing the reset rather than doing a dry run. You "
    "should add the --dry-run option explicitly if you are scripting this command and want to keep the current default "
    "behavior without prompting."
)
NO_ACTION_IN_4 = (
    "WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require "
    "either --dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are "
    "scripting this command and want to keep the current default behavior without prompting."
)


@dataclass
class GroupsRequest:
    """The values of the command line, and of which generation the cluster turned out to be."""

    groups: tuple[str, ...]
    all_groups: bool
    topics: tuple[str, ...]
    output: OutputFormat
    kafka_4: bool = False

    @asynccontextmanager
    async def opened(self, session: Session) -> AsyncIterator[None]:
        """Enter the session and see whose words the results are to be in."""
        async with session:
            self.kafka_4 = await session.is_kafka_4()
            yield

    def report(self, line: str) -> None:
        """A line that the script prints beside its result; it must not get into a document."""
        notice(self.output, line)

    def report_error(self, problem: str) -> None:
        self.report(f"\nError: {problem}")

    async def names(self, session: Session) -> list[str]:
        """The groups that are meant."""
        if self.all_groups:
            return [group.group for group in await admin.list_groups(session)]
        return list(dict.fromkeys(self.groups))
