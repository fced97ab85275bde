"""Every client that we can get, by every mechanism that it has: right credentials let it in, and nothing else does.

All listeners have TLS. Two of them show certificates that no client may accept: one has expired, the other is for
another host.
"""

import datetime
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support import peers
from tests.support.broker_processes import PkBroker
from tests.support.certificates import Authority, pem_store
from tests.support.client_logins import (
    CERTIFICATE,
    DELEGATION_TOKEN,
    GSSAPI,
    OAUTHBEARER,
    PEERS,
    PLAIN,
    SCRAM_256,
    SCRAM_512,
    Rejected,
    Way,
)
from tests.support.kerberos_realm import REALM, KerberosPkBroker, KerberosRealm, kerberos_realm
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

PREFIX = "org.apache.kafka.common.security"
ISSUER = "https://issuer"


@dataclass
class Secured:
    """Our broker. `ports` has its listeners; alice's password is alice-secret."""

    inside: str
    ports: dict[str, int]
    folder: Path
    authority: Authority
    key: ECKey

    def way(self, listener: str, **more: object) -> Way:
        return Way(f"localhost:{self.ports[listener]}", self.folder / "authority.pem", **more)  # type: ignore[arg-type]

    def login(self, mechanism: str, secret: str = "alice-secret", user: str = "alice") -> Way:
        return self.way("LOGIN", mechanism=mechanism, user=user, secret=secret)

    def bearer(self, key: ECKey, lasts_s: int = 600) -> Way:
        now = int(time.time())
        claims = {"sub": "alice", "iss": ISSUER, "aud": "kafka", "iat": now - 1000, "exp": now + lasts_s}
        token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
        return self.way("LOGIN", mechanism=OAUTHBEARER, secret=token)

    def shows(self, authority: Authority, lasts: datetime.timedelta = datetime.timedelta(days=30)) -> Way:
        store = pem_store(self.folder / f"{free_port()}.pem", authority.identity("CN=alice", lasts=lasts))
        return self.way("CERTIFIED", certificate=store)

    def by_delegation_token(self, flaw: str = "") -> Way:
        config = self.folder / "scram.properties"
        trust = f"ssl.truststore.type=PEM\nssl.truststore.location={self.folder}/authority.pem\n"
        config.write_text(
            f"security.protocol=SASL_SSL\nsasl.mechanism={SCRAM_256}\n{trust}"
            f'sasl.jaas.config={PREFIX}.scram.ScramLoginModule required username="alice" password="alice-secret";\n'
        )
        created = pk("delegation-tokens", "--bootstrap-server", f"localhost:{self.ports['LOGIN']}", "--command-config",
                     str(config), "--create", "--max-life-time-period", "-1", "--output", "json")  # fmt: skip
        assert created.returncode == 0, created.stdout + created.stderr
        token = json.loads(created.stdout)
        (token,) = token if isinstance(token, list) else (token,)
        name, hmac = token["token_id"], token["hmac"]
        return self.way("LOGIN", mechanism=SCRAM_256, user=name, secret=hmac[::-1] if flaw else hmac, is_token=True)


def settings(folder: Path, ports: dict[str, int], authority: Authority, key: ECKey) -> dict[str, str]:
    (folder / "authority.pem").write_text(authority.certificate)
    (folder / "keys.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    identities = {
        "usual": authority.identity("CN=broker"),
        "expired": authority.identity("CN=broker", lasts=datetime.timedelta(days=-1)),
        "elsewhere": authority.identity("CN=broker", hosts=("elsewhere.example",)),
    }
    stores = {name: str(pem_store(folder / f"{name}.pem", each)) for name, each in identities.items()}
    login = "listener.name.login"
    return {
        "listeners": ",".join(f"{name}://localhost:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": "INSIDE:PLAINTEXT,LOGIN:SASL_SSL,CERTIFIED:SSL,EXPIRED:SSL,ELSEWHERE:SSL",
        "inter.broker.listener.name": "INSIDE",
        "sasl.enabled.mechanisms": f"{PLAIN},{SCRAM_256},{SCRAM_512},{OAUTHBEARER}",
        f"{login}.plain.sasl.jaas.config": f'{PREFIX}.plain.PlainLoginModule required user_alice="alice-secret";',
        f"{login}.oauthbearer.sasl.jaas.config": f"{PREFIX}.oauthbearer.OAuthBearerLoginModule required;",
        f"{login}.oauthbearer.sasl.server.callback.handler.class": (
            f"{PREFIX}.oauthbearer.secured.OAuthBearerValidatorCallbackHandler"
        ),
        f"{login}.sasl.oauthbearer.jwks.endpoint.url": f"file://{folder}/keys.json",
        "sasl.oauthbearer.expected.issuer": ISSUER,
        "sasl.oauthbearer.expected.audience": "kafka",
        "delegation.token.secret.key": "a-secret",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": stores["usual"],
        "listener.name.expired.ssl.keystore.location": stores["expired"],
        "listener.name.elsewhere.ssl.keystore.location": stores["elsewhere"],
        "listener.name.certified.ssl.client.auth": "required",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "authority.pem"),
    }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder, authority = tmp_path_factory.mktemp("peers"), Authority()
    ports = {name: free_port() for name in ("INSIDE", "LOGIN", "CERTIFIED", "EXPIRED", "ELSEWHERE")}
    key = ECKey.generate_key("P-256", {"kid": "first"})
    with pk_zookeeper(folder) as zookeeper:
        broker = PkBroker(
            0, folder, zookeeper.address, port=ports["INSIDE"], settings=settings(folder, ports, authority, key)
        )
        broker.start()
        try:
            inside = f"localhost:{ports['INSIDE']}"
            words = ("configs", "--bootstrap-server", inside, "--alter", "--entity-type", "users", "--entity-name")
            passwords = ",".join(f"{each}=[password=alice-secret]" for each in (SCRAM_256, SCRAM_512))
            for done in (
                pk("topics", "--bootstrap-server", inside, "--create", "--topic", "seen"),
                pk(*words, "alice", "--add-config", passwords),
            ):
                assert done.returncode == 0, done.stderr
            yield Secured(inside, ports, folder, authority, key)
        finally:
            broker.stop()


RIGHT: dict[str, tuple[str, Callable[[Secured], Way]]] = {
    "PLAIN": (PLAIN, lambda it: it.login(PLAIN)),
    "SCRAM-SHA-256": (SCRAM_256, lambda it: it.login(SCRAM_256)),
    "SCRAM-SHA-512": (SCRAM_512, lambda it: it.login(SCRAM_512)),
    "OAUTHBEARER": (OAUTHBEARER, lambda it: it.bearer(it.key)),
    "delegation token": (DELEGATION_TOKEN, lambda it: it.by_delegation_token()),
    "certificate": (CERTIFICATE, lambda it: it.shows(it.authority)),
}
WRONG: dict[str, tuple[str, Callable[[Secured], Way]]] = {
    "PLAIN, another password": (PLAIN, lambda it: it.login(PLAIN, "guess")),
    "SCRAM-SHA-256, another password": (SCRAM_256, lambda it: it.login(SCRAM_256, "guess")),
    "SCRAM-SHA-512, nobody": (SCRAM_512, lambda it: it.login(SCRAM_512, user="mallory")),
    "OAUTHBEARER, another issuer": (OAUTHBEARER, lambda it: it.bearer(ECKey.generate_key("P-256", {"kid": "first"}))),
    "OAUTHBEARER, expired": (OAUTHBEARER, lambda it: it.bearer(it.key, lasts_s=-100)),
    "delegation token, another HMAC": (DELEGATION_TOKEN, lambda it: it.by_delegation_token("another HMAC")),
    "no certificate": (CERTIFICATE, lambda it: it.way("CERTIFIED")),
    "certificate of nobody's": (CERTIFICATE, lambda it: it.shows(Authority())),
    "certificate that has expired": (CERTIFICATE, lambda it: it.shows(it.authority, datetime.timedelta(days=-1))),
    "the broker's certificate has expired": (CERTIFICATE, lambda it: it.way("EXPIRED")),
    "the broker's certificate is for another host": (CERTIFICATE, lambda it: it.way("ELSEWHERE")),
}


def of_peers(cases: dict[str, tuple[str, Callable[[Secured], Way]]]) -> list[object]:
    """Each case with each client that has its mechanism."""
    return [
        pytest.param(name, way, id=f"{name}: {case}")
        for case, (mechanism, way) in cases.items()
        for name, peer in PEERS.items()
        if mechanism in peer.knows
    ]


@pytest.mark.parametrize(("name", "way"), of_peers(RIGHT))
def test_right_credentials_let_a_client_in(name: str, way: Callable[[Secured], Way], secured: Secured) -> None:
    assert [topic for topic in PEERS[name].topics(way(secured)) if topic == "seen"] == ["seen"]


@pytest.mark.parametrize(("name", "way"), of_peers(WRONG))
def test_wrong_credentials_do_not(name: str, way: Callable[[Secured], Way], secured: Secured) -> None:
    with pytest.raises(Rejected) as rejected:
        PEERS[name].topics(way(secured))

    assert "seen" not in str(rejected.value)


@dataclass
class Realm:
    """A broker that requires tickets, and the realm that they come from."""

    kerberos: KerberosRealm
    port: int
    folder: Path

    def way(self, user: str, keytab: Path) -> Way:
        environment = {
            "KRB5_CONFIG": str(self.kerberos.krb5_conf),
            "KRB5_CLIENT_KTNAME": str(keytab),
            "KRB5CCNAME": f"FILE:{self.folder}/tickets-{free_port()}",
        }
        return Way(f"localhost:{self.port}", self.folder / "authority.pem", GSSAPI, user, keytab=keytab,
                   krb5_conf=self.kerberos.krb5_conf, environment=environment)  # fmt: skip


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    peers.gssapi()
    folder, authority = tmp_path_factory.mktemp("realm"), Authority()
    (folder / "authority.pem").write_text(authority.certificate)
    store = pem_store(folder / "broker.pem", authority.identity("CN=broker"))
    module = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true"
    with kerberos_realm(folder) as kerberos, pk_zookeeper(folder) as zookeeper:
        keytab, port, inside = kerberos.keytab("kafka/localhost"), free_port(), free_port()
        its = {
            "listeners": f"INSIDE://127.0.0.1:{inside},TICKETS://localhost:{port}",
            "listener.security.protocol.map": "INSIDE:PLAINTEXT,TICKETS:SASL_SSL",
            "inter.broker.listener.name": "INSIDE",
            "sasl.enabled.mechanisms": GSSAPI,
            "sasl.kerberos.service.name": "kafka",
            "gssapi.sasl.jaas.config": f'{module} keyTab="{keytab}" principal="kafka/localhost@{REALM}";',
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
        }
        broker = KerberosPkBroker(0, folder, zookeeper.address, port=inside, settings=its)
        broker.krb5_conf = kerberos.krb5_conf
        broker.start()
        try:
            created = pk("topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", "seen")
            assert created.returncode == 0, created.stderr
            yield Realm(kerberos, port, folder)
        finally:
            broker.stop()


WITH_TICKETS = [name for name, peer in PEERS.items() if GSSAPI in peer.knows]


def way_with_keys(name: str, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> Way:
    """For a user that only this client is."""
    user = f"{re.sub('[^a-z]', '', name.lower())}{free_port()}"
    way = realm.way(user, realm.kerberos.keytab(user))
    for variable, value in way.environment.items():
        monkeypatch.setenv(variable, value)
    return way


@pytest.mark.parametrize("name", WITH_TICKETS)
def test_a_ticket_lets_a_client_in(name: str, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    way = way_with_keys(name, realm, monkeypatch)

    assert [topic for topic in PEERS[name].topics(way) if topic == "seen"] == ["seen"]


@pytest.mark.parametrize("name", WITH_TICKETS)
def test_a_key_that_has_changed_does_not(name: str, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    way = way_with_keys(name, realm, monkeypatch)
    realm.kerberos.change_key(way.user)

    with pytest.raises(Rejected):
        PEERS[name].topics(way)
