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


class ZooKeeperError(Exception):
    """A request failed; the client gets `code`."""

    code: ClassVar[ErrorCode] = ErrorCode.API_ERROR


class MarshallingError(ZooKeeperError):
    """Bytes are not the expected record; decoders raise it for any malformed or short input."""

    code = ErrorCode.MARSHALLING_ERROR


class Truncated(MarshallingError):
    """The bytes end within a record; in a stream, more may follow."""


class Unimplemented(ZooKeeperError):
    code = ErrorCode.UNIMPLEMENTED


class BadArguments(ZooKeeperError):
    code = ErrorCode.BAD_ARGUMENTS


class NewConfigNoQuorum(ZooKeeperError):
    code = ErrorCode.NEW_CONFIG_NO_QUORUM


class ReconfigInProgress(ZooKeeperError):
    code = ErrorCode.RECONFIG_IN_PROGRESS


class UnknownSession(ZooKeeperError):
    code = ErrorCode.UNKNOWN_SESSION


class NoNode(ZooKeeperError):
    code = ErrorCode.NO_NODE


class NoAuth(ZooKeeperError):
    code = ErrorCode.NO_AUTH


class BadVersion(ZooKeeperError):
    code = ErrorCode.BAD_VERSION


class NoChildrenForEphemerals(ZooKeeperError):
    code = ErrorCode.NO_CHILDREN_FOR_EPHEMERALS


class NodeExists(ZooKeeperError):
    code = ErrorCode.NODE_EXISTS


class NotEmpty(ZooKeeperError):
    code = ErrorCode.NOT_EMPTY


class SessionExpired(ZooKeeperError):
    code = ErrorCode.SESSION_EXPIRED


class SessionMoved(ZooKeeperError):
    code = ErrorCode.SESSION_MOVED


class InvalidAcl(ZooKeeperError):
    code = ErrorCode.INVALID_ACL


class AuthFailed(ZooKeeperError):
    code = ErrorCode.AUTH_FAILED


class NoWatcher(ZooKeeperError):
    code = ErrorCode.NO_WATCHER


class QuotaExceeded(ZooKeeperError):
    code = ErrorCode.QUOTA_EXCEEDED


class ReconfigDisabled(ZooKeeperError):
    code = ErrorCode.RECONFIG_DISABLED
