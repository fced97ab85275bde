"""Errors in the command lines of pk's own commands, such as `pk up`: Click's errors, reworded."""

from typing import Any

import typer


def refusal(error: typer.TyperException) -> tuple[str, str]:
    """What happened, and what would help (empty if the message is help itself).

    Typer has public names for few of its errors; the others are recognized by their attributes.
    """
    ctx = getattr(error, "ctx", None)
    if ctx is None or error.message == ctx.get_help():
        return error.format_message(), ""
    hint = f"`{ctx.command_path} --help` lists what is supported."
    if hasattr(error, "possibilities") and hasattr(error, "option_name"):
        if error.possibilities:
            hint = f"Did you mean {' or '.join(sorted(error.possibilities))}?"
        return f"{error.option_name.lstrip('-')} is not a recognized option", hint
    param = error.param if isinstance(error, typer.BadParameter) else None
    range_: Any = param.type if param else None
    if param and hasattr(range_, "min"):
        value = error.message.partition(" is not ")[0].strip("'")
        return f"{param.opts[0]} takes a whole number from {range_.min} to {range_.max}, not {value}", hint
    return error.format_message(), hint
