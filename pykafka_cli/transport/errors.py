"""How connections to brokers, and requests on them, fail.

ConnectionFailed
    BrokerUnreachable      HostUnknown, TlsFailed
    ConnectionLost         AnswerUnreadable
    NoAnswerInTime
    Rejected               NotKafka, AuthenticationFailed, CertificateRefused, ClientCertificateRefused
    VersionUnsupported
"""

import errno
import ssl


class ConnectionFailed(Exception):
    """A connection to a broker, or a request on it, failed."""


class BrokerUnreachable(ConnectionFailed):
    """No request could be sent: nothing listens there, or there was no response in time."""


class HostUnknown(BrokerUnreachable):
    """No machine has this name."""


class TlsFailed(BrokerUnreachable):
    """The two sides did not agree on TLS."""


class ConnectionLost(ConnectionFailed):
    """The connection was closed, or a response did not match its request."""


class AnswerUnreadable(ConnectionLost):
    """A response does not match its request; a retry would not help."""


class NoAnswerInTime(ConnectionFailed):
    """The broker received the request, but did not respond in time."""


class Rejected(ConnectionFailed):
    """The two sides cannot communicate as they are configured; a retry does not help."""


class NotKafka(Rejected):
    """The bytes on the connection are not Kafka's protocol; from a TLS listener, they are an alert."""


class UnsuitableListener(NotKafka):
    """Another kind of server, or a listener with another security protocol, is at the address.

    advice    what would help; empty if that is unknown
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message, advice)
        self.advice = advice

    def __str__(self) -> str:
        return str(self.args[0])


class AuthenticationFailed(Rejected):
    """The broker rejected the mechanism or the credentials, or there are none."""


class CertificateRefused(Rejected):
    """The client does not trust the broker's certificate."""


class CertificateOutdated(CertificateRefused):
    """It is not valid yet, or no longer."""


class CertificateOfAnother(CertificateRefused):
    """It does not name the host to which this client connected."""


class ClientCertificateRefused(Rejected):
    """The broker does not trust the client's certificate, or requires one and got none."""


class VersionUnsupported(ConnectionFailed):
    """The broker does not have the API, or none of the versions that this client has."""


_BY_VERDICT = {
    9: CertificateOutdated,  # X509_V_ERR_CERT_NOT_YET_VALID
    10: CertificateOutdated,  # X509_V_ERR_CERT_HAS_EXPIRED
    62: CertificateOfAnother,  # X509_V_ERR_HOSTNAME_MISMATCH
    64: CertificateOfAnother,  # X509_V_ERR_IP_ADDRESS_MISMATCH
}
_CERTIFICATE_ALERTS = (
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_UNSUPPORTED_CERTIFICATE",
)


def another(end: ConnectionFailed) -> ConnectionFailed:
    """A copy of the error for another waiter: an exception that is raised twice would show both places."""
    return type(end)(*end.args)


def tls_failure(address: str, error: ssl.SSLError) -> ConnectionFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        kind = _BY_VERDICT.get(error.verify_code, CertificateRefused)
        return kind(f"the certificate of {address} is not trusted: {error.verify_message.rstrip('.')}")
    reason = error.reason or str(error)
    if any(word in reason for word in _CERTIFICATE_ALERTS):
        return ClientCertificateRefused(f"{address} rejected this client's certificate, or requires one")
    return TlsFailed(f"TLS with {address} failed: {reason.replace('_', ' ').lower()}")


def reason_of(error: OSError) -> str:
    """The reason in the system's words, without the addresses that asyncio repeats for each address of the host."""
    if f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return "connection refused"
    return error.strerror or str(error)
