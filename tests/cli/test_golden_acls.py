"""`pk` prints what Kafka's scripts printed about ACLs, and to those who are denied something, against our broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acl_brokers import AclBroker, acl_broker
from tests.support.broker_processes import PkBroker
from tests.support.golden.cases import CASES, GOLDEN, WITH_ACLS
from tests.support.golden.comparison import disagreements


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclBroker]:
    with acl_broker(PkBroker, tmp_path_factory.mktemp("acls"), {"delegation.token.secret.key": "a-secret"}) as running:
        yield running


@pytest.mark.parametrize("name", WITH_ACLS)
def test_pk_prints_what_the_script_printed(name: str, broker: AclBroker, tmp_path: Path) -> None:
    assert not list(disagreements(GOLDEN / name, CASES[name], broker.addresses, tmp_path))
