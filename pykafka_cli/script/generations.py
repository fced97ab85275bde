"""Options that Kafka 4 renamed or removed: how its scripts report the old names.

`pk` accepts all names. If the cluster turns out to run Kafka 4, it reports what that script does: a line on stdout for
a replaced name, an error for a removed one.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pykafka_cli.script.errors import ScriptError

if TYPE_CHECKING:
    from pykafka_cli.clients.session import Session
    from pykafka_cli.script.command import ScriptContext


class OldName(NamedTuple):
    """An option's name up to 3.9 and the one since 4.0; `new_first` orders them in the error about both."""

    old: str
    new: str
    new_first: bool = False


class Removed(NamedTuple):
    """An option that Kafka 4 removed, and what to use instead."""

    name: str
    instead: str


def refuse_both(
    ctx: "ScriptContext", names: Sequence[OldName], problem: Callable[[str], ScriptError] | None = None
) -> None:
    """Reject options that are given by both names.

    problem    makes the error of a script that parses with argparse4j
    raises     ScriptError
    """
    for old, new, new_first in names:
        if {old, new} <= ctx.spelled:
            first, second = (new, old) if new_first else (old, new)
            message = f"--{first} and --{second} cannot be specified together."
            raise problem(message) if problem else ctx.usage_problem(f"Options {message}")


class OldOptions:
    """The options on a command line that Kafka 4's script would comment on or reject.

    remark    of the script, with {old} and {new} in it
    """

    def __init__(
        self, ctx: "ScriptContext", names: Sequence[OldName], removed: Sequence[Removed] = (), *, remark: str
    ) -> None:
        self._ctx = ctx
        self.remarks = [remark.format(old=each.old, new=each.new) for each in names if each.old in ctx.spelled]
        self._removed = [each for each in removed if each.name in ctx.spelled]

    async def report(self, session: "Session") -> None:
        """Print the remarks if the cluster runs Kafka 4.

        raises    UsageProblem for a removed option
        """
        if (self.remarks or self._removed) and await session.is_kafka_4():
            for name, instead in self._removed:
                raise self._refusal(name, instead)
            for remark in self.remarks:
                print(remark, flush=True)

    def _refusal(self, name: str, instead: str) -> ScriptError:
        hint = f"This cluster runs Kafka 4, whose script has no --{name}; use {instead}."
        return self._ctx.usage_problem(f"{name} is not a recognized option", hint=hint)


HAS_BEEN_DEPRECATED = "Option --{old} has been deprecated and will be removed in a future version. Use --{new} instead."
"""The remark of the scripts that parse with argparse4j."""
