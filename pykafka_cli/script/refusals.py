"""What is wrong with the words of a command that is no script's, such as `pk up`: Click's errors in our own words."""

from typer._click.exceptions import BadParameter, ClickException, NoArgsIsHelpError, NoSuchOption, UsageError
from typer._click.types import IntRange


def refusal(error: ClickException) -> tuple[str, str]:
    """What happened, and what would help (empty where the message is help itself)."""
    if isinstance(error, NoArgsIsHelpError) or not isinstance(error, UsageError):
        return error.format_message(), ""
    hint = f"`{error.ctx.command_path} --help` lists what is supported." if error.ctx else ""
    if isinstance(error, NoSuchOption):
        if error.possibilities:
            hint = f"Did you mean {' or '.join(sorted(error.possibilities))}?"
        return f"{error.option_name.lstrip('-')} is not a recognized option", hint
    if isinstance(error, BadParameter) and error.param and isinstance(range_ := error.param.type, IntRange):
        value = error.message.partition(" is not ")[0].strip("'")
        return f"{error.param.opts[0]} takes a whole number from {range_.min} to {range_.max}, not {value}", hint
    return error.format_message(), hint
