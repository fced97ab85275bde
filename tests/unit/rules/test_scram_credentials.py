"""What is kept of a password, beside what Apache Kafka kept."""

import base64
import json
from pathlib import Path

import pytest

from pykafka_cli.rules.scram_credentials import salted_password, stored_credential

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_the_recorded_password_gives_the_recorded_credential(mechanism: str) -> None:
    tree = json.loads((VECTORS / "znodes" / "05-users-and-quotas.json").read_text())["znodes"]
    (alice,) = [json.loads(znode["data"])["config"] for znode in tree if znode["path"] == "/config/users/alice"]
    recorded = alice[mechanism]
    salt = base64.b64decode(recorded.split(",")[0].removeprefix("salt="))

    assert stored_credential(mechanism, salted_password(mechanism, "alice-secret", salt, 4096), salt, 4096) == recorded
