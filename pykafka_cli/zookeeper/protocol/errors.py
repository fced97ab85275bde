"""ZooKeeper's error codes, and the exceptions that carry them.

The response to a failed request is only a header, whose `err` is one of these codes; so is the result of each operation
of a failed multi. Source: org.apache.zookeeper.KeeperException.Code.
"""

from enum import IntEnum
from typing import ClassVar


class ErrorCode(IntEnum):
    """Error codes of responses. Above API_ERROR: system errors; below: errors of the request."""

    OK = 0
    RUNTIME_INCONSISTENCY = -2
    MARSHALLING_ERROR = -5
    UNIMPLEMENTED = -6
    BAD_ARGUMENTS = -8
    UNKNOWN_SESSION = -12
    NEW_CONFIG_NO_QUORUM = -13
    RECONFIG_IN_PROGRESS = -14
    API_ERROR = -100
    NO_NODE = -101
    NO_AUTH = -102
    BAD_VERSION = -103
    NO_CHILDREN_FOR_EPHEMERALS = -108
    NODE_EXISTS = -110
    NOT_EMPTY = -111
    SESSION_EXPIRED = -112
    INVALID_ACL = -114
    AUTH_FAILED = -115
    SESSION_MOVED = -118
    NOT_READ_ONLY = -119
    NO_WATCHER = -121
    RECONFIG_DISABLED = -123
    SESSION_CLOSED_REQUIRE_SASL_AUTH = -124
    QUOTA_EXCEEDED = -125


class KeeperError(Exception):
    """A request failed; the client gets `code`. Source: org.apache.zookeeper.KeeperException."""

    code: ClassVar[ErrorCode] = ErrorCode.API_ERROR


class MarshallingError(KeeperError):
    """Bytes are not the expected record; decoders raise it for any malformed or short input."""

    code = ErrorCode.MARSHALLING_ERROR


class Truncated(MarshallingError):
    """The bytes end within a record; in a stream, more may follow."""


class Unimplemented(KeeperError):
    code = ErrorCode.UNIMPLEMENTED


class BadArguments(KeeperError):
    code = ErrorCode.BAD_ARGUMENTS


class NewConfigNoQuorum(KeeperError):
    code = ErrorCode.NEW_CONFIG_NO_QUORUM


class ReconfigInProgress(KeeperError):
    code = ErrorCode.RECONFIG_IN_PROGRESS


class UnknownSession(KeeperError):
    code = ErrorCode.UNKNOWN_SESSION


class NoNode(KeeperError):
    code = ErrorCode.NO_NODE


class NoAuth(KeeperError):
    code = ErrorCode.NO_AUTH


class BadVersion(KeeperError):
    code = ErrorCode.BAD_VERSION


class NoChildrenForEphemerals(KeeperError):
    code = ErrorCode.NO_CHILDREN_FOR_EPHEMERALS


class NodeExists(KeeperError):
    code = ErrorCode.NODE_EXISTS


class NotEmpty(KeeperError):
    code = ErrorCode.NOT_EMPTY


class SessionExpired(KeeperError):
    code = ErrorCode.SESSION_EXPIRED


class SessionMoved(KeeperError):
    code = ErrorCode.SESSION_MOVED


class InvalidAcl(KeeperError):
    code = ErrorCode.INVALID_ACL


class AuthFailed(KeeperError):
    code = ErrorCode.AUTH_FAILED


class NoWatcher(KeeperError):
    code = ErrorCode.NO_WATCHER


class QuotaExceeded(KeeperError):
    code = ErrorCode.QUOTA_EXCEEDED


class ReconfigDisabled(KeeperError):
    code = ErrorCode.RECONFIG_DISABLED
