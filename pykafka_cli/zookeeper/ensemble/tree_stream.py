"""The tree that follows a SNAP packet, part by part as its bytes arrive. No I/O.

    count int32, of sessions      each: id int64 | timeout in ms int32
    count int32, of ACLs          each: number int64 | vector of ACL
    znodes, parents first         each: path string ("" the root) | data buffer | ACL's number int64 | StatPersisted
    "/" string                    the end of the znodes
    "BenWasHere" string

Source: org.apache.zookeeper.server.util.SerializeUtils, org.apache.zookeeper.server.quorum.LearnerHandler.
"""

from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from struct import Struct

from pykafka_cli.zookeeper.ensemble.packets import MOST_SESSIONS, PacketReader
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import Reader, read
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, Acl
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.snapshot import OPEN_ACL_NUMBER, AclEntry, SessionEntry, read_node, tree_parts
from pykafka_cli.zookeeper.server.tree import NodeImage

_SIGNATURE = "BenWasHere"
_COUNT = Struct(">i")
_PART = 64 * 1024


def encoded_tree(snapshot: Snapshot) -> Iterator[bytes]:
    """The bytes after a SNAP packet, in parts of some 64 KiB."""
    signature = _SIGNATURE.encode()
    return in_parts(chain(tree_parts(snapshot), (_COUNT.pack(len(signature)) + signature,)))


def in_parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of some 64 KiB, or of one piece that is larger."""
    part = bytearray()
    for piece in pieces:
        part += piece
        if len(part) > _PART:
            yield bytes(part)
            part.clear()
    yield bytes(part)


class TreeReader:
    """Reads a tree from a connection's bytes."""

    def __init__(self, stream: PacketReader) -> None:
        self._stream = stream
        self._steps = self._read()
        self._snapshot: Snapshot | None = None

    def take(self) -> Snapshot | None:
        """The whole tree, None until more bytes are fed; raises MarshallingError."""
        next(self._steps, None)
        return self._snapshot

    def _read(self) -> Generator[None, None, None]:
        """Yields whenever more bytes are needed."""
        timeouts: dict[int, int] = {}
        for _ in range((yield from self._count())):
            while (session := self._stream.item(_read_session)) is None:
                yield
            timeouts[session.id] = session.timeout_ms
        acls: dict[int, tuple[Acl, ...]] = {OPEN_ACL_NUMBER: OPEN_ACL}
        for _ in range((yield from self._count())):
            while (numbered := self._stream.item(_read_acl)) is None:
                yield
            acls[numbered.number] = numbered.acl
        nodes: list[NodeImage] = []
        is_last = False
        while not is_last:
            while (step := self._stream.item(lambda reader: (read_node(reader, acls),))) is None:
                yield
            (node,) = step
            is_last = node is None
            if node is not None:
                nodes.append(node)
        while (signature := self._stream.item(Reader.string)) is None:
            yield
        if signature != _SIGNATURE:
            raise MarshallingError(f"the tree ends with {signature!r}, not with {_SIGNATURE!r}")
        self._snapshot = Snapshot(timeouts, nodes)

    def _count(self) -> Generator[None, None, int]:
        while (count := self._stream.item(Reader.integer)) is None:
            yield
        if not -1 <= count <= MOST_SESSIONS:
            raise MarshallingError(f"{count} sessions or ACLs are announced, more than {MOST_SESSIONS}")
        return max(count, 0)


def _read_session(reader: Reader) -> SessionEntry:
    return read(SessionEntry, reader)


def _read_acl(reader: Reader) -> AclEntry:
    return read(AclEntry, reader)
