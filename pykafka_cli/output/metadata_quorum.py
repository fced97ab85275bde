"""kafka-metadata-quorum.sh: the state of the KRaft quorum, and the progress of its nodes.

source  org.apache.kafka.tools.MetadataQuorumCommand
"""

import json
from collections.abc import Mapping

from pykafka_cli.model import Quorum, QuorumReplica, Timestamp, base64_id
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.output.table_with_tabs import table_with_tabs

_NO_DIRECTORY = "A" * 22
_UNKNOWN = -1
_REPLICATION = (
    "NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status",
)  # fmt: skip


def show_status(quorum: Quorum, form: OutputFormat, now_ms: Timestamp) -> None:
    """now_ms    milliseconds since the epoch"""
    show(
        form,
        text=lambda: "".join(f"{name + ':':<23} {value}\n" for name, value in _status(quorum, now_ms).items()),
        table=lambda: [Table(("", "QUORUM"), list(_status(quorum, now_ms).items()))],
        document=lambda: _status_document(quorum, now_ms),
    )


def show_replication(quorum: Quorum, form: OutputFormat, now_ms: Timestamp, *, human: bool) -> None:
    """human    show how long ago times were"""
    show(
        form,
        text=lambda: table_with_tabs(_REPLICATION, _rows(quorum, now_ms, human=human)),
        table=lambda: [
            Table(
                ("NODE", "DIRECTORY", "LOG END", "LAG", "LAST FETCH", "CAUGHT UP", "STATUS"),
                _rows(quorum, now_ms, human=True),
            )
        ],
        document=lambda: [_replica_document(quorum, each) for each in _in_order(quorum)],
    )


def print_removal(voter: int, directory: str, *, dry_run: bool) -> None:
    """The script prints two spaces in a dry run."""
    print(f"{'DRY RUN of removing ' if dry_run else 'Removed'} KRaft controller {voter} with directory id {directory}")


def _status(quorum: Quorum, now_ms: Timestamp) -> dict[str, object]:
    lag, lag_ms = _largest_lag(quorum, now_ms)
    return {
        "ClusterId": quorum.cluster_id,
        "LeaderId": quorum.leader,
        "LeaderEpoch": quorum.leader_epoch,
        "HighWatermark": quorum.high_watermark,
        "MaxFollowerLag": lag,
        "MaxFollowerLagTimeMs": lag_ms,
        "CurrentVoters": json.dumps([_node(quorum, each) for each in quorum.voters]),
        "CurrentObservers": json.dumps([_node(quorum, each) for each in quorum.observers]),
    }


def _largest_lag(quorum: Quorum, now_ms: Timestamp) -> tuple[int, int]:
    """The lag in records, and in milliseconds; -1 if it is unknown when the slowest was caught up."""
    leader = quorum.leader_replica
    if not quorum.replicas:
        return 0, 0
    lag = leader.log_end - min(each.log_end for each in quorum.replicas)
    caught_up = [each.last_caught_up_ms for each in quorum.replicas if each.last_caught_up_ms is not None]
    if len(caught_up) < len(quorum.replicas):
        return lag, _UNKNOWN
    return lag, max(0, (now_ms if leader.last_caught_up_ms is None else leader.last_caught_up_ms) - min(caught_up))


def _node(quorum: Quorum, replica: QuorumReplica) -> Mapping[str, object]:
    """A voter or observer in the script's form: no unknown directory, and endpoints of dynamic voters only."""
    node: dict[str, object] = {"id": replica.id}
    node["directoryId"] = _directory(replica) if replica.directory_id else None
    if endpoints := quorum.endpoints.get(replica.id):
        node["endpoints"] = list(endpoints)
    return node


def _directory(replica: QuorumReplica) -> str:
    return base64_id(replica.directory_id) if replica.directory_id else _NO_DIRECTORY


def _role(quorum: Quorum, replica: QuorumReplica) -> str:
    if replica in quorum.observers:
        return "Observer"
    return "Leader" if replica.id == quorum.leader else "Follower"


def _in_order(quorum: Quorum) -> list[QuorumReplica]:
    """The leader, then the other voters, then the observers."""
    return sorted(quorum.replicas, key=lambda each: ("Leader", "Follower", "Observer").index(_role(quorum, each)))


def _rows(quorum: Quorum, now_ms: Timestamp, *, human: bool) -> list[list[str]]:
    def time(milliseconds: int | None) -> str:
        if not human or milliseconds is None:
            return str(_UNKNOWN if milliseconds is None else milliseconds)
        return f"{now_ms - milliseconds} ms ago"

    leader = quorum.leader_replica
    return [
        [
            str(each.id), _directory(each), str(each.log_end), str(leader.log_end - each.log_end),
            time(each.last_fetch_ms), time(each.last_caught_up_ms), _role(quorum, each),
        ]
        for each in _in_order(quorum)
    ]  # fmt: skip


def _status_document(quorum: Quorum, now_ms: Timestamp) -> dict[str, object]:
    lag, lag_ms = _largest_lag(quorum, now_ms)
    return {
        "cluster_id": quorum.cluster_id,
        "leader": quorum.leader,
        "leader_epoch": quorum.leader_epoch,
        "high_watermark": quorum.high_watermark,
        "max_follower_lag": lag,
        "max_follower_lag_ms": lag_ms,
        "voters": [dict(_node(quorum, each)) for each in quorum.voters],
        "observers": [dict(_node(quorum, each)) for each in quorum.observers],
    }


def _replica_document(quorum: Quorum, replica: QuorumReplica) -> dict[str, object]:
    return {
        "node": replica.id,
        "directory_id": _directory(replica) if replica.directory_id else None,
        "log_end_offset": replica.log_end,
        "lag": quorum.leader_replica.log_end - replica.log_end,
        "last_fetch_ms": _UNKNOWN if replica.last_fetch_ms is None else replica.last_fetch_ms,
        "last_caught_up_ms": _UNKNOWN if replica.last_caught_up_ms is None else replica.last_caught_up_ms,
        "status": _role(quorum, replica),
    }
