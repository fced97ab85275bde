"""The properties that a script passes on: files, key=value options, and the options that set one key.

In increasing precedence: the defaults of the script's options, a file, key=value options, the options themselves.
"""

from collections.abc import Iterable, Mapping

from pykafka_cli.clients.settings import BadClientSetting, read_property_file
from pykafka_cli.script.command import ScriptContext
from pykafka_cli.script.errors import ScriptError


def key_values(words: Iterable[str] | None) -> dict[str, str]:
    """Split `key=value` words at the first `=`; `key` alone has an empty value."""
    pairs = (word.partition("=") for word in words or ())
    return {key: value for key, _, value in pairs}


def property_file(file: str | None) -> dict[str, str]:
    """The properties in a file; none without a file.

    raises    ScriptError
    """
    try:
        return read_property_file(file) if file else {}
    except BadClientSetting as problem:
        raise ScriptError(str(problem)) from None


def merged(
    ctx: ScriptContext,
    *,
    file: Mapping[str, str],
    properties: Mapping[str, str],
    options: Mapping[str, tuple[str, object]],
) -> dict[str, str]:
    """All properties; `options` maps an option's name to the key that it sets and its value, default or given.

    Of two given options for one key the later one counts.
    """
    defaults = {key: str(value) for key, value in options.values()}
    explicit = {key: str(value) for name, (key, value) in options.items() if name in ctx.given}
    return defaults | dict(file) | dict(properties) | explicit
