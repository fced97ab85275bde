"""Four-letter words: what a server reports about itself to a client that sends one.

    echo ruok | nc localhost 2181    imok

Responses have the form of ZooKeeper 3.8, as monitoring tools parse them; `mntr` has only the lines that apply here.
Source: org.apache.zookeeper.server.command.
"""

import os
import platform
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from pykafka_cli import __version__
from pykafka_cli.model import Timestamp
from pykafka_cli.zookeeper.server.connection import Connection
from pykafka_cli.zookeeper.server.pipeline import Client, Pipeline
from pykafka_cli.zookeeper.server.sessions import printed
from pykafka_cli.zookeeper.server.statistics import ServerStatistics
from pykafka_cli.zookeeper.server.watches import WatchTable

VERSION = f"3.8.4-pk-{__version__}"
"""The version to report, from which tools know which words and lines to expect."""
_TELNET_CLOSE = b"\xff\xf4\xff\xfd"
NOT_SERVING = "This ZooKeeper instance is not currently serving requests"
READ_ONLY = "read-only"
_NOT_LISTED = "{} is not executed because it is not in the whitelist.\n"


class About(Protocol):
    """What a server reports."""

    statistics: ServerStatistics
    connections: dict[Connection, None]
    pipeline: Pipeline
    started_at: float
    mode: str
    """standalone, leader, follower, observer, read-only or looking."""

    @property
    def is_serving(self) -> bool:
        """Whether it serves clients now; a server that is standalone always does."""

    def monotonic(self) -> float: ...
    def now_ms(self) -> Timestamp: ...

    def configuration(self) -> Iterable[tuple[str, object]]:
        """The values of `conf`, in its order."""

    def membership(self) -> str:
        """What `conf` ends with: the ensemble, as text."""

    def role_figures(self) -> Mapping[str, object]:
        """The figures of `mntr` that only its role has, without their prefix."""

    def proposal_sizes(self) -> tuple[int, int, int] | None:
        """Of a leader: bytes of the last proposal, of the smallest and of the largest."""

    def directory_sizes(self) -> tuple[int, int]:
        """Bytes of snapshots and of logs."""

    def allows_word(self, word: str) -> bool: ...


def answer(word: bytes, server: About, asking: Connection) -> str | None:
    """The response to `word`; None if it is not a word, and so must be the length of a frame."""
    if word == _TELNET_CLOSE:
        return ""
    name = word.decode("latin-1")
    report = WORDS.get(name)
    if report is None:
        return None
    if not server.allows_word(name):
        return _NOT_LISTED.format(name)
    return report(server, asking) if server.is_serving or name in _ALWAYS_ANSWERED else f"{NOT_SERVING}\n"


def _imok(_server: About, _asking: Connection) -> str:
    return "imok"


def _mode(server: About, _asking: Connection) -> str:
    if not server.is_serving:
        return "null"
    return "ro" if server.mode == READ_ONLY else "rw"


def _trace_mask(server: About, _asking: Connection) -> str:
    return str(server.statistics.trace_mask)


def _server(server: About, _asking: Connection) -> str:
    return f"{_first_lines(server)}{_summary(server)}"


def _statistics(server: About, _asking: Connection) -> str:
    clients = "".join(f" {_brief(connection)}\n" for connection in server.connections)
    return f"{_first_lines(server)}Clients:\n{clients}\n{_summary(server)}"


def _connections(server: About, _asking: Connection) -> str:
    return "".join(f" {_detailed(connection, server)}\n" for connection in server.connections) + "\n"


def _reset_server(server: About, _asking: Connection) -> str:
    server.statistics.reset()
    return "Server stats reset.\n"


def _reset_connections(server: About, _asking: Connection) -> str:
    for connection in server.connections:
        connection.statistics.reset()
    return "Connection stats reset.\n"


def _configuration(server: About, _asking: Connection) -> str:
    return "".join(f"{name}={value}\n" for name, value in server.configuration()) + server.membership()


def _environment(_server: About, _asking: Connection) -> str:
    return "Environment:\n" + "".join(f"{name}={value}\n" for name, value in environment_entries())


def _directories(server: About, _asking: Connection) -> str:
    data, logs = server.directory_sizes()
    return f"datadir_size: {data}\nlogdir_size: {logs}\n"


def _dump(server: About, _asking: Connection) -> str:
    lines = ["SessionTracker dump:", *(_own_sessions(server) if server.mode in EXPIRING else _global_sessions(server))]
    ephemerals = server.pipeline.database.tree.ephemerals
    lines += ["ephemeral nodes dump:", f"Sessions with Ephemerals ({len(ephemerals)}):"]
    for session_id, paths in ephemerals.items():
        lines += [f"0x{printed(session_id)}:", *(f"\t{path}" for path in paths)]
    lines += ["Connections dump:", f"Connections Sets (1)/({len(server.connections)}):"]
    lines.append(f"{len(server.connections)} do not expire by themselves:")
    lines += [f"\tip: {connection} sessionId: 0x{printed(connection.session_id)}" for connection in server.connections]
    return "\n".join(lines) + "\n"


def _own_sessions(server: About) -> Iterator[str]:
    """The sessions that this server expires."""
    sessions = server.pipeline.sessions
    buckets = sessions.by_deadline()
    yield f"Session Sets ({len(buckets)})/({len(sessions)}):"
    offset = server.now_ms() - int(server.monotonic() * 1000)
    for deadline, session_ids in buckets:
        moment = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime((deadline + offset) / 1000))
        yield f"{len(session_ids)} expire at {moment}:"
        yield from (f"\t0x{printed(session_id)}" for session_id in session_ids)


def _global_sessions(server: About) -> Iterator[str]:
    """The sessions of the ensemble, which its leader expires."""
    timeouts = server.pipeline.database.timeouts
    yield f"Global Sessions({len(timeouts)}):"
    yield from (f"0x{printed(session_id)}\t{timeout}ms" for session_id, timeout in timeouts.items())


def _watch_summary(server: About, _asking: Connection) -> str:
    table = server.pipeline.watches.data
    return f"{len(table.by_watcher)} connections watching {len(table.by_path)} paths\nTotal watches:{len(table)}\n"


def _watches_by_session(server: About, _asking: Connection) -> str:
    table: WatchTable[Client] = server.pipeline.watches.data
    lines = []
    for watcher, paths in table.by_watcher.items():
        lines += [f"0x{printed(watcher.session_id)}", *(f"\t{path}" for path in paths)]
    return "".join(f"{line}\n" for line in lines) + "\n"


def _watches_by_path(server: About, _asking: Connection) -> str:
    table: WatchTable[Client] = server.pipeline.watches.data
    lines = []
    for path, watchers in table.by_path.items():
        lines += [path, *(f"\t0x{printed(watcher.session_id)}" for watcher in watchers)]
    return "".join(f"{line}\n" for line in lines) + "\n"


def _monitor(server: About, _asking: Connection) -> str:
    return "".join(f"zk_{name}\t{value}\n" for name, value in monitored(server).items())


def monitored(server: About) -> dict[str, object]:
    """The figures of `mntr`, without their prefix."""
    statistics, pipeline = server.statistics, server.pipeline
    tree, latencies = pipeline.database.tree, statistics.latencies
    figures: dict[str, object] = {
        "version": VERSION,
        "server_state": server.mode,
        "avg_latency": round(latencies.average, 4),
        "max_latency": latencies.highest,
        "min_latency": latencies.lowest,
        "packets_received": statistics.received,
        "packets_sent": statistics.sent,
        "num_alive_connections": len(server.connections),
        "outstanding_requests": outstanding_requests(server),
        "znode_count": node_count(server),
        "watch_count": len(pipeline.watches),
        "ephemerals_count": sum(map(len, tree.ephemerals.values())),
        "approximate_data_size": tree.data_size,
        "global_sessions": len(pipeline.sessions),
        "local_sessions": 0,
        "connection_rejected": statistics.refused_connections,
        "connection_drop_count": statistics.dropped_connections,
        "auth_failed_count": statistics.failed_authentications,
        "uptime": int((server.monotonic() - server.started_at) * 1000),
    }
    figures.update(server.role_figures())
    if descriptors := _open_file_descriptors():
        figures["open_file_descriptor_count"], figures["max_file_descriptor_count"] = descriptors
    return figures


def _first_lines(server: About) -> str:
    read_only = "READ-ONLY mode; serving only read-only clients\n" if server.mode == READ_ONLY else ""
    return f"Zookeeper version: {VERSION}\n{read_only}"


def _summary(server: About) -> str:
    statistics = server.statistics
    latencies = statistics.latencies
    sizes = server.proposal_sizes()
    return (
        f"Latency min/avg/max: {latencies.lowest}/{round(latencies.average, 4)}/{latencies.highest}\n"
        f"Received: {statistics.received}\n"
        f"Sent: {statistics.sent}\n"
        f"Connections: {len(server.connections)}\n"
        f"Outstanding: {outstanding_requests(server)}\n"
        f"Zxid: 0x{server.pipeline.database.tree.last_zxid:x}\n"
        f"Mode: {server.mode}\n"
        f"Node count: {node_count(server)}\n"
        + (f"Proposal sizes last/min/max: {sizes[0]}/{sizes[1]}/{sizes[2]}\n" if sizes else "")
    )


def outstanding_requests(server: About) -> int:
    """Requests without a response yet, of all connections."""
    return sum(connection.statistics.outstanding for connection in server.connections)


def node_count(server: About) -> int:
    """Znodes, as ZooKeeper counts them."""
    return len(server.pipeline.database.tree.nodes) + 1  # ZooKeeper counts its root twice, as "" and as "/"


def _brief(connection: Connection) -> str:
    statistics = connection.statistics
    figures = f"queued={statistics.outstanding},recved={statistics.received},sent={statistics.sent}"
    return f"{connection}[{int(connection.is_reading)}]({figures})"


def _detailed(connection: Connection, server: About) -> str:
    brief = _brief(connection)
    if not connection.session_id:
        return brief
    statistics = connection.statistics
    latencies = statistics.latencies
    figures = {
        "sid": f"0x{printed(connection.session_id)}",
        "lop": statistics.last_operation,
        "est": statistics.established_ms,
        "to": server.pipeline.sessions.timeout_ms(connection.session_id),
        **({"lcxid": f"0x{statistics.last_xid:x}"} if statistics.last_xid >= 0 else {}),
        "lzxid": f"0x{statistics.last_zxid & 0xFFFFFFFFFFFFFFFF:x}",
        "lresp": statistics.last_response_ms,
        "llat": statistics.last_latency_ms,
        "minlat": latencies.lowest,
        "avglat": int(latencies.average),
        "maxlat": latencies.highest,
    }
    return brief[:-1] + "".join(f",{name}={value}" for name, value in figures.items()) + ")"


def environment_entries() -> Iterator[tuple[str, str]]:
    """ZooKeeper's entries that apply here, and Python's own."""
    yield "zookeeper.version", VERSION
    yield "host.name", socket.gethostname()
    yield "python.version", platform.python_version()
    yield "python.implementation", platform.python_implementation()
    yield "python.executable", sys.executable
    yield "python.path", os.pathsep.join(sys.path)
    yield "java.io.tmpdir", tempfile.gettempdir()
    yield "os.name", platform.system()
    yield "os.arch", platform.machine()
    yield "os.version", platform.release()
    yield "user.name", os.environ.get("USER", "<NA>")
    yield "user.home", os.path.expanduser("~")
    yield "user.dir", os.getcwd()


def _open_file_descriptors() -> tuple[int, int] | None:
    """The number and the limit, if the platform reports them."""
    try:
        import resource

        return len(os.listdir("/proc/self/fd")), resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except (ImportError, OSError):
        return None


EXPIRING = ("standalone", "leader")
"""Modes in which sessions expire by this server's clock."""
_ALWAYS_ANSWERED = ("ruok", "isro", "gtmk")

WORDS: Mapping[str, Callable[[About, Connection], str]] = {
    "ruok": _imok,
    "isro": _mode,
    "gtmk": _trace_mask,
    "srvr": _server,
    "stat": _statistics,
    "cons": _connections,
    "srst": _reset_server,
    "crst": _reset_connections,
    "conf": _configuration,
    "envi": _environment,
    "dirs": _directories,
    "dump": _dump,
    "wchs": _watch_summary,
    "wchc": _watches_by_session,
    "wchp": _watches_by_path,
    "mntr": _monitor,
}
