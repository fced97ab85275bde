"""What a cluster refuses, and what a person is told about a cluster that cannot be asked."""

from collections.abc import Iterable, Mapping
from typing import Any

from kio.schema.errors import ErrorCode

from pykafka_cli.transport.connection import (
    AuthenticationFailed,
    BrokerUnreachable,
    CertificateOfAnother,
    CertificateOutdated,
    CertificateRefused,
    ClientCertificateRefused,
    ConnectionFailed,
    ConnectionLost,
    HostUnknown,
    NotKafka,
    TlsFailed,
)

NO_ERROR = 0

_SAY_SO = "If this listener wants TLS or SASL, say so in a file for --command-config."
_HINTS: Mapping[type[ConnectionFailed], str] = {
    AuthenticationFailed: "Do security.protocol, sasl.mechanism and sasl.jaas.config fit this listener?",
    CertificateOutdated: "The broker needs a new one, unless this machine's clock is wrong.",
    CertificateOfAnother: (
        "Ask for the host that it names; an empty ssl.endpoint.identification.algorithm leaves names unchecked."
    ),
    CertificateRefused: "ssl.truststore.* say who may vouch for brokers.",
    ClientCertificateRefused: "ssl.keystore.* say which one the client shows.",
    HostUnknown: "Is the name spelled as that machine's?",
    TlsFailed: "Is this a TLS listener, and do ssl.* in the file for --command-config fit it?",
    BrokerUnreachable: "Is a broker running there? `pk up` starts one on this machine.",
    NotKafka: _SAY_SO,
    ConnectionLost: _SAY_SO,
}
"""What would help, by the kind of failure; the first that fits."""


class ApiError(Exception):
    """An error code in an answer. `str()` is the broker's text, or Kafka's own for the code where it sent none."""

    def __init__(self, code: int, message: str | None = None) -> None:
        from pykafka_cli.clients.error_texts import error_text

        self.code = code
        self.exception, default = error_text(code)
        super().__init__(default if message is None else message)

    @property
    def java(self) -> str:
        """As Java's `toString()` shows it: the class, then the text."""
        return f"{self.exception}: {self}"


def ensure_none_failed(entries: Iterable[Any]) -> None:
    """Raise ApiError for the first entry of an answer that has an error code."""
    for entry in entries:
        if entry.error_code != NO_ERROR:
            raise ApiError(entry.error_code, getattr(entry, "error_message", None))


def topic_refusal(code: ErrorCode, topic: str) -> ApiError | None:
    """What Kafka's clients fail with where Metadata has this code for a topic; None if asking again may help."""
    match code:
        case ErrorCode.invalid_topic_exception:
            return ApiError(code, f"Invalid topics: [{topic}]")
        case ErrorCode.topic_authorization_failed:
            return ApiError(code, f"Not authorized to access topics: [{topic}]")
    return None


def explain(error: ConnectionFailed) -> tuple[str, str]:
    """What happened, and what would help (empty if we do not know)."""
    for kind, hint in _HINTS.items():
        if isinstance(error, kind):
            return str(error), hint
    return str(error), ""
