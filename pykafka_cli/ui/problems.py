"""Errors of pages, as documents and HTTP statuses."""

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.errors import ApiError, explain
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.transport.errors import ConnectionFailed, VersionUnsupported
from pykafka_cli.ui.connection import NoZooKeeper
from pykafka_cli.ui.producing import NotSent
from pykafka_cli.ui.views import BadQuery, Document
from pykafka_cli.zookeeper.errors import NoNode, NotPermitted, ZooKeeperError, ZooKeeperUnreachable

PROBLEMS = (
    BadQuery,
    NotSent,
    TimeoutError,
    ConnectionFailed,
    ApiError,
    CorruptRecords,
    NoZooKeeper,
    ZooKeeperError,
)

_NOT_FOUND = frozenset(
    {
        ErrorCode.group_id_not_found,
        ErrorCode.transactional_id_not_found,
        ErrorCode.unknown_topic_or_partition,
    }
)
_FORBIDDEN = frozenset(
    {
        ErrorCode.cluster_authorization_failed,
        ErrorCode.group_authorization_failed,
        ErrorCode.topic_authorization_failed,
        ErrorCode.transactional_id_authorization_failed,
    }
)


def problem_of(error: Exception) -> tuple[Document, int]:
    """The document of one of the PROBLEMS: what happened, and what would help."""
    match error:
        case BadQuery():
            return _problem(str(error)), 400
        case VersionUnsupported():
            return _problem(str(error), "This cluster does not support it."), 501
        case ConnectionFailed():
            return _problem(*explain(error)), 502
        case ApiError(code=ErrorCode.security_disabled):
            return _problem(str(error), "Brokers with authorizer.class.name keep ACLs."), 501
        case ApiError():
            status = 404 if error.code in _NOT_FOUND else 403 if error.code in _FORBIDDEN else 502
            return _problem(str(error), error.exception.rpartition(".")[2]), status
        case NoZooKeeper():
            return _problem(str(error), "`pk metadata-quorum` shows its controllers."), 501
        case NoNode():
            return _problem(f"There is no such znode: {error}"), 404
        case NotPermitted():
            return _problem(f"Its ACL does not allow that: {error}"), 403
        case ZooKeeperUnreachable():
            return _problem(str(error), "`pk ui --zookeeper HOST:PORT` names another address."), 502
        case TimeoutError():
            return _problem(str(error) or "The cluster has not responded in time", "`pk doctor` finds out why."), 504
    return _problem(str(error)), 502


def _problem(what: str, hint: str = "") -> Document:
    return {"error": what, "hint": hint}
