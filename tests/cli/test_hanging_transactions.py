"""A transaction that no coordinator knows of: rejected, or where that is switched off, found and aborted."""

from confluent_kafka.admin import AdminClient, NewTopic
from kio.schema.errors import ErrorCode
from kio.schema.produce.v9 import request as v9

from pykafka_cli.transport.connection import Connection
from tests.support.ghost_producer import Ghost, eventually
from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster, pk


async def test_a_hanging_transaction_is_rejected_or_else_found_and_aborted(fresh_cluster: RunningCluster) -> None:
    server = ("--bootstrap-server", fresh_cluster.bootstrap)
    admin = AdminClient({"bootstrap.servers": fresh_cluster.bootstrap})
    admin.create_topics([NewTopic("t", 1, 1)])["t"].result(PATIENCE_S)
    connection = await Connection.open("localhost", fresh_cluster.port, client_id="ghost")
    ghost = Ghost(connection, "t")
    await eventually(ghost.find_coordinator, ErrorCode.none)
    await eventually(ghost.init, ErrorCode.none)

    refused = [await ghost.write(), await ghost.write(v9)]
    altered = pk(
        "configs", *server, "--alter", "--entity-type", "brokers", "--entity-default",
        "--add-config", "transaction.partition.verification.enable=false",
    )  # fmt: skip
    await eventually(ghost.write, ErrorCode.none)
    found = pk("transactions", *server, "find-hanging", "--broker-id", "0")
    aborted = pk("transactions", *server, "abort", "--topic", "t", "--partition", "0", "--start-offset", "0")
    found_then = pk("transactions", *server, "find-hanging", "--broker-id", "0")
    connection.close()

    assert refused == [ErrorCode.transaction_abortable, ErrorCode.invalid_txn_state]
    assert altered.returncode == 0, altered.stderr
    assert found.stdout.splitlines()[1].split()[:3] == ["t", "0", str(ghost.producer_id)]
    assert aborted.returncode == 0, aborted.stderr
    assert [line for line in found_then.stdout.splitlines()[1:] if line.strip()] == []
