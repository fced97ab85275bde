"""Bounds of only one or two keys, with Kafka's texts."""

import re

from pykafka_cli.properties.keys import BadProperty, Strings

# org.apache.kafka.server.common.MetadataVersion of 3.9: for each release the number of its last -IVn.
_RELEASES = {
    "0.8.0": None,
    "0.8.1": None,
    "0.8.2": None,
    "0.9.0": None,
    "0.10.0": 1,
    "0.10.1": 2,
    "0.10.2": 0,
    "0.11.0": 2,
    "1.0": 0,
    "1.1": 0,
    "2.0": 1,
    "2.1": 2,
    "2.2": 1,
    "2.3": 1,
    "2.4": 1,
    "2.5": 0,
    "2.6": 0,
    "2.7": 2,
    "2.8": 1,
    "3.0": 1,
    "3.1": 0,
    "3.2": 0,
    "3.3": 3,
    "3.4": 0,
    "3.5": 2,
    "3.6": 2,
    "3.7": 4,
    "3.8": 0,
    "3.9": 0,
    "4.0": 1,
}
_REPLICA = re.compile(r"(?:[0-9]+:[0-9]+)?")


class ReleaseVersion:
    """A release of Kafka, such as 2.8, 3.9.1 or 3.0-IV1."""

    def ensure_valid(self, name: str, value: str, line: int) -> None:
        segments = value.split(".")
        release, _, inner = ".".join(segments[: 3 if segments[0] == "0" else 2]).partition("-IV")
        last = _RELEASES.get(release, -1)
        known = last != -1 if not inner else inner.isdecimal() and last is not None and int(inner) <= last
        if not known:
            raise BadProperty(name, value, line, f"Version {value} is not a valid version")

    def __str__(self) -> str:
        return f"[{', '.join(_RELEASES)}]"


class OneOfAnyCase:
    """One of a fixed set of strings, in any case; `choices` in Kafka's order."""

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def ensure_valid(self, name: str, value: str, line: int) -> None:
        if value.upper() not in self.choices:
            raise BadProperty(name, value, line, f"String must be one of (case insensitive): {', '.join(self.choices)}")

    def __str__(self) -> str:
        return f"(case insensitive) [{', '.join(self.choices)}]"


class NonEmpty:
    """A string that is absent, or not empty."""

    def ensure_valid(self, name: str, value: str, line: int) -> None:
        if not value:
            raise BadProperty(name, value, line, "String must be non-empty")

    def __str__(self) -> str:
        return "non-empty string"


class AvailableClass:
    """A Java class that is emulated here; for others, Kafka's error."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def ensure_valid(self, name: str, value: str, line: int) -> None:
        if value not in self.known:
            raise BadProperty(name, value, line, f"Class {value} could not be found.")

    def __str__(self) -> str:
        return ""


class Emulated:
    """Names of what Java brings for TLS that OpenSSL does as well; whoever sets another relies on it."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def ensure_valid(self, name: str, value: str, line: int) -> None:
        if value not in self.names:
            raise BadProperty(name, value, line, "OpenSSL is used here, and not this; remove it to connect without")

    def __str__(self) -> str:
        return ""


_OAUTH = "org.apache.kafka.common.security.oauthbearer."
OAUTH_LOGIN_HANDLERS = (
    _OAUTH + "OAuthBearerLoginCallbackHandler",
    _OAUTH + "secured.OAuthBearerLoginCallbackHandler",
    _OAUTH + "internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler",
)
"""Java classes whose work `pykafka_cli.security.oauth` does."""
OPENSSL_PROTOCOLS = ("TLS", "TLSv1.2", "TLSv1.3")
OPENSSL_KEY_MANAGERS = ("SunX509", "NewSunX509", "PKIX")
OPENSSL_TRUST_MANAGERS = ("PKIX", "SunX509")
OPENSSL_RANDOM = ("SHA1PRNG", "NativePRNG", "NativePRNGBlocking", "NativePRNGNonBlocking", "DRBG")
"""What is no weaker with OpenSSL, where only its name is missing."""


class GzipLevel:
    def ensure_valid(self, name: str, value: int, line: int) -> None:
        if value != -1 and not 1 <= value <= 9:
            raise BadProperty(name, value, line, "Value must be between 1 and 9 or equal to -1")

    def __str__(self) -> str:
        return "[1,...,9] or -1"


class ThrottledReplicas:
    """PARTITION:BROKER pairs, or * for all replicas."""

    def ensure_valid(self, name: str, value: Strings, line: int) -> None:
        if value == ("*",) or all(_REPLICA.fullmatch(each) for each in value):
            return
        form = "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
        raise BadProperty(
            name,
            value,
            line,
            f"{name} must be the literal '*' or a list of replicas in the following format: {form}",
        )

    def __str__(self) -> str:
        return "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
