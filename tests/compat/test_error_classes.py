"""The error codes that tests/unit/clients compares ours with are those that Kafka has, with classes and messages."""

import json
import subprocess
from pathlib import Path

from tests.support import peers

RECORDED = Path(__file__).parents[1] / "unit/clients/error_classes_of_kafka.json"


def test_the_recorded_classes_are_those_of_kafka(tmp_path: Path) -> None:
    command = peers.java_program("ErrorClasses", tmp_path)
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert json.loads(printed) == json.loads(RECORDED.read_text())
