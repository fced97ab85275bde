"""kafka-configs.sh: settings, limits and credentials."""

from collections.abc import Callable, Mapping, Sequence

from pykafka_cli.clients.admin.configs import Resource
from pykafka_cli.clients.admin.quotas import CLIENT_ID, IP, USER, QuotaEntity
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import ConfigEntry, ConfigSynonym
from pykafka_cli.output.render import OutputFormat, Table, notice, show
from pykafka_cli.rules.config_arguments import DEFAULT_ENTITY, Entity
from pykafka_cli.rules.java_text import double_text


def print_warning(warning: str) -> None:
    """The script's remarks on a config before it is set."""
    print(warning)


def show_settings(
    form: OutputFormat, type_: str, found: Sequence[tuple[Resource, Sequence[ConfigEntry]]], *, shows_all: bool
) -> None:
    show(
        form,
        text=lambda: "".join(
            entity_header(type_, resource.name, shows_all=shows_all) + "".join(map(entry, entries))
            for resource, entries in found
        ),
        table=lambda: [
            Table(
                ("SETTING", "VALUE", "FROM", "OTHERWISE"),
                [
                    (
                        each.name,
                        "(sensitive)" if each.is_sensitive else each.value,
                        _source(each.source),
                        ", ".join(_synonym(other, each.name) for other in each.synonyms[1:]),
                    )
                    for each in entries
                ],
                entity_header(type_, resource.name, shows_all=shows_all).rstrip(":\n"),
            )
            for resource, entries in found
        ],
        document=lambda: [
            {
                "type": type_,
                "name": resource.name or None,
                "configs": [
                    {
                        "name": entry.name,
                        "value": entry.value,
                        "source": entry.source,
                        "sensitive": entry.is_sensitive,
                        "read_only": entry.is_read_only,
                        "synonyms": [synonym._asdict() for synonym in entry.synonyms],
                    }
                    for entry in entries
                ],
            }
            for resource, entries in found
        ],
    )


def _synonym(other: ConfigSynonym, name: str) -> str:
    """The value that would apply otherwise, with the name of its config if that is another one."""
    whose = "" if other.name == name else f"{other.name}="
    return f"{whose}{_or_null(other.value)} ({_source(other.source)})"


def show_missing(form: OutputFormat, noun: str, name: str) -> None:
    notice(form, f"The {noun} '{name}' doesn't exist and doesn't have dynamic config.")


def show_limits(
    form: OutputFormat,
    all_quotas: Mapping[QuotaEntity, Mapping[str, float]],
    all_credentials: Mapping[str, Mapping[str, int] | ApiError],
) -> None:
    """Quotas by entity, and SCRAM iterations by user."""

    def script_text() -> str:
        lines = [quotas(_named(entity), _numbers(values)) for entity, values in all_quotas.items()]
        for user, found in all_credentials.items():
            if isinstance(found, ApiError):
                lines.append(unreadable_credentials(user, found.exception, str(found)))
            else:
                lines.append(credentials(user, found))
        return "".join(lines)

    show(
        form,
        text=script_text,
        table=lambda: [
            Table(
                ("WHOSE", "SETTING", "VALUE"),
                [
                    *(
                        (_named(entity), key, value)
                        for entity, values in all_quotas.items()
                        for key, value in _numbers(values).items()
                    ),
                    *(
                        (f"user-principal '{user}'", mechanism, f"iterations={count}")
                        for user, found in all_credentials.items()
                        if not isinstance(found, ApiError)
                        for mechanism, count in found.items()
                    ),
                ],
            )
        ],
        document=lambda: {
            "quotas": [
                {"entity": {type_: name or None for type_, name in entity}, "values": values}
                for entity, values in all_quotas.items()
            ],
            "credentials": [
                {"user": user, "iterations": found}
                for user, found in all_credentials.items()
                if not isinstance(found, ApiError)
            ],
        },
    )


def show_altered(
    form: OutputFormat, entities: Sequence[Entity], added: Mapping[str, str], deleted: Sequence[str]
) -> None:
    line = altered(entities[0].type, entities[0].name or DEFAULT_ENTITY)
    show(
        form,
        text=lambda: line,
        table=lambda: [line.rstrip("\n")],
        document=lambda: {
            "entities": [{"type": each.type, "name": each.name or None} for each in entities],
            "added": dict(added),
            "deleted": list(deleted),
        },
    )


def show_zookeeper_settings(form: OutputFormat, found: Sequence[tuple[str, str, Mapping[str, str]]]) -> None:
    """found    an entity's name, its path below /config, its settings"""
    show(
        form,
        text=lambda: "".join(
            f"Configs for {name} are {','.join(f'{key}={value}' for key, value in configs.items())}\n"
            for name, _, configs in found
        ),
        table=lambda: [
            Table(("SETTING", "VALUE"), list(configs.items()), f"Configs for {name}") for name, _, configs in found
        ],
        document=lambda: [{"entity": path, "configs": configs} for _, path, configs in found],
    )


def show_zookeeper_change(form: OutputFormat, name: str, path: str, configs: Mapping[str, str]) -> None:
    line = f"Completed Updating config for entity: {name}."
    show(
        form,
        text=lambda: f"{line}\n",
        table=lambda: [line],
        document=lambda: {"entity": path, "configs": configs},
    )


# ---- the script's text


def entity_header(entity_type: str, name: str, *, shows_all: bool) -> str:
    """The line above the settings of a topic, a broker and the like; `entity_type` is the plural of the options."""
    if not name:
        return f"Default configs for {entity_type} in the cluster are:\n"
    return f"{'All' if shows_all else 'Dynamic'} configs for {entity_type[:-1]} {name} are:\n"


def _source(name: str) -> str:
    return name.lower().replace("_", " ")


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
    """The final message, with the first of several types and names."""
    if not name:
        return f"Completed updating default config for {entity_type} in the cluster.\n"
    return f"Completed updating config for {entity_type[:-1]} {name}.\n"


def _or_null(value: str | None) -> str:
    return "null" if value is None else value


def _named(entity: QuotaEntity) -> str:
    """`user-principal 'u', client-id 'c'`; `the default client-id` for default entities."""
    words: Callable[[str], str] = {USER: "user-principal", CLIENT_ID: "client-id", IP: "ip"}.__getitem__
    return ", ".join(f"{words(type_)} '{name}'" if name else f"the default {words(type_)}" for type_, name in entity)


def _numbers(values: Mapping[str, float]) -> dict[str, str]:
    return {key: double_text(value) for key, value in values.items()}
