"""The records in ZooKeeper's transaction log, by type of transaction, in jute.

An entry is a TxnHeader, the record that belongs to its type, and (since 3.6) a TxnDigest of the tree afterwards:

    client_id int64 | cxid int32 | zxid int64 | time int64 | type int32 | record | version int32 (2) | digest int64

Only effects are stored, never requests: a sequential znode has its final name, a failed request is an error. A failed
multi is stored whole, with errors from the failed operation on.
Source: zookeeper.jute, module org.apache.zookeeper.txn; org.apache.zookeeper.server.util.SerializeUtils.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import Int, JuteRecord, Long, Reader, decode, encode, read
from pykafka_cli.zookeeper.protocol.records import Acl
from pykafka_cli.zookeeper.protocol.requests import OpCode

DIGEST_VERSION = 2


class TxnHeader(NamedTuple):
    """The client (session, xid), the transaction's number, its time (ms since the epoch), and its OpCode."""

    client_id: Long
    cxid: Int
    zxid: Long
    time: Long
    type: Int


class TxnDigest(NamedTuple):
    version: Int
    tree_digest: Long


class CreateTxn(NamedTuple):
    """`parent_cversion` is the parent's new one; -1, written before 3.3, means one more than before."""

    path: str
    data: bytes | None
    acl: tuple[Acl, ...]
    ephemeral: bool
    parent_cversion: Int


class CreateTxnV0(NamedTuple):
    """CreateTxn before 3.3."""

    path: str
    data: bytes | None
    acl: tuple[Acl, ...]
    ephemeral: bool


class CreateContainerTxn(NamedTuple):
    path: str
    data: bytes | None
    acl: tuple[Acl, ...]
    parent_cversion: Int


class CreateTtlTxn(NamedTuple):
    path: str
    data: bytes | None
    acl: tuple[Acl, ...]
    parent_cversion: Int
    ttl: Long


class DeleteTxn(NamedTuple):
    path: str


class SetDataTxn(NamedTuple):
    """`version` is the znode's new one."""

    path: str
    data: bytes | None
    version: Int


class SetAclTxn(NamedTuple):
    """`version` is the znode's new aversion."""

    path: str
    acl: tuple[Acl, ...]
    version: Int


class CheckVersionTxn(NamedTuple):
    """Has no effect; only in a multi."""

    path: str
    version: Int


class CreateSessionTxn(NamedTuple):
    timeout_ms: Int


class CloseSessionTxn(NamedTuple):
    """The session's ephemerals to delete. Logs before 3.6 have none: delete all that the session owns."""

    paths_to_delete: tuple[str, ...]


class ErrorTxn(NamedTuple):
    """A failed request; in a failed multi also one that was not tried."""

    err: Int


class Txn(NamedTuple):
    """One operation of a multi, its record encoded."""

    type: Int
    data: bytes | None


class MultiTxn(NamedTuple):
    txns: tuple[Txn, ...]


RECORDS: Mapping[int, type[JuteRecord]] = {
    OpCode.CREATE: CreateTxn,
    OpCode.CREATE2: CreateTxn,
    OpCode.CREATE_CONTAINER: CreateContainerTxn,
    OpCode.CREATE_TTL: CreateTtlTxn,
    OpCode.DELETE: DeleteTxn,
    OpCode.DELETE_CONTAINER: DeleteTxn,
    OpCode.SET_DATA: SetDataTxn,
    OpCode.RECONFIG: SetDataTxn,
    OpCode.SET_ACL: SetAclTxn,
    OpCode.CHECK: CheckVersionTxn,
    OpCode.CREATE_SESSION: CreateSessionTxn,
    OpCode.CLOSE_SESSION: CloseSessionTxn,
    OpCode.ERROR: ErrorTxn,
    OpCode.MULTI: MultiTxn,
}


class Entry(NamedTuple):
    """One transaction. `record` is None for a closeSession without paths; `digest` if none was stored."""

    header: TxnHeader
    record: JuteRecord | None
    digest: TxnDigest | None


def decode_entry(data: bytes) -> Entry:
    """Decode a transaction in the log; raises MarshallingError for invalid bytes."""
    reader = Reader(data)
    header = read(TxnHeader, reader)
    start = reader.position
    record: JuteRecord | None
    try:
        record = read(record_type(header.type), reader)
    except MarshallingError:
        reader.position = start
        if header.type == OpCode.CREATE:
            record = CreateTxn(*read(CreateTxnV0, reader), parent_cversion=-1)
        elif header.type == OpCode.CLOSE_SESSION:
            record = None
        else:
            raise
    digest = read(TxnDigest, reader) if reader.remaining else None
    return Entry(header, record, digest)


def encode_entry(header: TxnHeader, record: JuteRecord, tree_digest: int) -> bytes:
    """Encode a transaction for the log; `tree_digest` is signed, 64 bits. An error has none, as it changes nothing."""
    body = encode(header) + encode(record)
    return body if isinstance(record, ErrorTxn) else body + encode(TxnDigest(DIGEST_VERSION, tree_digest))


def decode_operation(txn: Txn) -> JuteRecord:
    """Decode the record of one operation of a multi."""
    return decode(record_type(txn.type), txn.data or b"")


def record_type(kind: int) -> type[JuteRecord]:
    """The record of transactions of type `kind`; raises MarshallingError for types that cannot be in a log."""
    try:
        return RECORDS[kind]
    except KeyError:
        raise MarshallingError(f"{kind} is not a type of transaction") from None
