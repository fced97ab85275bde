"""Clients that other projects have made, each asked for the topics it sees after it has connected and logged in.

PEERS["kcat"].topics(Way(...))    what the client prints, or Rejected with its complaint
"""

import asyncio
import json
import os
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError as AioKafkaError
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient
from kafka.errors import KafkaError as KafkaPythonError
from kafka.net.sasl.oauth import AbstractTokenProvider as OAuthTokenProvider

from tests.support import kafka_scripts, peers
from tests.support.polling import PATIENCE_S
from tests.support.running import PK

if find_spec("gssapi"):
    from gssapi.raw.misc import GSSError

PLAIN, SCRAM_256, SCRAM_512, OAUTHBEARER, GSSAPI = "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"
CERTIFICATE, DELEGATION_TOKEN = "certificate", "delegation token"
_COMMON = (PLAIN, SCRAM_256, SCRAM_512, CERTIFICATE)
_PREFIX = "org.apache.kafka.common.security"
_MODULES = {
    PLAIN: f"{_PREFIX}.plain.PlainLoginModule",
    SCRAM_256: f"{_PREFIX}.scram.ScramLoginModule",
    SCRAM_512: f"{_PREFIX}.scram.ScramLoginModule",
    OAUTHBEARER: f"{_PREFIX}.oauthbearer.OAuthBearerLoginModule",
    GSSAPI: "com.sun.security.auth.module.Krb5LoginModule",
}
_NO_TICKET = (GSSError,) if find_spec("gssapi") else ()
"""What the Kerberos library raises, which some clients let through."""
_FATAL = ("_AUTHENTICATION", "_SSL")
"""Names of librdkafka's errors after which it tries again in vain."""


class Rejected(Exception):
    """The client could not connect or log in; `str()` is what it says."""


@dataclass(frozen=True)
class Way:
    """A way to a listener with TLS.

    mechanism        of SASL; empty where a certificate is all
    secret           a password, a token of OAuth, or the HMAC of a delegation token
    is_token         whether `user` is the id of a delegation token
    certificate      the client's, with its key
    krb5_conf        of the realm, with GSSAPI; the user's key is in `keytab`
    """

    bootstrap: str
    authority: Path
    mechanism: str = ""
    user: str = ""
    secret: str = field(default="", repr=False)
    is_token: bool = False
    certificate: Path | None = None
    keytab: Path | None = None
    krb5_conf: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def protocol(self) -> str:
        return "SASL_SSL" if self.mechanism else "SSL"

    def document(self) -> str:
        """As the programs of tests/compat/go and tests/compat/javascript read it."""
        return json.dumps({
            "bootstrap": self.bootstrap, "mechanism": self.mechanism, "user": self.user, "secret": self.secret,
            "isToken": self.is_token, "authority": str(self.authority), "certificate": str(self.certificate or ""),
            "keytab": str(self.keytab or ""), "krb5": str(self.krb5_conf or ""), "realm": "PK.TEST",
        })  # fmt: skip


class Peer(NamedTuple):
    """A client.

    knows     the mechanisms that it has
    topics    raises    Rejected
    """

    knows: Collection[str]
    topics: Callable[[Way], Sequence[str]]


def _java(way: Way) -> Sequence[str]:
    java, *words = kafka_scripts.command(
        "topics", "--bootstrap-server", way.bootstrap, "--command-config", _properties(way), "--list"
    )
    return _printed([java, *([f"-Djava.security.krb5.conf={way.krb5_conf}"] if way.krb5_conf else []), *words], way)


def _pk(way: Way) -> Sequence[str]:
    return _printed(
        [PK, "topics", "--bootstrap-server", way.bootstrap, "--command-config", _properties(way), "--list"], way
    )


def _properties(way: Way) -> str:
    """A file of client properties, as Kafka's tools and ours read it."""
    lines = {"security.protocol": way.protocol, "ssl.truststore.type": "PEM",
             "ssl.truststore.location": str(way.authority)}  # fmt: skip
    if way.certificate:
        lines |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(way.certificate)}
    if way.mechanism:
        options = f'username="{way.user}" password="{way.secret}"' + (' tokenauth="true"' if way.is_token else "")
        if way.mechanism == GSSAPI:
            options = f'useKeyTab=true storeKey=true keyTab="{way.keytab}" principal="{way.user}@PK.TEST"'
            lines["sasl.kerberos.service.name"] = "kafka"
        if way.mechanism == OAUTHBEARER:
            token = _new_file(".token", way.secret)
            options = ""
            lines |= {
                "sasl.oauthbearer.token.endpoint.url": f"file://{token}",
                "sasl.login.callback.handler.class": f"{_PREFIX}.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
            }
        lines |= {"sasl.mechanism": way.mechanism, "sasl.jaas.config": f"{_MODULES[way.mechanism]} required {options};"}
    return _new_file(".properties", "".join(f"{name}={text}\n" for name, text in lines.items()))


def _new_file(suffix: str, text: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=suffix, delete=False) as file:
        file.write(text)
    return file.name


def _printed(command: Sequence[str], way: Way, stdin: str = "") -> Sequence[str]:
    environment = {**os.environ, **way.environment}
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, env=environment, check=False
    )
    if done.returncode:
        raise Rejected(done.stdout + done.stderr)
    return done.stdout.split()


def _librdkafka(way: Way) -> dict[str, Any]:
    its: dict[str, Any] = {"bootstrap.servers": way.bootstrap, "security.protocol": way.protocol,
                           "ssl.ca.location": str(way.authority)}  # fmt: skip
    if way.certificate:
        its["ssl.certificate.location"] = its["ssl.key.location"] = str(way.certificate)
    if way.mechanism:
        its["sasl.mechanism"] = way.mechanism
    if way.mechanism in (PLAIN, SCRAM_256, SCRAM_512):
        its |= {"sasl.username": way.user, "sasl.password": way.secret}
    if way.mechanism == GSSAPI:
        its |= {"sasl.kerberos.keytab": str(way.keytab), "sasl.kerberos.principal": f"{way.user}@PK.TEST"}
    return its


def _kcat(way: Way) -> Sequence[str]:
    """It says what is wrong at once, but does not end then."""
    options = (word for name, text in _librdkafka(way).items() for word in ("-X", f"{name}={text}"))
    command = [peers.kcat(), "-L", "-J", "-m", str(int(PATIENCE_S)), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **way.environment}) as running:  # fmt: skip
        assert running.stderr is not None
        assert running.stdout is not None
        complaint = running.stderr.readline()
        if complaint:
            running.kill()
            raise Rejected(complaint)
        return [topic["topic"] for topic in json.loads(running.stdout.read())["topics"]]


def _confluent(way: Way) -> Sequence[str]:
    failures: list[KafkaError] = []
    its = _librdkafka(way) | {"error_cb": failures.append, "log_level": 0}
    if way.mechanism == OAUTHBEARER:
        its["oauth_cb"] = lambda _: (way.secret, time.time() + 3600)
    admin = AdminClient(its)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            return [*admin.list_topics(timeout=2).topics]
        except KafkaException as error:
            admin.poll(0)
            if any(each.name() in _FATAL or "alert" in each.str() for each in failures):
                raise Rejected(str(failures[0])) from error
    raise Rejected(f"no response: {failures}")


def _context(way: Way) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=way.authority)
    if way.certificate:
        context.load_cert_chain(way.certificate)
    return context


class _Token(OAuthTokenProvider):  # type: ignore[misc]
    def __init__(self, text: str) -> None:
        self._text = text

    def token(self) -> str:
        return self._text


class _AioToken(AbstractTokenProvider):  # type: ignore[misc]
    def __init__(self, text: str) -> None:
        self._text = text

    async def token(self) -> str:
        return self._text


def _python(way: Way, token: object) -> dict[str, Any]:
    """What aiokafka and kafka-python have in common."""
    its: dict[str, Any] = {"bootstrap_servers": way.bootstrap, "security_protocol": way.protocol,
                           "ssl_context": _context(way)}  # fmt: skip
    if way.mechanism:
        its["sasl_mechanism"] = way.mechanism
    if way.mechanism in (PLAIN, SCRAM_256, SCRAM_512):
        its |= {"sasl_plain_username": way.user, "sasl_plain_password": way.secret}
    if way.mechanism == OAUTHBEARER:
        its["sasl_oauth_token_provider"] = token
    return its


def _aiokafka(way: Way) -> Sequence[str]:
    async def topics() -> Sequence[str]:
        consumer = AIOKafkaConsumer(**_python(way, _AioToken(way.secret)))
        try:
            await consumer.start()
            return [*await consumer.topics()]
        finally:
            await consumer.stop()

    try:
        return asyncio.run(asyncio.wait_for(topics(), PATIENCE_S))
    except (AioKafkaError, TimeoutError, *_NO_TICKET) as error:
        raise Rejected(repr(error)) from error


def _kafka_python(way: Way) -> Sequence[str]:
    try:
        admin = KafkaAdminClient(**_python(way, _Token(way.secret)), bootstrap_timeout_ms=10_000)
        try:
            return [*admin.list_topics()]
        finally:
            admin.close()
    except (KafkaPythonError, *_NO_TICKET) as error:
        raise Rejected(repr(error)) from error


def _kafkajs(way: Way) -> Sequence[str]:
    node, folder = peers.kafkajs()
    return _printed([node, str(folder / "login.js")], way, way.document())


def _franz_go(way: Way) -> Sequence[str]:
    return _printed([peers.franz_go()], way, way.document())


PEERS: Mapping[str, Peer] = {
    "pk": Peer({*_COMMON, OAUTHBEARER, GSSAPI, DELEGATION_TOKEN}, _pk),
    "Java": Peer({*_COMMON, OAUTHBEARER, GSSAPI, DELEGATION_TOKEN}, _java),
    "kcat": Peer({*_COMMON, GSSAPI}, _kcat),  # its tokens of OAuth come from a server alone
    "confluent-kafka": Peer({*_COMMON, OAUTHBEARER}, _confluent),  # its wheels have no GSSAPI
    "aiokafka": Peer({*_COMMON, OAUTHBEARER, GSSAPI}, _aiokafka),
    "kafka-python": Peer({*_COMMON, OAUTHBEARER, GSSAPI}, _kafka_python),
    "kafkajs": Peer({*_COMMON, OAUTHBEARER}, _kafkajs),
    "franz-go": Peer({*_COMMON, OAUTHBEARER, GSSAPI, DELEGATION_TOKEN}, _franz_go),
}
