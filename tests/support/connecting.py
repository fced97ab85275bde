"""The commands of pk that connect to brokers, each with enough words to send a request."""

import os
from pathlib import Path

_OFFSETS = '{"version": 1, "partitions": [{"topic": "wire", "partition": 0, "offset": 0}]}'
CONNECTING = {
    "acls": ["--list"], "broker-api-versions": [], "client-metrics": ["--list"], "cluster": ["cluster-id"],
    "configs": ["--describe", "--entity-type", "brokers"], "console-consumer": ["--topic", "wire", "--timeout-ms", "1"],
    "console-producer": ["--topic", "wire"], "consumer-groups": ["--list"],
    "delegation-tokens": ["--describe", "--command-config", "{properties}"],
    "consumer-perf-test": ["--topic", "wire", "--messages", "1", "--timeout", "1"], "doctor": [],
    "delete-records": ["--offset-json-file", "{offsets}"], "expect": ["wire", "--within", "1s"],
    "e2e-latency": ["--topic", "wire", "--num-records", "1", "--producer-acks", "1", "--record-size", "1"],
    "export": [], "features": ["describe"], "get-offsets": [], "groups": ["--list"], "leader-election":
    ["--election-type", "preferred", "--all-topic-partitions"], "log-dirs": ["--describe"], "mark": ["wire"],
    "metadata-quorum": ["describe", "--status"], "producer-perf-test": ["--topic", "wire", "--num-records", "1",
    "--record-size", "1", "--throughput", "-1"], "reassign-partitions": ["--list"], "share-groups": ["--list"],
    "streams-groups": ["--list"], "topics": ["--list"], "transactions": ["list"], "wait": ["broker", "--timeout", "2s"],
    "verifiable-producer": ["--topic", "wire", "--max-messages", "1"],
}  # fmt: skip
"""Commands that send requests, with enough words to do so."""


def connecting(command: str, bootstrap: str, folder: Path) -> list[str]:
    """The words of a command that connects to a cluster; what it reads is in the folder."""
    offsets = folder / "offsets.json"
    offsets.write_text(_OFFSETS)
    words = [word.format(offsets=offsets, properties=os.devnull) for word in CONNECTING[command]]
    return [command, *words, "--bootstrap-server", bootstrap]
