"""kafka-configs.sh: settings, limits and credentials."""

from collections.abc import Mapping

from pykafka_cli.model import ConfigEntry


def entity_header(entity_type: str, name: str, *, shows_all: bool) -> str:
    """The line above the settings of a topic, a broker and the like; `entity_type` is the plural of the options."""
    if not name:
        return f"Default configs for {entity_type} in the cluster are:\n"
    return f"{'All' if shows_all else 'Dynamic'} configs for {entity_type[:-1]} {name} are:\n"


def entry(config: ConfigEntry) -> str:
    synonyms = ", ".join(f"{each.source}:{each.name}={_or_null(each.value)}" for each in config.synonyms)
    sensitive = "true" if config.is_sensitive else "false"
    return f"  {config.name}={_or_null(config.value)} sensitive={sensitive} synonyms={{{synonyms}}}\n"


def quotas(entity: str, values: Mapping[str, str]) -> str:
    return f"Quota configs for {entity} are {', '.join(f'{key}={value}' for key, value in values.items())}\n"


def credentials(user: str, iterations: Mapping[str, int]) -> str:
    listed = ", ".join(f"{mechanism}=iterations={count}" for mechanism, count in iterations.items())
    return f"SCRAM credential configs for user-principal '{user}' are {listed}\n"


def unreadable_credentials(user: str, exception: str, message: str) -> str:
    name = exception.rpartition(".")[2]
    return f"Error retrieving SCRAM credential configs for user-principal '{user}': {name}: {message}\n"


def altered(entity_type: str, name: str) -> str:
    """The message at the end; of two types and names, it has the first."""
    if not name:
        return f"Completed updating default config for {entity_type} in the cluster.\n"
    return f"Completed updating config for {entity_type[:-1]} {name}.\n"


def _or_null(value: str | None) -> str:
    return "null" if value is None else value
