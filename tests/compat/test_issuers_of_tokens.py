"""The keys of an issuer of tokens come from its server by https, which our broker may start before; the keys rotate."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support.broker_processes import PkBroker
from tests.support.certificates import Authority, pem_store
from tests.support.client_logins import OAUTHBEARER, PEERS, Rejected, Way
from tests.support.issuer_servers import SecureIssuerServer, key_set, serving
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

PREFIX = "org.apache.kafka.common.security.oauthbearer"


@dataclass
class Guarded:
    """Our broker, whose issuer's server is not there yet."""

    broker: PkBroker
    login: int
    issuer: int
    folder: Path
    authority: Authority

    def lets_in(self, key: ECKey) -> bool:
        now = int(time.time())
        claims = {"sub": "alice", "iat": now - 60, "exp": now + 600}
        token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
        way = Way(f"localhost:{self.login}", self.folder / "authority.pem", OAUTHBEARER, secret=token)
        try:
            return "seen" in PEERS["pk"].topics(way)
        except Rejected:
            return False


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    authority, (inside, login, issuer) = Authority(), (free_port() for _ in range(3))
    (tmp_path / "authority.pem").write_text(authority.certificate)
    store = pem_store(tmp_path / "broker.pem", authority.identity("CN=broker"))
    trust = f'ssl.truststore.type="PEM" ssl.truststore.location="{tmp_path}/authority.pem"'
    settings = {
        "listeners": f"INSIDE://127.0.0.1:{inside},LOGIN://localhost:{login}",
        "listener.security.protocol.map": "INSIDE:PLAINTEXT,LOGIN:SASL_SSL",
        "inter.broker.listener.name": "INSIDE",
        "sasl.enabled.mechanisms": OAUTHBEARER,
        "oauthbearer.sasl.jaas.config": f"{PREFIX}.OAuthBearerLoginModule required {trust};",
        "listener.name.login.oauthbearer.sasl.server.callback.handler.class": (
            f"{PREFIX}.secured.OAuthBearerValidatorCallbackHandler"
        ),
        "sasl.oauthbearer.jwks.endpoint.url": f"https://127.0.0.1:{issuer}/keys",
        "sasl.oauthbearer.jwks.endpoint.refresh.ms": "500",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
    }
    with pk_zookeeper(tmp_path) as zookeeper:
        broker = PkBroker(0, tmp_path, zookeeper.address, port=inside, settings=settings)
        broker.start()
        try:
            created = pk("topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", "seen")
            assert created.returncode == 0, created.stderr
            yield Guarded(broker, login, issuer, tmp_path, authority)
        finally:
            broker.stop()


@pytest.mark.timeout(180)
def test_keys_are_read_as_soon_as_they_can_be_and_followed(guarded: Guarded) -> None:
    first, second = (ECKey.generate_key("P-256", {"kid": name}) for name in ("first", "second"))
    url = f"https://127.0.0.1:{guarded.issuer}/keys"

    assert not guarded.lets_in(first)
    assert f"cannot read the keys of the token issuer from {url}: " in guarded.broker.said()
    assert "no token is accepted" in guarded.broker.said()

    server = SecureIssuerServer(guarded.authority, guarded.folder, guarded.issuer, key_set(first))
    with serving(server):
        until(lambda: guarded.lets_in(first), "the first key is not known")
        server.content = key_set(first, second)
        until(lambda: guarded.lets_in(second), "the second key is not known")
        server.content = key_set(second)
        until(lambda: not guarded.lets_in(first), "the first key is still believed")

    assert guarded.lets_in(second)
    until(
        lambda: "the earlier keys remain in use" in guarded.broker.said(),
        "nobody noticed that the issuer's server is gone",
    )
