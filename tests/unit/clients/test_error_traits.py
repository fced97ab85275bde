import json
from pathlib import Path
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.clients.error_traits import COORDINATOR_UNREADY, LOST_COORDINATOR, RETRIABLE, Trait, codes_with

KAFKAS: dict[str, Any] = json.loads((Path(__file__).parent / "error_classes_of_kafka.json").read_text())
"""By code: the exception's class and those it extends; tests/compat checks the record."""


@pytest.mark.parametrize(
    ("trait", "name"),
    [(Trait.RETRIABLE, "RetriableException"), (Trait.STALE_METADATA, "InvalidMetadataException")],
    ids=["retriable", "stale metadata"],
)
def test_a_trait_is_that_of_kafkas_exception_class(trait: Trait, name: str) -> None:
    theirs = {int(code) for code, its in KAFKAS.items() if f"org.apache.kafka.common.errors.{name}" in its["classes"]}

    assert {int(code) for code in codes_with(trait) if str(int(code)) in KAFKAS} == theirs


def test_what_a_coordinator_may_answer_a_little_later_is_retriable() -> None:
    assert LOST_COORDINATOR < COORDINATOR_UNREADY < RETRIABLE
    assert ErrorCode.group_authorization_failed not in COORDINATOR_UNREADY
