"""The arguments of kafka-configs: the entities, and what to change. Checks and messages are the script's.

Source: kafka.admin.ConfigCommand, 3.9
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

TOPICS, CLIENTS, USERS, BROKERS = "topics", "clients", "users", "brokers"
IPS, BROKER_LOGGERS, CLIENT_METRICS, GROUPS = "ips", "broker-loggers", "client-metrics", "groups"
ENTITY_TYPES: tuple[str, ...] = (TOPICS, CLIENTS, USERS, BROKERS, IPS, BROKER_LOGGERS, CLIENT_METRICS)
ENTITY_TYPES_OF_4: tuple[str, ...] = (GROUPS,)
"""Types that the scripts of 3.9 do not have and therefore do not list."""
ZOOKEEPER_ENTITY_TYPES: tuple[str, ...] = (USERS, BROKERS)

QUOTAS = ("producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate")
IP_QUOTAS = ("connection_creation_rate",)
SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
MIN_ITERATIONS = DEFAULT_ITERATIONS = 4096
DEFAULT_ENTITY = ""
_MESSAGE_FORMAT_VERSION = "message.format.version"
_OUTSIDE_BRACKETS = r"(?=[^\]]*(?:\[|$))"
_CREDENTIAL = re.compile(r"(?:iterations=(-?[0-9]*),)?password=(.*)", re.DOTALL)


class BadConfigArgument(Exception):
    """A command line that the script rejects without printing its usage."""


class Entity(NamedTuple):
    """An entity with configs. The name is None for all of a type, DEFAULT_ENTITY for the default."""

    type: str
    name: str | None


class Credential(NamedTuple):
    """A credential to create for a user."""

    iterations: int
    password: str


def ensure_entities(types: Sequence[str], *, has_brokers: bool) -> None:
    """Check the given types, before any name is checked.

    raises    BadConfigArgument
    """
    if twice := [name for index, name in enumerate(types) if name in types[:index]]:
        raise BadConfigArgument(f"Duplicate entity type(s) specified: {','.join(twice)}")
    allowed = ENTITY_TYPES if has_brokers else ZOOKEEPER_ENTITY_TYPES
    option = "--bootstrap-server or --bootstrap-controller" if has_brokers else "--zookeeper"
    for name in types:
        if name not in allowed and not (has_brokers and name in ENTITY_TYPES_OF_4):
            raise BadConfigArgument(
                f"Invalid entity type {name}, the entity type must be one of {', '.join(allowed)} "
                f"with a {option} argument"
            )
    if not types:
        raise BadConfigArgument("At least one entity type must be specified")
    if len(types) > 1 and set(types) != {USERS, CLIENTS}:
        raise BadConfigArgument("Only 'users' and 'clients' entity types may be specified together")


def ensure_names(types: Sequence[str], names: Sequence[str], *, is_alter: bool) -> None:
    """Check the names given for the types.

    raises    BadConfigArgument
    """
    named, default = any(names), DEFAULT_ENTITY in names
    if types[0] in (BROKERS, BROKER_LOGGERS):
        for name in filter(None, names):
            if not re.fullmatch(r"[+-]?[0-9]+", name):
                raise BadConfigArgument(
                    f"The entity name for {types[0]} must be a valid integer broker id, but it is: {name}"
                )
    if not is_alter:
        if BROKER_LOGGERS in types and not named:
            raise BadConfigArgument(f"an entity name must be specified with --describe of {','.join(types)}")
        return
    if set(types) & {USERS, CLIENTS, BROKERS, IPS}:
        if not named and not default:
            raise BadConfigArgument(
                "an entity-name or default entity must be specified with --alter of users, clients, brokers or ips"
            )
    elif not named:
        raise BadConfigArgument(f"an entity name must be specified with --alter of {','.join(types)}")


def pair_entities(types: Sequence[str], names: Sequence[str], *, is_alter: bool) -> list[Entity]:
    """Types with their names, in order.

    raises    BadConfigArgument
    """
    if is_alter and len(types) != len(names):
        raise BadConfigArgument("An entity name must be specified for every entity type")
    if len(names) > len(types):
        raise BadConfigArgument("More entity names specified than entity types")
    return [Entity(type_, names[index] if index < len(names) else None) for index, type_ in enumerate(types)]


def parse_added(text: str) -> dict[str, str]:
    """--add-config: `k1=v1,k2=[a,b],k3=`; commas and equals signs in brackets belong to the value, brackets do not.

    raises    BadConfigArgument
    """
    added: dict[str, str] = {}
    for word in _without_trailing_empties(re.split("," + _OUTSIDE_BRACKETS, text)) if text else [""]:
        pair = re.split(r"\s*=\s*" + _OUTSIDE_BRACKETS, word)
        if len(pair) != 2:
            raise BadConfigArgument(
                'requirement failed: Invalid entity config: all configs to be added must be in the format "key=val".'
            )
        added[pair[0].strip()] = re.sub(r"[\[\]]", "", pair[1]).strip()
    return added


# Names that are misspelled also count, and everything about a SCRAM credential.
_SECRET = re.compile(r"(pas|pwd|secret|scram|jaas|ssl\.keystore\.key)[\w.-]*\s*=", re.IGNORECASE)


def without_secrets(words: Iterable[str]) -> str:
    """The words of a command line for an error: without passwords, and whatever follows them in the same word."""
    return " ".join(f"{word[: found.end()]}[hidden]" if (found := _SECRET.search(word)) else word for word in words)


def ensure_no_secret_is_lost(present: Mapping[str, str | None], added: Iterable[str], deleted: Iterable[str]) -> None:
    """Check that no secret config is lost: the script sends a broker's configs as a whole, and cannot read secrets.

    raises    BadConfigArgument
    """
    if lost := [name for name, value in present.items() if value is None and name not in {*added, *deleted}]:
        missing = f"missing entries: Set({', '.join(lost)})"
        raise BadConfigArgument(f"All sensitive broker config entries must be specified for --alter, {missing}")


def ensure_keys(names: Iterable[str]) -> None:
    """Raise BadConfigArgument for a name that no config can have."""
    for name in names:
        if not re.fullmatch(r"[a-zA-Z0-9._-]*", name):
            raise BadConfigArgument(f"Invalid character found for config key: {name}")


def parse_deleted(words: Iterable[str]) -> list[str]:
    """--delete-config, which may be repeated and may have several names separated by commas."""
    return [name.strip() for word in words for name in word.split(",")]


def format_version_warning(added: Mapping[str, str]) -> str | None:
    """The script's warning about a config that brokers since 3.0 ignore."""
    if _MESSAGE_FORMAT_VERSION not in added:
        return None
    return (
        f"WARNING: The configuration {_MESSAGE_FORMAT_VERSION}={added[_MESSAGE_FORMAT_VERSION]} is specified. This "
        "configuration will be ignored if the version is newer than the inter.broker.protocol.version specified in "
        "the broker or if the inter.broker.protocol.version is 3.0 or newer. This configuration is deprecated and it "
        "will be removed in Apache Kafka 4.0."
    )


def ensure_user_or_client_configs(entities: Sequence[Entity], added: Mapping[str, str], deleted: Sequence[str]) -> None:
    """Allow only quotas for clients; quotas or credentials, not both, for users.

    raises    BadConfigArgument
    """
    scram_added = [name for name in added if name in SCRAM_MECHANISMS]
    scram_deleted = [name for name in deleted if name in SCRAM_MECHANISMS]
    unknown_added = [name for name in added if name not in SCRAM_MECHANISMS and name not in QUOTAS]
    unknown_deleted = [name for name in deleted if name not in SCRAM_MECHANISMS and name not in QUOTAS]
    if entities[0].type == CLIENTS or len(entities) == 2:
        _refuse("Only quota configs can be added for 'clients'", "Set", [*unknown_added, *scram_added])
        _refuse("Only quota configs can be deleted for 'clients'", "ArrayBuffer", [*unknown_deleted, *scram_deleted])
        return
    _refuse("Only quota and SCRAM credential configs can be added for 'users'", "Set", unknown_added)
    _refuse("Only quota and SCRAM credential configs can be deleted for 'users'", "ArrayBuffer", unknown_deleted)
    if not scram_added and not scram_deleted:
        return
    if any(entity.name == DEFAULT_ENTITY for entity in entities):
        raise BadConfigArgument(
            "The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials using "
            "--bootstrap-server."
        )
    if any(name in QUOTAS for name in (*added, *deleted)):
        raise BadConfigArgument(
            "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server."
        )


def ensure_ip_configs(names: Iterable[str]) -> None:
    """Raise BadConfigArgument unless all are limits on connections."""
    if unknown := [name for name in names if name not in IP_QUOTAS]:
        raise BadConfigArgument(
            "Only connection quota configs can be added for 'ips' using --bootstrap-server. "
            f"Unexpected config names: {','.join(unknown)}"
        )


def ensure_present(deleted: Iterable[str], present: Iterable[str]) -> None:
    """Raise BadConfigArgument for configs that cannot be deleted because they are not set."""
    known = set(present)
    if absent := [name for name in deleted if name not in known]:
        raise BadConfigArgument(f"Invalid config(s): {','.join(absent)}")


def parse_quota(name: str, text: str) -> float:
    """A rate or a percentage.

    raises    BadConfigArgument
    """
    try:
        return float(text.strip().rstrip("dDfF").replace("_", "?"))
    except ValueError:
        raise BadConfigArgument(f"Cannot parse quota configuration value for {name}: {text}") from None


def parse_credential(mechanism: str, text: str) -> Credential:
    """`iterations=N,password=P`, the first part being optional.

    raises    BadConfigArgument
    """
    found = _CREDENTIAL.fullmatch(text)
    if not found:
        shown = re.sub("=.*", "=[hidden]", text, flags=re.DOTALL)  # it may be a password whose name is misspelled
        raise BadConfigArgument(f"Invalid credential property {mechanism.replace('-', '_')}={shown}")
    given = found[1]
    iterations = DEFAULT_ITERATIONS if given in (None, "", "-1") else int(given)
    if iterations < MIN_ITERATIONS:
        raise BadConfigArgument(
            f"Iterations {iterations} is less than the minimum {MIN_ITERATIONS} required for {mechanism}"
        )
    if not found[2]:
        raise BadConfigArgument("Password must not be empty")
    return Credential(iterations, found[2])


def _refuse(complaint: str, collection: str, names: Sequence[str]) -> None:
    if names:
        unexpected = f"{collection}({', '.join(names)})"
        raise BadConfigArgument(f"{complaint} using --bootstrap-server. Unexpected config names: {unexpected}")


def _without_trailing_empties(words: list[str]) -> list[str]:
    while words and not words[-1]:
        words.pop()
    return words
