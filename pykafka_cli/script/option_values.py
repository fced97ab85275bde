"""The values of options that accept only a few, for shell completion."""

from collections.abc import Callable, Mapping, Sequence

_ANY_OFFSET_RESET = ("earliest", "latest", "none")
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_GROUP_TYPES = ("classic", "consumer", "share", "streams")
_PRINTED = ("timestamp", "partition", "offset", "delivery", "epoch", "headers", "key", "value")
_OF_FORMATTER = (
    *(f"print.{each}=true" for each in _PRINTED),
    *(f"{each}=" for each in ("key.separator", "line.separator", "headers.separator", "null.literal")),
    *(f"{each}.deserializer=" for each in ("key", "value", "headers")),
)
_OF_READER = (
    *(f"{each}=true" for each in ("parse.key", "parse.headers", "ignore.error")),
    *(f"{each}=" for each in ("key.separator", "headers.delimiter", "headers.separator", "headers.key.separator")),
    "null.marker=",
)
_VALUES: Mapping[str, Sequence[str]] = {
    "--acks": ("-1", "0", "1"),
    "--compression-codec": _CODECS,
    "--election-type": ("preferred", "unclean"),
    "--formatter-property": _OF_FORMATTER,
    "--group-protocol": ("classic", "consumer"),
    "--group-remote-assignor": ("range", "uniform"),
    "--group-type": _GROUP_TYPES,
    "--isolation-level": ("read_committed", "read_uncommitted"),
    "--offset": ("earliest", "latest"),
    "--producer-acks": ("1", "all"),
    "--protocol": ("consumer", "connect", "share", "streams"),
    "--reader-property": _OF_READER,
    "--request-required-acks": ("0", "1", "all"),
    "--reset-policy": _ANY_OFFSET_RESET,
    "--resource-pattern-type": ("any", "literal", "match", "prefixed"),
    "--type": ("Classic", "Consumer"),
    "--zookeeper.acl": ("secure", "unsecure"),
}


def values_of(option: str, command: str) -> Sequence[str]:
    """The values of an option of a command; empty if it accepts any text."""
    if option == "--property":
        return _OF_READER if command == "console-producer" else _OF_FORMATTER
    if option == "--time" and command != "get-offsets":
        return ()  # milliseconds
    return _DERIVED[option]() if option in _DERIVED else _VALUES.get(option, ())


def _entity_types() -> Sequence[str]:
    from pykafka_cli.rules.config_arguments import ENTITY_TYPES, ENTITY_TYPES_OF_4

    return (*ENTITY_TYPES, *ENTITY_TYPES_OF_4)


def _operations() -> Sequence[str]:
    from pykafka_cli.acls import AclOperation

    unusable = (AclOperation.UNKNOWN, AclOperation.ANY)
    return [each.title for each in AclOperation if each not in unusable]


def _times() -> Sequence[str]:
    from pykafka_cli.rules.offset_queries import TIMES

    return list(TIMES)


def _states() -> Sequence[str]:
    from pykafka_cli.rules.wait_conditions import STATES

    return STATES


def _formatters() -> Sequence[str]:
    from pykafka_cli.rules.formatters import FORMATTERS

    return FORMATTERS


def _deserializers() -> Sequence[str]:
    from pykafka_cli.rules.deserializers import DESERIALIZERS, PACKAGE

    return [PACKAGE + each for each in DESERIALIZERS]


def _apis() -> Sequence[str]:
    from pykafka_cli.protocol.api_keys import ApiKey

    return [each.title for each in ApiKey]


def _errors() -> Sequence[str]:
    from kio.schema.errors import ErrorCode

    from pykafka_cli.rules.fault_arguments import name_of

    return [name_of(each) for each in ErrorCode]


def _releases() -> Sequence[str]:
    from pykafka_cli.rules.features import RELEASES

    return RELEASES


_DERIVED: Mapping[str, Callable[[], Sequence[str]]] = {
    "--api": _apis,
    "--entity-type": _entity_types,
    "--error": _errors,
    "--formatter": _formatters,
    "--key-deserializer": _deserializers,
    "--metadata": _releases,
    "--operation": _operations,
    "--release-version": _releases,
    "--state": _states,
    "--time": _times,
    "--value-deserializer": _deserializers,
}
OPTIONS = frozenset({*_VALUES, *_DERIVED, "--property"})
"""The options whose values are known here."""
