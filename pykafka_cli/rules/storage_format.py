"""The decisions of kafka-storage: voters, the initial features of a new cluster, and its first users.

Source: kafka.tools.StorageTool, org.apache.kafka.metadata.storage.Formatter, ScramParser, DynamicVoter of Kafka 4.3.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.kraft import CONTROLLER
from pykafka_cli.rules.feature_versions import (
    FEATURES,
    KRAFT_VERSION,
    LATEST_PRODUCTION,
    METADATA_VERSION,
    METADATA_VERSIONS,
    MetadataVersion,
    default_level,
    metadata_version,
    metadata_version_of,
)

_MIN_ITERATIONS, _MAX_ITERATIONS = 4096, 16384
_MECHANISM_NAME = re.compile(r"SCRAM-[A-Z0-9-]+")
_HIDDEN = "[hidden]"
_SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_RESERVED_IDS = frozenset({0, 1})  # Uuid.RESERVED: ZERO and ONE (the metadata topic)


class BadFormat(Exception):
    """An error of formatting, in the script's words."""


class NewScramCredential(NamedTuple):
    """One --add-scram. `salted_password` replaces `password` if given."""

    user: str
    mechanism: str
    iterations: int
    salt: bytes | None
    password: str | None
    salted_password: bytes | None


class Info(NamedTuple):
    """The result of kafka-storage info: existing directories, the metadata of the first formatted one, and problems."""

    directories: list[str]
    metadata: dict[str, str]
    problems: list[str]


class Voters(NamedTuple):
    """The choice of voters.

    directory_kind    the script's word for the directory that holds the metadata
    directory_id      this node's in --initial-controllers; None: a new one
    """

    directory_kind: str
    directory_id: str | None = None


def random_uuid() -> str:
    """A cluster's or a directory's id: 16 random bytes in base64url, without padding, and not beginning with a dash."""
    while True:
        unique = uuid.uuid4()
        text = encoded_uuid(unique)
        if unique.int not in _RESERVED_IDS and not text.startswith("-"):
            return text


def encoded_uuid(unique: uuid.UUID) -> str:
    """org.apache.kafka.common.Uuid.toString: 22 characters."""
    return base64.urlsafe_b64encode(unique.bytes).decode().rstrip("=")


def decoded_uuid(text: str) -> uuid.UUID:
    """The id in a text of `encoded_uuid`; raises ValueError."""
    return uuid.UUID(bytes=base64.urlsafe_b64decode(text + "=="))


def choose_voters(
    settings: BrokerSettings, *, standalone: bool, initial_controllers: str | None, no_initial_controllers: bool
) -> Voters:
    """raises BadFormat"""
    is_controller = CONTROLLER in settings.process_roles
    if standalone and not is_controller:
        raise BadFormat("You can only use --standalone on a controller.")
    initial = None if initial_controllers is None else dict(map(_initial_controller, initial_controllers.split(",")))
    if settings.controller_quorum_voters:
        if standalone or initial is not None:
            raise BadFormat(
                "You cannot specify controller.quorum.voters and format the node with --initial-controllers or "
                "--standalone. If you want to use dynamic quorum, please remove controller.quorum.voters and specify "
                "controller.quorum.bootstrap.servers instead."
            )
        return Voters("metadata")
    if standalone:
        return Voters("dynamic metadata voter")
    if initial is not None:
        if settings.node_id in initial:
            return Voters("dynamic metadata voter", initial[settings.node_id])
        return Voters("dynamic metadata")
    if is_controller and not no_initial_controllers:
        raise BadFormat(
            "Because controller.quorum.voters is not set on this controller, you must specify one of the following: "
            "--standalone, --initial-controllers, or --no-initial-controllers."
        )
    return Voters("metadata")


def _initial_controller(text: str) -> tuple[int, str]:
    """The id and the directory of ID@HOST:PORT:DIRECTORY."""
    number, at, rest = text.strip().partition("@")
    if not at:
        raise BadFormat("No @ found in dynamic voter string.")
    if not re.fullmatch(r"[0-9]+", number):
        raise BadFormat("Failed to parse node id in dynamic voter string.")
    host, colon, rest = _after_host(rest)
    if not colon:
        raise BadFormat("No colon following hostname could be found.")
    port, colon, directory = rest.partition(":")
    if not colon:
        raise BadFormat("No colon following port could be found.")
    if not re.fullmatch(r"[0-9]+", port) or not 0 <= int(port) <= 65535:
        raise BadFormat("Failed to parse port in dynamic voter string.")
    if not host:
        raise BadFormat("Hostname was empty in dynamic voter string.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{22}", directory):
        raise BadFormat("Failed to parse directory ID in dynamic voter string.")
    return int(number), directory


def _after_host(text: str) -> tuple[str, str, str]:
    """A host, a colon and what follows; an IPv6 address is in brackets."""
    if not text.startswith("["):
        return text.partition(":")
    host, _, rest = text[1:].partition("]")
    return host, rest[:1] if rest.startswith(":") else "", rest[1:]


def initial_features(release: str | None, features: Sequence[str], *, dynamic: bool) -> dict[str, int]:
    """Levels above 0, metadata.version first and the others by name; without kraft.version, which the quorum decides.

    dynamic    the quorum is not named in controller.quorum.voters
    raises     BadFormat, UnknownVersion
    """
    asked = _asked_levels(features)
    metadata = LATEST_PRODUCTION if release is None else metadata_version(release)
    if METADATA_VERSION in asked:
        metadata = _metadata_at(asked.pop(METADATA_VERSION))
    if unknown := [name for name in asked if name not in FEATURES]:
        raise BadFormat(f"Unsupported feature: {unknown[0]}. Supported features are: {', '.join(sorted(FEATURES))}")
    for name, level in asked.items():
        if not 0 <= level < len(FEATURES[name]):
            raise BadFormat(f"No feature:{name} with feature level {level}")
    if asked.get(KRAFT_VERSION) == 0 and dynamic:
        raise BadFormat(
            "Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of the flags --standalone, "
            "--initial-controllers, or --no-initial-controllers is used. For dynamic controllers support, try removing "
            "the --feature flag for kraft.version."
        )
    levels = {name: asked.get(name, default_level(name, metadata.level)) for name in sorted(FEATURES)}
    _ensure_dependencies(levels | {METADATA_VERSION: metadata.level})
    del levels[KRAFT_VERSION]
    return {METADATA_VERSION: metadata.level, **{name: level for name, level in levels.items() if level}}


def _metadata_at(level: int) -> MetadataVersion:
    found = metadata_version_of(level)
    if found is None:
        first, last = METADATA_VERSIONS[0].level, METADATA_VERSIONS[-1].level
        raise BadFormat(
            f"No MetadataVersion with feature level {level}. Valid feature levels are from {first} to {last}."
        )
    return found


def _asked_levels(features: Iterable[str]) -> dict[str, int]:
    levels = {}
    for word in features:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals:
            raise BadFormat(f"Can't parse feature=level string {word}: equals sign not found.")
        if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(1 << 15) <= int(text) < 1 << 15:
            raise BadFormat(f"Can't parse feature=level string {word}: unable to parse {text} as a short.")
        levels[name] = int(text)
    return levels


def _ensure_dependencies(levels: Mapping[str, int]) -> None:
    for name, known in FEATURES.items():
        for required, level in known[levels[name]].requires if levels[name] < len(known) else ():
            if levels[required] < level:
                raise BadFormat(
                    f"{name} could not be set to {levels[name]} because it depends on {required} level {level}"
                )


def version_mapping(release: str | None) -> list[tuple[str, str]]:
    """Features with their levels, the release's metadata.version first.

    raises    UnknownVersion
    """
    wanted = LATEST_PRODUCTION.name if release is None else release
    metadata = metadata_version(wanted, unstable=True)
    return [
        (METADATA_VERSION, f"{metadata.level} ({wanted})"),
        *((name, str(default_level(name, metadata.level))) for name in FEATURES),
    ]


def feature_dependencies(features: Sequence[str]) -> list[str]:
    """The script's lines about the levels that each feature=level requires.

    raises    BadFormat
    """
    lines = []
    for name, level in _asked_levels(features).items():
        if name == METADATA_VERSION:
            lines.append(f"{_described(name, level)} has no dependencies.")
            continue
        if name not in FEATURES:
            raise BadFormat(f"Unknown feature: {name}")
        if not 0 <= level < len(FEATURES[name]):
            raise BadFormat(f"Feature level {level} is not supported for feature {name}")
        requires = FEATURES[name][level].requires
        lines.append(f"{name}={level} requires:" if requires else f"{name}={level} has no dependencies.")
        lines += [f"    {_described(*each)}" for each in requires]
    return lines


def _described(name: str, level: int) -> str:
    """NAME=LEVEL, of metadata.version with its release."""
    if name != METADATA_VERSION:
        return f"{name}={level}"
    found = metadata_version_of(level)
    if found is None:
        raise BadFormat(f"Unknown metadata.version {level}")
    return f"{name}={level} ({found.name})"


def parse_add_scram(text: str) -> NewScramCredential:
    """MECHANISM=[name=alice,password=secret] or [...,salt="BASE64",saltedpassword="BASE64",iterations=8192].

    Errors show nothing that may be a piece of a password, such as what follows a comma in it.

    raises    BadFormat
    """
    mechanism, equals, rest = text.partition("=")
    if not equals:
        raise BadFormat(f"Failed to find equals sign in SCRAM argument '{_HIDDEN}'")
    if mechanism not in _SCRAM_MECHANISMS:
        shown = mechanism if _MECHANISM_NAME.fullmatch(mechanism) else _HIDDEN
        raise BadFormat(f"The add-scram mechanism {shown} is not supported.")
    if not rest.startswith("["):
        raise BadFormat("Expected configuration string to start with [")
    if not rest.endswith("]"):
        raise BadFormat("Expected configuration string to end with ]")
    given = {}
    for component in rest[1:-1].split(","):
        name, equals, value = component.partition("=")
        if not equals:
            raise BadFormat(f"No equals sign found in SCRAM component: {_HIDDEN if component else ''}")
        given[name] = _unquoted(value)
    for number, name in enumerate(given):
        if name not in ("name", "password", "saltedpassword", "salt", "iterations"):
            follows_password = not {"password", "saltedpassword"}.isdisjoint(list(given)[:number])
            raise BadFormat(f"Unknown SCRAM configuration: {_HIDDEN if follows_password else name}")
    if not given.get("name"):
        raise BadFormat("You must supply 'name' to add-scram")
    if ("password" in given) == ("saltedpassword" in given):
        if "password" in given:
            raise BadFormat("You must only supply one of 'password' or 'saltedpassword' to add-scram")
        raise BadFormat("You must supply one of 'password' or 'saltedpassword' to add-scram")
    if "saltedpassword" in given and "salt" not in given:
        raise BadFormat("You must supply 'salt' with 'saltedpassword' to add-scram")
    if not (given.get("password") or given.get("saltedpassword")):
        raise BadFormat("Password must not be empty")
    return NewScramCredential(
        given["name"],
        mechanism,
        _iterations(mechanism, given.get("iterations")),
        _decoded("salt", given.get("salt")),
        given.get("password"),
        _decoded("saltedpassword", given.get("saltedpassword")),
    )


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _iterations(mechanism: str, text: str | None) -> int:
    if text is None:
        return _MIN_ITERATIONS
    if not re.fullmatch(r"[0-9]+", text):
        raise BadFormat(f"Failed to parse iterations count: {text}")
    for sign, bound, is_met in (
        (">=", _MIN_ITERATIONS, int(text) >= _MIN_ITERATIONS),
        ("<=", _MAX_ITERATIONS, int(text) <= _MAX_ITERATIONS),
    ):
        if not is_met:
            java_name = mechanism.replace("-", "_")
            raise BadFormat(f"The 'iterations' value must be {sign} {bound} for add-scram using {java_name}")
    return int(text)


def _decoded(name: str, text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise BadFormat(f"Failed to decode given {name}: {_HIDDEN if name == 'saltedpassword' else text}") from None
