"""What the actions of `pk consumer-groups` have in common."""

from dataclasses import dataclass

from pykafka_cli.clients.admin import groups as admin
from pykafka_cli.clients.session import Session
from pykafka_cli.output.render import OutputFormat, tell


@dataclass(frozen=True)
class GroupsRequest:
    """The values of the command line."""

    groups: tuple[str, ...]
    all_groups: bool
    topics: tuple[str, ...]
    output: OutputFormat

    def tell(self, line: str) -> None:
        """A line that the script prints beside its result; it must not get into a document."""
        tell(self.output, line)

    def tell_error(self, problem: str) -> None:
        self.tell(f"\nError: {problem}")

    async def names(self, session: Session) -> list[str]:
        """The groups that are meant."""
        if self.all_groups:
            return [group.group for group in await admin.list_groups(session)]
        return list(dict.fromkeys(self.groups))
