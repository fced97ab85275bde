"""`pk replica-verification` finds the replica that was tampered with."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pykafka_cli.model import Offset
from pykafka_cli.protocol.records import Record, build_batch
from pykafka_cli.protocol.records.batch import read_header, stamp
from tests.support.running import PK, RunningCluster, pk


def test_a_replica_that_holds_something_else_is_named(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data", extra=("--brokers", "2"))
    create = ("--create", "--topic", "orders", "--partitions", "1", "--replication-factor", "2")
    pk("topics", "--bootstrap-server", cluster.bootstrap, *create)
    for line in ("one", "two"):
        pk("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", "orders", stdin=f"{line}\n")
    assert cluster.stop() == 0
    tamper_with(cluster.data_dir / "kafka-1/orders-0/00000000000000000000.log")

    cluster.start()
    try:
        (address,) = {line.split()[-1] for line in cluster.said().splitlines() if line.startswith("Broker 0 listens")}
        with verification(address) as said:
            lines = (line.partition(": ")[2] for line in said)
            started, unmatched = next(lines), next(lines)
            # A follower shows its last record once it has learned the high watermark again.
            lag = next(line for line in lines if " at offset 2 " in line)
        with verification(address, "--output", "json") as said:
            events = (json.loads(line) for line in said)
            first, second = next(events), next(events)
            third = next(event for event in events if event["offset"] == 2)
    finally:
        cluster.stop()

    assert started == "verification process is started\n"
    assert unmatched.startswith("partition orders-0 has unmatched checksum at offset 0; replica 0's checksum ")
    assert lag == "max lag is 0 for partition orders-0 at offset 2 among 1 partitions\n"
    assert (first["name"], first["partitions"]) == ("verification_started", 1)
    assert (second["name"], second["topic"], second["partition"], second["offset"]) == (
        "unmatched_checksum", "orders", 0, 0,
    )  # fmt: skip
    assert [f"replica {each['broker']}'s checksum {each['checksum']}" for each in second["replicas"]] == unmatched[
        unmatched.index("replica") :
    ].rstrip("\n").split("; ")
    del third["timestamp"]
    assert third == {
        "name": "max_lag", "topic": "orders", "partition": 0, "offset": 2, "lag": 0, "partitions": 1,
    }  # fmt: skip


@contextmanager
def verification(address: str, *more: str) -> Iterator[Iterator[str]]:
    """The lines that it prints as they come; it is interrupted at the end."""
    words = ["--broker-list", address, "--topics-include", "orders", "--time", "-2", "--report-interval-ms", "1", *more]
    with subprocess.Popen([PK, "replica-verification", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield iter(process.stdout)
        process.send_signal(signal.SIGINT)


def tamper_with(log: Path) -> None:
    """Replace the first batch by another of the same size, with its own checksum."""
    data = bytearray(log.read_bytes())
    header = read_header(data)
    other = build_batch(
        [Record(Offset(0), header.base_timestamp, None, b"0ne")],
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
    )
    stamp(other, 0, base_offset=Offset(0), leader_epoch=header.leader_epoch)
    assert len(other) == header.size
    data[: header.size] = other
    log.write_bytes(data)
