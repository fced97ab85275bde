"""The commands of ZooKeeper's admin server: what a server reports about itself as JSON objects.

    run_command("monitor", {}, server)    ->    {"version": ..., ..., "command": "monitor", "error": None}

They have the names and keys of ZooKeeper 3.8; `monitor` and `environment` have only those that apply here.
Source: org.apache.zookeeper.server.admin.Commands
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pykafka_cli.zookeeper.protocol.txn_records import DIGEST_VERSION
from pykafka_cli.zookeeper.server.connection import Connection
from pykafka_cli.zookeeper.server.four_letter_words import (
    EXPIRING,
    NOT_SERVING,
    READ_ONLY,
    VERSION,
    About,
    environment_entries,
    monitored,
    node_count,
    outstanding_requests,
)
from pykafka_cli.zookeeper.server.sessions import signed
from pykafka_cli.zookeeper.server.watches import WatchTable

Answer = dict[str, Any]
Arguments = Mapping[str, str]

_NO_SNAPSHOT = (-1, -1)
_ALL = "0.0.0.0"  # as ZooKeeper prints it
_EPOCH_BITS, _COUNTER = 32, 0xFFFFFFFF


class EnsembleAddresses(NamedTuple):
    """Where a server of an ensemble is reached, each as HOST:PORT; `client` is empty where that is not known."""

    quorum: str
    election: str
    client: str


class EnsembleView(NamedTuple):
    """What a server knows about its ensemble while it leads, follows or observes.

    voters       the addresses of the participants, by id
    observers    the observers that follow this server, if it leads, as the command `observers` reports each
    """

    my_id: int
    leader_id: int
    leader_host: str
    voters: Mapping[int, EnsembleAddresses]
    me: EnsembleAddresses
    observers: Sequence[Mapping[str, object]]


class Reporting(About, Protocol):
    """What a server reports beyond four-letter words."""

    @property
    def slow_fsyncs(self) -> int:
        """How often writing the log took longer than fsync.warningthresholdms."""

    def last_snapshot(self) -> tuple[int, int] | None:
        """The last transaction in the newest snapshot, and when that was written, in seconds since 1970."""

    def given_settings(self) -> Mapping[str, str]:
        """The texts of the configuration, by key; those that are secret are hidden."""

    def ensemble(self) -> EnsembleView | None:
        """None for a server that is alone, serves only reads or looks for a leader."""

    def reset_observers(self) -> None:
        """Reset the figures of the observers that follow this server."""


class Command(NamedTuple):
    """One command.

    names            the first is the one that is listed
    run              returns what is reported
    needs_service    whether it reports only while clients are served
    """

    names: tuple[str, ...]
    run: Callable[[Reporting, Arguments], Answer]
    needs_service: bool = True


def run_command(name: str, arguments: Arguments, server: Reporting) -> Answer:
    """The answer to a command, which may be that there is no such command."""
    command = _BY_NAME.get(name)
    if command is None:
        return {"command": name, "error": f"Unknown command: {name}"}
    if command.needs_service and not server.is_serving:
        return {"command": name, "error": NOT_SERVING}
    found = command.run(server, arguments)
    return {**found, "command": command.names[0], "error": found.get("error")}


def _nothing(_server: Reporting, _arguments: Arguments) -> Answer:
    return {}


def _configuration(server: Reporting, _arguments: Arguments) -> Answer:
    values = dict(server.configuration())
    return {
        "client_port": values["clientPort"],
        "data_dir": str(values["dataDir"]),
        "data_log_dir": str(values["dataLogDir"]),
        "tick_time": values["tickTime"],
        "max_client_cnxns": values["maxClientCnxns"],
        "min_session_timeout": values["minSessionTimeout"],
        "max_session_timeout": values["maxSessionTimeout"],
        "server_id": values["serverId"],
        "client_port_listen_backlog": values["clientPortListenBacklog"],
    }


def _reset_connections(server: Reporting, _arguments: Arguments) -> Answer:
    for connection in server.connections:
        connection.statistics.reset()
    return {}


def _connections(server: Reporting, _arguments: Arguments) -> Answer:
    return _by_security(server, lambda connection: {**_brief(connection), **_details(connection, server)})


def _by_security(server: Reporting, described: Callable[[Connection], Answer]) -> Answer:
    return {
        key: [described(each) for each in server.connections if each.is_secure is is_secure]
        for key, is_secure in (("connections", False), ("secure_connections", True))
    }


def _brief(connection: Connection) -> Answer:
    statistics = connection.statistics
    return {
        "remote_socket_address": str(connection).removeprefix("/"),
        "interest_ops": int(connection.is_reading),
        "outstanding_requests": statistics.outstanding,
        "packets_received": statistics.received,
        "packets_sent": statistics.sent,
    }


def _details(connection: Connection, server: Reporting) -> Answer:
    statistics = connection.statistics
    latencies = statistics.latencies
    return {
        "session_id": signed(connection.session_id),
        "last_operation": statistics.last_operation,
        "established": statistics.established_ms,
        "session_timeout": server.pipeline.sessions.timeout_ms(connection.session_id),
        "last_cxid": statistics.last_xid,
        "last_zxid": statistics.last_zxid,
        "last_response_time": statistics.last_response_ms,
        "last_latency": statistics.last_latency_ms,
        "min_latency": latencies.lowest,
        "avg_latency": int(latencies.average),
        "max_latency": latencies.highest,
    }


def _directories(server: Reporting, _arguments: Arguments) -> Answer:
    data, logs = server.directory_sizes()
    return {"datadir_size": data, "logdir_size": logs}


def _dump(server: Reporting, _arguments: Arguments) -> Answer:
    expiring = server.pipeline.sessions.by_deadline() if server.mode in EXPIRING else []
    ephemerals = server.pipeline.database.tree.ephemerals
    return {
        "expiry_time_to_session_ids": {str(deadline): _signed(ids) for deadline, ids in expiring},
        "session_id_to_ephemeral_paths": {str(signed(owner)): list(paths) for owner, paths in ephemerals.items()},
    }


def _environment(_server: Reporting, _arguments: Arguments) -> Answer:
    return dict(environment_entries())


def _hash(server: Reporting, _arguments: Arguments) -> Answer:
    digests = server.pipeline.database.digests
    return {"digests": [{"zxid": zxid, "digest_version": DIGEST_VERSION, "digest": signed(it)} for zxid, it in digests]}


def _trace_mask(server: Reporting, _arguments: Arguments) -> Answer:
    return {"tracemask": server.statistics.trace_mask}


def _set_trace_mask(server: Reporting, arguments: Arguments) -> Answer:
    given = arguments.get("traceMask")
    if given is None:
        return {"error": "setTraceMask requires long traceMask argument"}
    try:
        mask = int(given)
    except ValueError:
        return {"error": f"setTraceMask requires long traceMask argument, got {given}"}
    server.statistics.trace_mask = mask
    return {"tracemask": mask}


def _initial_configuration(server: Reporting, _arguments: Arguments) -> Answer:
    lines = (f"{key}={value}\n" for key, value in server.given_settings().items())
    return {"initial_configuration": "".join(lines) if server.mode == "standalone" else None}


def _is_read_only(server: Reporting, _arguments: Arguments) -> Answer:
    return {"read_only": server.mode == READ_ONLY}


def _last_snapshot(server: Reporting, _arguments: Arguments) -> Answer:
    zxid, written_at = server.last_snapshot() or _NO_SNAPSHOT
    return {"zxid": f"{zxid & 0xFFFFFFFFFFFFFFFF:x}", "timestamp": written_at}


def _leader(server: Reporting, _arguments: Arguments) -> Answer:
    view = server.ensemble()
    if view is None:
        return {"error": "server is not initialized"}
    return {"is_leader": view.leader_id == view.my_id, "leader_id": view.leader_id, "leader_ip": view.leader_host}


def _monitor(server: Reporting, _arguments: Arguments) -> Answer:
    return monitored(server)


def _observers(server: Reporting, _arguments: Arguments) -> Answer:
    view = server.ensemble()
    observers = list(view.observers) if view else []
    return {"synced_observers": len(observers), "observers": observers}


def _reset_observers(server: Reporting, _arguments: Arguments) -> Answer:
    server.reset_observers()
    return {}


def _server_statistics(server: Reporting, _arguments: Arguments) -> Answer:
    statistics = server.statistics
    latencies = statistics.latencies
    data, logs = server.directory_sizes()
    responses = _sizes(statistics.response_sizes.bounds)
    proposals = server.proposal_sizes()
    return {
        "version": VERSION,
        "read_only": server.mode == READ_ONLY,
        "server_stats": {
            "packets_sent": statistics.sent,
            "packets_received": statistics.received,
            "fsync_threshold_exceed_count": server.slow_fsyncs,
            "client_response_stats": responses,
            "provider_null": False,
            "server_state": server.mode,
            "outstanding_requests": outstanding_requests(server),
            "min_latency": latencies.lowest,
            "avg_latency": round(latencies.average, 4),
            "max_latency": latencies.highest,
            "data_dir_size": data,
            "log_dir_size": logs,
            "last_processed_zxid": server.pipeline.database.tree.last_zxid,
            "num_alive_client_connections": len(server.connections),
            "uptime": int((server.monotonic() - server.started_at) * 1000),
            "auth_failed_count": statistics.failed_authentications,
            "non_mtlsremote_conn_count": 0,
            "non_mtlslocal_conn_count": 0,
        },
        "client_response": responses,
        **({"proposal_stats": _sizes(proposals)} if proposals else {}),
        "node_count": node_count(server),
    }


def _sizes(sizes: tuple[int, int, int]) -> Answer:
    return dict(zip(("last_buffer_size", "min_buffer_size", "max_buffer_size"), sizes, strict=True))


def _statistics(server: Reporting, arguments: Arguments) -> Answer:
    return {**_server_statistics(server, arguments), **_by_security(server, _brief)}


def _reset_statistics(server: Reporting, _arguments: Arguments) -> Answer:
    server.statistics.reset()
    return {}


def _system_properties(server: Reporting, _arguments: Arguments) -> Answer:
    """Java has none here; a server in Java turns its configuration into such properties."""
    given = {f"zookeeper.{key}": value for key, value in server.given_settings().items()}
    return dict(sorted({**dict(environment_entries()), **given}.items()))


def _voting_view(server: Reporting, _arguments: Arguments) -> Answer:
    view = server.ensemble()
    voters = view.voters if view else {}
    return {
        "current_config": {
            str(number): {
                "server_addresses": [addresses.quorum],
                "election_addresses": [addresses.election],
                "client_address": addresses.client,
                "learner_type": "participant",
            }
            for number, addresses in sorted(voters.items())
        }
    }


def _watch_summary(server: Reporting, _arguments: Arguments) -> Answer:
    table = _data_watches(server)
    return {
        "num_connections": len(table.by_watcher),
        "num_paths": len(table.by_path),
        "num_total_watches": len(table),
    }


def _watches(server: Reporting, _arguments: Arguments) -> Answer:
    watched = _data_watches(server).by_watcher
    return {
        "session_id_to_watched_paths": {
            str(signed(watcher.session_id)): list(paths) for watcher, paths in watched.items()
        }
    }


def _watches_by_path(server: Reporting, _arguments: Arguments) -> Answer:
    watchers = _data_watches(server).by_path
    return {
        "path_to_session_ids": {
            path: _signed(watcher.session_id for watcher in those) for path, those in watchers.items()
        }
    }


def _data_watches(server: Reporting) -> WatchTable[Any]:
    return server.pipeline.watches.data


def _zab_state(server: Reporting, _arguments: Arguments) -> Answer:
    view = server.ensemble()
    if view is None:
        return {"voting": False, "zabstate": ""}
    zxid = server.pipeline.database.tree.last_zxid
    return {
        "myid": view.my_id,
        "is_leader": view.leader_id == view.my_id,
        "quorum_address": _one_of_several(view.me.quorum),
        "election_address": _one_of_several(view.me.election),
        "client_address": view.me.client,
        "voting": view.my_id in view.voters,
        "last_zxid": f"0x{zxid:x}",
        "zab_epoch": zxid >> _EPOCH_BITS,
        "zab_counter": zxid & _COUNTER,
        "zabstate": "broadcast",
    }


def _one_of_several(address: str) -> Answer:
    """The only address of a server, where ZooKeeper can have several (MultipleAddresses)."""
    host, _, port = address.rpartition(":")
    return {
        "empty": False,
        "all_addresses": [address],
        "wildcard_addresses": [f"{_ALL}:{port}"],
        "all_ports": [int(port)],
        "all_host_strings": [host],
        "reachable_address": address,
        "all_reachable_addresses": [address],
        "all_reachable_addresses_or_all": [address],
        "reachable_or_one": address,
        "one": address,
    }


def _signed(session_ids: Iterable[int]) -> list[int]:
    """As Java has them."""
    return [signed(each) for each in session_ids]


MONITOR = ("monitor", "mntr")
COMMANDS = (
    Command(("configuration", "conf", "config"), _configuration),
    Command(("connection_stat_reset", "crst"), _reset_connections),
    Command(("connections", "cons"), _connections),
    Command(("dirs",), _directories),
    Command(("dump",), _dump),
    Command(("environment", "env", "envi"), _environment, needs_service=False),
    Command(("get_trace_mask", "gtmk"), _trace_mask, needs_service=False),
    Command(("hash",), _hash),
    Command(("initial_configuration", "icfg"), _initial_configuration),
    Command(("is_read_only", "isro"), _is_read_only),
    Command(("last_snapshot", "lsnp"), _last_snapshot),
    Command(("leader", "lead"), _leader),
    Command(MONITOR, _monitor),
    Command(("observer_connection_stat_reset", "orst"), _reset_observers),
    Command(("observers", "obsr"), _observers),
    Command(("ruok",), _nothing),
    Command(("server_stats", "srvr"), _server_statistics),
    Command(("set_trace_mask", "stmk"), _set_trace_mask, needs_service=False),
    Command(("stat_reset", "srst"), _reset_statistics),
    Command(("stats", "stat"), _statistics),
    Command(("system_properties", "sysp"), _system_properties, needs_service=False),
    Command(("voting_view",), _voting_view),
    Command(("watch_summary", "wchs"), _watch_summary),
    Command(("watches", "wchc"), _watches),
    Command(("watches_by_path", "wchp"), _watches_by_path),
    Command(("zabstate",), _zab_state, needs_service=False),
)
_BY_NAME = {name: command for command in COMMANDS for name in command.names}
