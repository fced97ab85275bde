"""Clients of several kinds log in to our broker by tokens of OAuth, and those with other tokens stay out.

One listener requires the signature of an issuer, whose keys are in a file; the other believes everybody. Logins last
for a short time only, so that whoever stays has to log in again.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from confluent_kafka import Producer
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support.broker_processes import PkBroker
from tests.support.kafka_scripts import run_kafka
from tests.support.polling import PATIENCE_S, until
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

PREFIX = "org.apache.kafka.common.security.oauthbearer."
MODULE = f"{PREFIX}OAuthBearerLoginModule required"
LOGIN_MS = 2000
Run: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"


@dataclass
class Issuer:
    """Signs tokens; `keys` is the file that brokers are given."""

    keys: Path
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first"}))

    def publish(self) -> None:
        self.keys.write_text(json.dumps({"keys": [self.key.as_dict(private=False)]}))

    def token(self, user: str = "alice", *, audience: str = "kafka", lasts_s: int = 600) -> str:
        now = int(time.time())
        claims = {"sub": user, "iss": "https://issuer", "aud": audience, "iat": now - 1000, "exp": now + lasts_s}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)


@dataclass
class Guarded:
    """Our broker, with a listener for signed tokens and one for any."""

    broker: PkBroker
    signed: str
    unsigned: str
    issuer: Issuer
    folder: Path

    def properties(self, token: str) -> str:
        """A client's properties file, with a token from a file."""
        (self.folder / "token").write_text(token)
        file = self.folder / "client.properties"
        file.write_text(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
            f"sasl.oauthbearer.token.endpoint.url=file://{self.folder}/token\n"
            f"sasl.login.callback.handler.class={PREFIX}secured.OAuthBearerLoginCallbackHandler\n"
            f"sasl.jaas.config={MODULE};\n"
        )
        return str(file)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tokens")
    issuer = Issuer(folder / "keys.json")
    issuer.publish()
    inside, signed, unsigned = free_port(), free_port(), free_port()
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{inside},SIGNED://127.0.0.1:{signed},ANY://127.0.0.1:{unsigned}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SIGNED:SASL_PLAINTEXT,ANY:SASL_PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.enabled.mechanisms": "OAUTHBEARER",
        "oauthbearer.sasl.jaas.config": f"{MODULE};",
        "listener.name.signed.oauthbearer.sasl.server.callback.handler.class": (
            f"{PREFIX}OAuthBearerValidatorCallbackHandler"
        ),
        "listener.name.signed.sasl.oauthbearer.jwks.endpoint.url": f"file://{issuer.keys}",
        "listener.name.signed.sasl.oauthbearer.jwks.endpoint.refresh.ms": "300",
        "sasl.oauthbearer.expected.issuer": "https://issuer",
        "sasl.oauthbearer.expected.audience": "kafka",
        "connections.max.reauth.ms": str(LOGIN_MS),
        "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
        "super.users": "User:ANONYMOUS;User:alice",
    }
    with pk_zookeeper(folder) as zookeeper:
        broker = PkBroker(0, folder, zookeeper.address, port=inside, settings=settings)
        broker.start()
        try:
            it = Guarded(broker, f"127.0.0.1:{signed}", f"127.0.0.1:{unsigned}", issuer, folder)
            created = pk("topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", "seen")
            assert created.returncode == 0, created.stderr
            yield it
        finally:
            broker.stop()


@pytest.mark.parametrize("run", [pk, run_kafka], ids=["pk", "Kafka"])
def test_a_token_of_the_issuer_lets_its_bearer_in(guarded: Guarded, run: Run) -> None:
    config = guarded.properties(guarded.issuer.token())

    listed = run("topics", "--bootstrap-server", guarded.signed, "--command-config", config, "--list")

    assert listed.stdout.split() == ["seen"], listed.stdout + listed.stderr


@pytest.mark.parametrize("run", [pk, run_kafka], ids=["pk", "Kafka"])
@pytest.mark.parametrize(
    "what", [{"audience": "others"}, {"lasts_s": -100}, {"user": ""}], ids=["audience", "expired", "nobody"]
)
def test_any_other_token_does_not(guarded: Guarded, run: Run, what: dict[str, Any]) -> None:
    config = guarded.properties(guarded.issuer.token(**what))

    listed = run("topics", "--bootstrap-server", guarded.signed, "--command-config", config, "--list")

    assert listed.returncode == 1
    assert "seen" not in listed.stdout.split()


def test_what_the_issuer_did_not_sign_does_not(guarded: Guarded) -> None:
    config = guarded.folder / "unsigned.properties"
    config.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
        f'sasl.jaas.config={MODULE} unsecuredLoginStringClaim_sub="alice";\n'
    )
    words = ("--command-config", str(config), "--list")

    rejected = pk("topics", "--bootstrap-server", guarded.signed, *words)
    believed = pk("topics", "--bootstrap-server", guarded.unsigned, *words)

    assert rejected.returncode == 1
    assert '{"status":"invalid_token"}' in rejected.stdout
    assert believed.stdout.split() == ["seen"], believed.stdout + believed.stderr


def test_the_issuer_may_change_its_keys(guarded: Guarded) -> None:
    guarded.issuer.key = ECKey.generate_key("P-256", {"kid": "second"})
    config = guarded.properties(guarded.issuer.token())
    ask = ("topics", "--bootstrap-server", guarded.signed, "--command-config", config, "--list")
    assert pk(*ask).returncode == 1

    guarded.issuer.publish()

    until(lambda: pk(*ask).returncode == 0, "the broker does not know the new key")


UNSIGNED = f'sasl.jaas.config={MODULE} unsecuredLoginStringClaim_sub="alice";\n'


@pytest.mark.timeout(120)
def test_clients_that_stay_longer_than_a_login_lasts_are_not_disturbed(guarded: Guarded) -> None:
    """Kafka's producer, librdkafka's and ours, for several times as long as a login lasts."""
    config = guarded.folder / "stay.properties"
    config.write_text(f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n{UNSIGNED}")
    numbers = ("--num-records", "80", "--record-size", "10", "--throughput", "10")
    for run in (pk, run_kafka):
        config_words = ("--producer.config", str(config), "--producer-props", f"bootstrap.servers={guarded.unsigned}")
        sent = run("producer-perf-test", "--topic", "seen", *numbers, *config_words)

        assert "80 records sent" in sent.stdout, sent.stdout + sent.stderr
        assert "ERROR" not in sent.stdout + sent.stderr
    assert "has not logged in again" not in guarded.broker.said()


def test_librdkafka_logs_in_by_a_token(guarded: Guarded) -> None:
    producer = Producer({
        "bootstrap.servers": guarded.unsigned, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER",
        "enable.sasl.oauthbearer.unsecure.jwt": True, "sasl.oauthbearer.config": "principal=alice", "log_level": 0,
    })  # fmt: skip
    failures: list[object] = []

    producer.produce("seen", b"x", on_delivery=lambda error, _: failures.append(error))

    assert producer.flush(PATIENCE_S) == 0
    assert failures == [None]
