"""Errors of a cluster, and hints for clusters that cannot be reached."""

from collections.abc import Iterable, Mapping
from typing import Any

from kio.schema.errors import ErrorCode

from pykafka_cli.transport.errors import (
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
    UnsuitableListener,
)

NO_ERROR = 0

_SAY_SO = "If this listener requires TLS or SASL, set security.protocol in a file for --command-config."
_HINTS: Mapping[type[ConnectionFailed], str] = {
    AuthenticationFailed: "Check that security.protocol, sasl.mechanism and sasl.jaas.config match this listener.",
    CertificateOutdated: "The broker needs a new certificate, unless this machine's clock is wrong.",
    CertificateOfAnother: ("Use the host name in the certificate, or an empty ssl.endpoint.identification.algorithm."),
    CertificateRefused: "Set ssl.truststore.* to the authorities that sign the brokers' certificates.",
    ClientCertificateRefused: "Set ssl.keystore.* to the client's certificate.",
    HostUnknown: "Check the spelling of the host name.",
    TlsFailed: "Check that this is a TLS listener, and that ssl.* in the file for --command-config match it.",
    BrokerUnreachable: "Check that a broker is running there. `pk up` starts one on this machine.",
    NotKafka: _SAY_SO,
    ConnectionLost: _SAY_SO,
}
"""Hints by kind of failure; the first match counts."""


class ApiError(Exception):
    """An error code in a response. `str()` is the broker's text, or Kafka's default for the code."""

    def __init__(self, code: int, message: str | None = None) -> None:
        from pykafka_cli.clients.error_texts import error_text

        self.code = code
        self.exception, default = error_text(code)
        super().__init__(default if message is None else message)

    @property
    def java(self) -> str:
        """The form of Java's `toString()`: class and text."""
        return f"{self.exception}: {self}"


def ensure_none_failed(entries: Iterable[Any]) -> None:
    """Raise ApiError for the first entry of a response that has an error code."""
    for entry in entries:
        if entry.error_code != NO_ERROR:
            raise ApiError(entry.error_code, getattr(entry, "error_message", None))


def topic_refusal(code: ErrorCode, topic: str) -> ApiError | None:
    """The error of Kafka's clients for this code of a topic in Metadata; None if a retry may help."""
    match code:
        case ErrorCode.invalid_topic_exception:
            return ApiError(code, f"Invalid topics: [{topic}]")
        case ErrorCode.topic_authorization_failed:
            return ApiError(code, f"Not authorized to access topics: [{topic}]")
    return None


def advice(error: ApiError) -> str:
    """What would help; empty if unknown."""
    if error.code == ErrorCode.security_disabled:
        return "Brokers have ACLs if authorizer.class.name is in their properties."
    return ""


def explain(error: ConnectionFailed) -> tuple[str, str]:
    """What happened, and what would help (empty if unknown)."""
    if isinstance(error, UnsuitableListener):
        return str(error), error.advice
    for kind, hint in _HINTS.items():
        if isinstance(error, kind):
            return str(error), hint
    return str(error), ""
