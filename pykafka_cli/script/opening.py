"""How commands reach a cluster and read the files that they are given."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pykafka_cli.clients.session import BadAddress, Session, check_resolvable
from pykafka_cli.clients.settings import BadClientSetting, read_settings
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.log_lines import warn


def new_session(
    bootstrap: str,
    command_config: str | None,
    *,
    defaults: Mapping[str, str] = MappingProxyType({}),
    controllers: bool = False,
) -> Session:
    """A session to enter, with the properties of a file; `defaults` are those of the script.

    controllers    the addresses are those of KRaft controllers
    raises         ScriptError
    """
    try:
        settings = read_settings(command_config, defaults, warn)
        check_resolvable(bootstrap)
        return Session(bootstrap, settings, controllers=controllers)
    except BadAddress as error:
        raise ScriptError("Failed to create new KafkaAdminClient", hint=str(error)) from None
    except BadClientSetting as error:
        raise ScriptError(str(error)) from None


def read_plan(file: str) -> str:
    """The text of a file that an option names.

    raises    ScriptError
    """
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ScriptError(f"Unable to read file {file}") from None
