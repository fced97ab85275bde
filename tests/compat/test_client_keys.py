"""The keys of clients that tests/unit/properties compares ours with are those that Kafka's own classes have."""

import json
import subprocess
from pathlib import Path

from tests.support import peers

RECORDED = Path(__file__).parents[1] / "unit/properties/client_keys_of_kafka.json"


def test_the_recorded_keys_are_those_of_kafka(tmp_path: Path) -> None:
    command = peers.java_program("ClientKeys", tmp_path)
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert json.loads(printed) == json.loads(RECORDED.read_text())
