"""Our brokers log in to each other by tokens of OAuth alone: unsigned ones, and signed ones from a file or a server."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.broker_processes import PkBroker
from tests.support.certificates import Authority
from tests.support.confluent import patiently
from tests.support.polling import PATIENCE_S, until
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.token_servers import TokenServer, serving_tokens
from tests.support.web_servers import server_context
from tests.support.zookeeper.servers import pk_zookeeper

PREFIX = "org.apache.kafka.common.security.oauthbearer"
LISTENER = "listener.name.sasl_plaintext.oauthbearer"
TOPIC = "shared"


class Cluster:
    """Two brokers whose logins last for two seconds.

    signed    "endpoint" or "file", where their tokens come from; empty: they are not signed
    """

    def __init__(self, folder: Path, zookeeper: str, issuer: TokenServer, signed: str) -> None:
        self.issuer, self._folder, self._signed = issuer, folder, signed
        self.brokers = []
        for number in range(2):
            port = free_port()
            settings = {
                "listeners": f"SASL_PLAINTEXT://127.0.0.1:{port}",
                "security.inter.broker.protocol": "SASL_PLAINTEXT",
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                "sasl.mechanism.inter.broker.protocol": "OAUTHBEARER",
                "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
                "super.users": "User:broker;User:admin",
                "default.replication.factor": "2",
                "replica.lag.time.max.ms": "3000",
                f"{LISTENER}.connections.max.reauth.ms": "2000",
                f"{LISTENER}.sasl.jaas.config": f"{PREFIX}.OAuthBearerLoginModule required {self._login('broker')};",
            }
            if signed:
                settings |= {
                    f"{LISTENER}.sasl.server.callback.handler.class": f"{PREFIX}.OAuthBearerValidatorCallbackHandler",
                    "sasl.login.callback.handler.class": f"{PREFIX}.secured.OAuthBearerLoginCallbackHandler",
                    "sasl.oauthbearer.jwks.endpoint.url": f"{issuer.url}/keys",
                    "sasl.oauthbearer.token.endpoint.url": self._source("broker"),
                }
            self.brokers.append(PkBroker(number, folder, zookeeper, port=port, settings=settings))
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)
        self.client: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap, "log_level": 0, "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
        }  # fmt: skip
        if signed:
            self.client["oauth_cb"] = lambda _: (issuer.token("admin"), 4e9)
        else:
            self.client |= {
                "enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": "principal=admin",
            }  # fmt: skip
        self.admin = AdminClient(dict(self.client))

    def _login(self, user: str) -> str:
        """The options of the login module; ssl.* is for the issuer's server."""
        trust = f'ssl.truststore.type="PEM" ssl.truststore.location="{self._folder}/authority.pem"'
        if not self._signed:
            return f'unsecuredLoginStringClaim_sub="{user}"'
        return f'clientId="{user}" clientSecret="{user}-secret" {trust}'

    def _source(self, user: str) -> str:
        if self._signed == "endpoint":
            return f"{self.issuer.url}/token"
        file = self._folder / f"{user}.token"
        file.write_text(self.issuer.token(user))
        return file.as_uri()

    def list_topics(self, broker: PkBroker, secret: str = "admin-secret") -> "subprocess.CompletedProcess[str]":
        """As an administrator's command does."""
        lines = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.jaas.config": f"{PREFIX}.OAuthBearerLoginModule required {self._login('admin')};".replace(
                "admin-secret", secret
            ),
        }
        if self._signed:
            lines["sasl.oauthbearer.token.endpoint.url"] = self._source("admin")
        file = self._folder / "admin.properties"
        file.write_text("".join(f"{name}={text}\n" for name, text in lines.items()))
        return pk("topics", "--bootstrap-server", broker.bootstrap, "--command-config", str(file), "--list")

    def isr(self) -> list[int]:
        partitions = patiently(lambda: self.admin.list_topics(TOPIC, timeout=10)).topics[TOPIC].partitions
        return sorted(partitions[0].isrs) if 0 in partitions else []

    def send(self, count: int) -> None:
        producer = Producer({**self.client, "acks": "all"})
        for number in range(count):
            producer.produce(TOPIC, b"%d" % number)
        assert producer.flush(PATIENCE_S) == 0


@pytest.fixture(params=["", "file", "endpoint"], ids=["unsigned", "from a file", "from a server"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    authority = Authority()
    (tmp_path / "authority.pem").write_text(authority.certificate)
    with serving_tokens(server_context(authority, tmp_path)) as issuer, pk_zookeeper(tmp_path) as zookeeper:
        its = Cluster(tmp_path, zookeeper.address, issuer, request.param)
        try:
            for broker in its.brokers:
                broker.start()
            until(lambda: len(patiently(lambda: its.admin.list_topics(timeout=10)).brokers) == 2, "a cluster of two")
            topic = NewTopic(TOPIC, 1, replica_assignment=[[0, 1]])
            its.admin.create_topics([topic])[TOPIC].result(PATIENCE_S)
            until(lambda: its.isr() == [0, 1], "a full ISR")
            yield its
        finally:
            for broker in its.brokers:
                broker.kill()


@pytest.mark.timeout(300)
def test_brokers_follow_each_other_with_or_without_their_issuer(cluster: Cluster) -> None:
    """While the issuer's server stalls, a broker that has no token yet waits for one, and everything else continues."""
    issuer, (leader, follower) = cluster.issuer, cluster.brokers
    has_endpoint = bool(issuer.given)
    cluster.send(100)
    listed = cluster.list_topics(leader)
    assert listed.stdout.split() == [TOPIC], listed.stderr
    if not has_endpoint:
        return
    assert sorted(issuer.given) == ["admin", "broker", "broker"], "a token for each broker, and one for the command"
    rejected = cluster.list_topics(leader, secret="guessed")
    assert rejected.returncode == 1
    complaint = rejected.stdout + rejected.stderr
    assert f"no token from {issuer.url}/token: invalid_client" in complaint
    assert "guessed" not in complaint

    issuer.may_answer.clear()
    follower.stop()
    until(lambda: cluster.isr() == [0], "the follower is still in the ISR")
    follower.start()
    cluster.send(100)
    assert cluster.isr() == [0]
    stalled = cluster.list_topics(leader)
    assert stalled.returncode == 1

    issuer.may_answer.set()
    until(lambda: cluster.isr() == [0, 1], "the follower has not returned")
    said = follower.said() + leader.said()
    assert "-secret" not in said
    assert "eyJ" not in said, "a token begins like this"
