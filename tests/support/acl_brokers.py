"""Brokers with users and an authorizer, set up as the golden cases that need ACLs describe them.

Who comes through `bootstrap` may do everything; who comes through `sasl_bootstrap`, only what an ACL allows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.support.broker_processes import BrokerProcess
from tests.support.golden.runs import Addresses
from tests.support.ports import free_port
from tests.support.zookeeper.servers import pk_zookeeper

USERS = ("admin", "alice", "bob", "carol", "dave")
"""A user's password is the name and `-secret`."""
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"
AUTHORIZER: Mapping[str, str] = {
    "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
    "super.users": "User:ANONYMOUS;User:admin",
}

Kind = TypeVar("Kind", bound=BrokerProcess)


def sasl_settings(plaintext: str, sasl: str) -> dict[str, str]:
    """Two listeners, each HOST:PORT: one for anybody, one for users with passwords."""
    users = " ".join(f'user_{name}="{name}-secret"' for name in USERS)
    return {
        "listeners": f"PLAINTEXT://{plaintext},SASL_PLAINTEXT://{sasl}",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": f"{PLAIN} {users};",
        "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": f"{SCRAM};",
    }


def login(user: str) -> str:
    """The lines of a client's properties file with which this user logs in."""
    return (
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={PLAIN} username="{user}" password="{user}-secret";\n'
    )


class AclBroker(NamedTuple):
    """One broker with its ZooKeeper, running."""

    process: BrokerProcess
    addresses: Addresses


@contextmanager
def acl_broker(kind: type[Kind], folder: Path, settings: Mapping[str, str]) -> Iterator[AclBroker]:
    """A broker of either make on a ZooKeeper server of ours."""
    port, sasl = free_port(), f"127.0.0.1:{free_port()}"
    with pk_zookeeper(folder) as zookeeper:
        bootstrap = f"127.0.0.1:{port}"
        its = {**sasl_settings(bootstrap, sasl), **AUTHORIZER, **settings}
        broker = kind(0, folder, zookeeper.address, port=port, settings=its)
        broker.start()
        try:
            yield AclBroker(broker, Addresses(bootstrap, zookeeper.address, sasl_bootstrap=sasl))
        finally:
            broker.kill()
