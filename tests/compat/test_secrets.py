"""Passwords, keys and tokens are in no log of a server at its most talkative, in no wire trace, error or list of
processes, and in no file that others can read."""

import html
import importlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from pykafka_cli.commands import COMMANDS
from tests.support.running import PK, pk
from tests.support.secured_brokers import MODULES
from tests.support.talkative_broker import PLAIN, PLANTED, SCRAM, SECRETS, WRONG, Talkative, talkative_broker
from tests.support.ui_process import UiProcess
from tests.support.zookeeper.secured import client_login_file, login_file
from tests.support.zookeeper.servers import PkZooKeeper


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talkative]:
    with talkative_broker(tmp_path_factory.mktemp("secrets")) as running:
        yield running


def test_secrets_are_in_no_output_of_anybody(talkative: Talkative) -> None:
    alice = talkative.login("alice", PLAIN)
    bob_exists = talkative.run("configs", alice, "--alter", "--entity-type", "users", "--entity-name", "bob",
                               "--add-config", f"SCRAM-SHA-256=[password={SCRAM}]")  # fmt: skip
    shown = [bob_exists]
    made = talkative.run("delegation-tokens", alice, "--create", "--max-life-time-period", "-1")
    found = re.search(r"^(\S{22}) +(\S{88}) ", made.stdout, re.MULTILINE)
    assert found, made.stdout + made.stderr
    shown.append(talkative.run("configs", alice, "--describe", "--broker", "0", "--all"))
    shown.append(talkative.run("topics", talkative.login("bob", SCRAM, "SCRAM-SHA-256"), "--list"))
    assert [done.returncode for done in shown] == [0, 0, 0], shown
    shown.append(talkative.run("topics", talkative.login("alice", WRONG), "--list"))
    shown.append(talkative.run("topics", talkative.login("bob", WRONG, "SCRAM-SHA-256"), "--list"))
    assert [done.returncode for done in shown[3:]] == [1, 1]

    texts = {"broker": talkative.broker.said(), "ZooKeeper": talkative.zookeeper.said(), "trace": made.stderr}
    texts |= {f"output {number}": done.stdout + done.stderr for number, done in enumerate(shown)}
    for name, text in texts.items():
        assert [secret for secret in (*SECRETS, found[2]) if secret in text] == [], name
    assert "SaslAuthenticate" in texts["broker"]
    assert "SaslAuthenticate" in texts["trace"]


def test_secrets_are_no_arguments_of_a_server(talkative: Talkative) -> None:
    assert talkative.broker.process
    arguments = Path(f"/proc/{talkative.broker.process.pid}/cmdline").read_text()

    assert talkative.broker.file.name in arguments
    assert [secret for secret in SECRETS if secret in arguments] == []


MOST_PAGES = 60
LOGIN = "sasl.mechanism=PLAIN\nsasl.jaas.config=a.PlainLoginModule required"
FAULTY = {
    "no quotes": f"{LOGIN} username=a password=x-{PLANTED} y-{PLANTED};",
    "a semicolon": f"{LOGIN} username=a password=x;{PLANTED} {PLANTED};",
    "no end": f'{LOGIN} username=a password="{PLANTED}"',
    "an open quote": f'{LOGIN} password="{PLANTED};',
    "no such mechanism": f'{LOGIN} password="{PLANTED}";\nsasl.mechanism=MD5',
    "a token from nowhere": "sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url=http://127.0.0.1:9/token\n"
    "sasl.login.callback.handler.class="
    "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler\n"
    f'sasl.jaas.config=a.OAuthBearerLoginModule required clientId="a" clientSecret="{PLANTED}";',
    "no such key store": f"ssl.keystore.location=/nowhere\nssl.keystore.password={PLANTED}\nssl.key.password={PLANTED}",
    "no key": f"ssl.keystore.type=PEM\nssl.keystore.key=-----BEGIN {PLANTED}\nssl.keystore.certificate.chain={PLANTED}",
    "no certificates": f"ssl.truststore.type=PEM\nssl.truststore.certificates={PLANTED}",
}
"""What is wrong with a file of client properties that has a secret in it."""

PLAIN_ADMIN = "--bootstrap-server {server} --command-config {file}"
COMMANDS_WITH_PROPERTIES = {
    "topics": f"{PLAIN_ADMIN} --describe",
    "console-consumer": "--bootstrap-server {server} --consumer.config {file} --topic t --timeout-ms 500",
    "console-share-consumer": "--bootstrap-server {server} --consumer-config {file} --topic t --timeout-ms 500",
    "console-producer": "--bootstrap-server {server} --producer.config {file} --topic t",
    "copy": "t --from {server} --from-config {file} --to {server} --to-config {file} --dry-run",
    "producer-perf-test": "--producer-props bootstrap.servers={server} --producer.config {file} --topic t "
    "--num-records 1 --record-size 1 --throughput -1",
    "consumer-perf-test": "--bootstrap-server {server} --consumer.config {file} --topic t --messages 1 --timeout 500",
    "e2e-latency": "{server} t 1 all 10 {file}",
    "verifiable-producer": "--bootstrap-server {server} --producer.config {file} --topic t --max-messages 1",
    "verifiable-consumer": "--bootstrap-server {server} --consumer.config {file} --topic t --group-id g "
    "--max-messages 1",
    "get-offsets": f"{PLAIN_ADMIN} --topic t",
    "delete-records": f"{PLAIN_ADMIN} --offset-json-file {{folder}}/offsets.json",
    "apply": f"{PLAIN_ADMIN} --dry-run {{folder}}/cluster.yaml",
    "export": PLAIN_ADMIN,
    "configs": f"{PLAIN_ADMIN} --describe --entity-type brokers --entity-name 0 --all",
    "acls": f"{PLAIN_ADMIN} --list",
    "delegation-tokens": f"{PLAIN_ADMIN} --describe",
    "leader-election": "--bootstrap-server {server} --admin.config {file} --election-type preferred "
    "--all-topic-partitions",
    "reassign-partitions": f"{PLAIN_ADMIN} --list",
    "transactions": f"{PLAIN_ADMIN} list",
    "log-dirs": f"{PLAIN_ADMIN} --describe",
    "cluster": "cluster-id --bootstrap-server {server} --config {file}",
    "features": f"{PLAIN_ADMIN} describe",
    "metadata-quorum": f"{PLAIN_ADMIN} describe --status",
    "client-metrics": f"{PLAIN_ADMIN} --list",
    "broker-api-versions": PLAIN_ADMIN,
    "consumer-groups": f"{PLAIN_ADMIN} --list",
    "share-groups": f"{PLAIN_ADMIN} --list",
    "streams-groups": f"{PLAIN_ADMIN} --list",
    "groups": f"{PLAIN_ADMIN} --list",
    "streams-application-reset": f"{PLAIN_ADMIN} --application-id a --dry-run",
    "doctor": f"{PLAIN_ADMIN} --timeout 60s",
    "wait": f"{PLAIN_ADMIN} --timeout 10s",
    "expect": f"{PLAIN_ADMIN} t --within 5s",
    "mark": f"{PLAIN_ADMIN} t",
}
LINES = {
    **COMMANDS_WITH_PROPERTIES,
    "replica-verification": "--broker-list {server} --command-config {file}",  # it runs until it is stopped
}


def leaves() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and every one below it, with its parameters."""
    for name, entry in COMMANDS.items():
        command = typer.main.get_command(importlib.import_module(f"pykafka_cli.commands.{entry.module}").app)
        below: dict[str, Any] = getattr(command, "commands", None) or {"": command}
        yield from (((name, sub) if sub else (name,), its) for sub, its in below.items())


LEAVES = dict(leaves())
WRITTEN = {"--ready-file", "--junit-xml"}
"""Files that commands write."""


def files_of(command: Any) -> list[str]:
    """The options of a command that name files which it reads, and its arguments with such."""
    names = [param.opts[0] if param.opts[0].startswith("-") else str(param.metavar) for param in command.params
             if "FILE" in str(param.metavar)]  # fmt: skip
    return [name for name in names if name not in WRITTEN]


OF_FILES = {words: files for words, command in LEAVES.items() if (files := files_of(command))}
STARTED_APART = {"ui", "replica-verification", "config", "storage"}
"""Commands that run until they are stopped, or do not connect."""
CONNECTED = sorted({words[0] for words, files in OF_FILES.items()
                    if {"--command-config", "--config"} & {*files}} | COMMANDS_WITH_PROPERTIES.keys())  # fmt: skip


def line_of(words: tuple[str, ...], file: str) -> list[str]:
    """The words of a command line on which every file of a command is this one."""
    line = list(words)
    for name in OF_FILES[words]:
        if name.startswith("-"):
            line += [name, file]
            continue
        for word in re.findall(r"[^\s\[\]]+", name):
            if word.startswith(("HOST:PORT", "BROKERS")):
                line.append("127.0.0.1:9")
            elif "FILE" in word:
                line.append(file)
            elif word == "-zk-tls-config-file":
                line.append(word)
            elif word.isalpha() and word != "COMMAND":
                line.append("1")
    for param in LEAVES[words].params:
        if str(param.metavar).startswith("HOST:PORT") and param.opts[0].startswith("-"):
            line += [param.opts[0], "127.0.0.1:9"]
    return line


SETTINGS_OF_ALL_KINDS = f"""security.protocol=SASL_SSL
{FAULTY["no quotes"]}
ssl.keystore.password={PLANTED}
ssl.truststore.password={PLANTED}
zookeeper.ssl.client.enable=true
zookeeper.ssl.keystore.location=/nowhere
zookeeper.ssl.keystore.password={PLANTED}
ssl.keyStore.password={PLANTED}
SCRAM-SHA-256=[password={PLANTED}
delegation.token.secret.key={PLANTED}
password.encoder.secret={PLANTED}
dataDir=/dev/null/nothing
broker.id=none
"""
"""What a file of clients, brokers, ZooKeeper servers or their tools may hold, and none of them can use."""


@pytest.mark.parametrize("words", OF_FILES, ids=" ".join)
def test_whatever_file_a_command_is_given_it_shows_no_secret_in_it(words: tuple[str, ...], tmp_path: Path) -> None:
    """All commands that there are, each with every file that it reads; and with a login file for Java."""
    file, login, named = tmp_path / "file", tmp_path / "jaas", tmp_path / "config.yaml"
    file.write_text(SETTINGS_OF_ALL_KINDS)
    login.write_text(f"KafkaClient {{ a.PlainLoginModule required username=a password=x-{PLANTED} y-{PLANTED}; }};\n")
    named.write_text(f"current: here\nclusters:\n  here: {{bootstrap-server: 127.0.0.1:9, command-config: {file}}}\n")
    given = {"KAFKA_OPTS": f"-Djava.security.auth.login.config={login}", "PK_CONFIG": str(named)}

    done = pk(*line_of(words, str(file)), env={**os.environ, **given})

    assert done.stdout + done.stderr
    assert PLANTED not in done.stdout + done.stderr


def test_no_command_with_files_is_left_out() -> None:
    """The list is that of the program; these are in it for what they are known to read."""
    known = {"topics", "configs", "zookeeper-shell", "zookeeper-security-migration", "ui", "config", "doctor", "export",
             "server-start", "zookeeper-server-start", "storage", "acls"}  # fmt: skip

    assert {words[0] for words in OF_FILES} >= known


@pytest.fixture(scope="module")
def folder(talkative: Talkative) -> Path:
    """With all files that commands name, and a topic."""
    (talkative.folder / "offsets.json").write_text('{"partitions": []}')
    (talkative.folder / "cluster.yaml").write_text(
        f"users:\n  carol:\n    scram-sha-256: {{password: {{file: {talkative.folder}/carol}}}}\n"
    )
    (talkative.folder / "carol").write_text(f"carols-{PLANTED}")
    made = talkative.run("topics", talkative.login("alice", PLAIN), "--create", "--topic", "t", "--if-not-exists")
    assert made.returncode == 0, made.stderr
    sent = pk("console-producer", "--bootstrap-server", talkative.secured, "--producer.config",
              talkative.login("alice", PLAIN), "--topic", "t", stdin="a\nb\n")  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    return talkative.folder


@pytest.mark.parametrize("name", [name for name in CONNECTED if name not in STARTED_APART])
def test_no_command_prints_the_password_that_it_was_given(name: str, talkative: Talkative, folder: Path) -> None:
    shown = [
        _shown_by(name, talkative, talkative.login("alice", password), folder)
        for password in (PLAIN, WRONG)
    ]  # fmt: skip

    assert [text for text in shown if PLANTED in text] == []
    assert ["SaslAuthenticate" in text for text in shown] == [True, True]


@pytest.mark.parametrize(
    "name", ["topics", "console-consumer", "console-producer", "copy", "doctor", "replica-verification"]
)
@pytest.mark.parametrize("fault", FAULTY)
def test_no_error_about_settings_shows_a_secret(fault: str, name: str, talkative: Talkative, folder: Path) -> None:
    file = folder / "faulty.properties"
    file.write_text(f"security.protocol=SASL_SSL\nssl.truststore.location={folder}/trust.pem\n{FAULTY[fault]}\n")

    shown = _shown_by(name, talkative, str(file), folder)

    assert shown
    assert PLANTED not in shown


def _shown_by(name: str, talkative: Talkative, file: str, folder: Path) -> str:
    """All that a command prints, when it says all it can."""
    words = [
        word.format(server=talkative.secured, file=file, folder=folder) for word in LINES.get(name, PLAIN_ADMIN).split()
    ]
    done = pk(name, *words, "--show-wire", "--debug", stdin="a\n")
    return done.stdout + done.stderr


@pytest.mark.parametrize("password", [PLAIN, WRONG])
def test_no_page_shows_a_secret(password: str, talkative: Talkative, folder: Path) -> None:
    """Of all pages of `pk ui` that its first page leads to, as documents as well."""
    file = talkative.login("alice", password, name="ui")
    shown = UiProcess(folder, talkative.secured, "--command-config", file)
    try:
        seen, waiting = dict[str, str](), ["/"]
        with httpx.Client(base_url=shown.url, timeout=120, follow_redirects=True) as browser:
            while waiting and len(seen) < MOST_PAGES:
                path = waiting.pop(0)
                if path not in seen:
                    seen[path] = browser.get(path).text
                    links = re.findall(r'href="(/[^"#]*)"', seen[path])
                    waiting += [html.unescape(link) for link in links if not link.startswith("/static")]
    finally:
        shown.stop()

    assert len(seen) > 5
    assert [path for path, text in seen.items() if PLANTED in text] == []
    assert PLANTED not in shown.said()


def test_the_names_of_clusters_come_without_their_secrets(talkative: Talkative, folder: Path) -> None:
    file, named = talkative.login("alice", PLAIN, name="named"), folder / "named.yaml"
    env = {**os.environ, "PK_CONFIG": str(named)}
    shown = [
        pk("config", *words, "--debug", env=env)
        for words in (
            ("set", "here", "--bootstrap-server", talkative.secured, "--command-config", file),
            ("use", "here"), ("list",), ("list", "--output", "json"), ("remove", "here"),
        )
    ]  # fmt: skip

    assert [done.returncode for done in shown] == [0] * 5, shown
    assert file in shown[3].stdout
    assert [done for done in shown if PLANTED in done.stdout + done.stderr] == []


def test_a_proxy_shows_no_secret_that_passes(talkative: Talkative, folder: Path) -> None:
    """Logins pass it in clear text, and a delegation token comes back."""
    command = [PK, "wire", talkative.open, "--output", "json", "--full"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            assert proxy.stderr is not None
            port = re.findall(r":(\d+)", proxy.stderr.readline() or "")[-1]
            for password in (PLAIN, WRONG):
                file = talkative.login("alice", password, name="open", protocol="SASL_PLAINTEXT")
                pk("delegation-tokens", "--bootstrap-server", f"127.0.0.1:{port}", "--command-config", file, "--create",
                   "--max-life-time-period", "-1")  # fmt: skip
        finally:
            proxy.send_signal(signal.SIGINT)
        said = proxy.stdout.read() + proxy.stderr.read()

    assert "SaslAuthenticate" in said
    assert PLANTED not in said


@pytest.mark.parametrize("password", [f"right-{PLANTED}", f"wrong-{PLANTED}"])
def test_tools_of_zookeeper_show_no_secret(password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = "-Djava.security.auth.login.config="
    monkeypatch.setenv("KAFKA_OPTS", f"{java}{login_file(tmp_path, {'super': f'right-{PLANTED}'})}")
    server = PkZooKeeper(tmp_path, keys=f"superUser=super\nDigestAuthenticationProvider.superDigest=super:{PLANTED}")
    server.start()
    monkeypatch.setenv("KAFKA_OPTS", f"{java}{client_login_file(tmp_path, 'super', password)}")
    try:
        shown = [
            pk("zookeeper-shell", server.address, *words.split())
            for words in (f"addauth digest a:{PLANTED}", "get /", "getAcl /", "config")
        ]
        shown.append(pk("zookeeper-security-migration", "--zookeeper.acl", "secure", "--zookeeper.connect",
                        server.address))  # fmt: skip
    finally:
        server.kill()

    assert [done for done in shown if PLANTED in done.stdout + done.stderr] == []
    assert PLANTED not in server.said()


SERVER_FAULTS = {
    "a store that is none": "ssl.keystore.location={folder}/trust.pem\nssl.keystore.type=PKCS12\n"
    f"ssl.keystore.password={PLANTED}",
    "no end of a login": "sasl.enabled.mechanisms=PLAIN\n"
    f'listener.name.sasl_ssl.plain.sasl.jaas.config={MODULES["PLAIN"]} required user_a="{PLANTED}"',
    "a login without quotes": "sasl.enabled.mechanisms=PLAIN\n"
    f"listener.name.sasl_ssl.plain.sasl.jaas.config={MODULES['PLAIN']} required user_a=a-{PLANTED} b-{PLANTED};",
    "no number": f"delegation.token.secret.key={PLANTED}\ndelegation.token.max.lifetime.ms=x",
    "an encoder": f"password.encoder.secret={PLANTED}\npassword.encoder.iterations=x",
    "a store of ZooKeeper's": "zookeeper.ssl.client.enable=true\nzookeeper.ssl.keystore.location=/nowhere\n"
    f"zookeeper.ssl.keystore.password={PLANTED}",
}


@pytest.mark.parametrize("fault", SERVER_FAULTS)
def test_a_broker_that_refuses_to_start_shows_no_secret(fault: str, tmp_path: Path) -> None:
    (tmp_path / "trust.pem").write_text("no store")
    file = tmp_path / "server.properties"
    file.write_text(
        f"broker.id=0\nzookeeper.connect=127.0.0.1:9\nlog.dirs={tmp_path}/data\nlisteners=SASL_SSL://127.0.0.1:0\n"
        f"security.inter.broker.protocol=SASL_SSL\n{SERVER_FAULTS[fault].format(folder=tmp_path)}\n"
    )

    done = pk("server-start", str(file), "--override", "zookeeper.connection.timeout.ms=100")

    assert done.returncode == 1
    assert len(done.stdout + done.stderr) > 20
    assert PLANTED not in done.stdout + done.stderr


ZOOKEEPER_FAULTS = {
    "no such store": f"ssl.keyStore.location=/nowhere\nssl.keyStore.password={PLANTED}",
    "no number": f"DigestAuthenticationProvider.superDigest=super:{PLANTED}\ntickTime=x",
    "a login without quotes": "authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
}


@pytest.mark.parametrize("fault", ZOOKEEPER_FAULTS)
def test_a_zookeeper_server_that_refuses_to_start_shows_no_secret(fault: str, tmp_path: Path) -> None:
    file, login = tmp_path / "zookeeper.properties", tmp_path / "jaas"
    file.write_text(f"dataDir={tmp_path}/data\nclientPort=0\nsecureClientPort=0\n{ZOOKEEPER_FAULTS[fault]}\n")
    login.write_text(f"Server {{ a.DigestLoginModule required user_a=a-{PLANTED} b-{PLANTED}; }};\n")
    options = f"-Djava.security.auth.login.config={login}" if "quotes" in fault else ""

    done = pk("zookeeper-server-start", str(file), env={**os.environ, "KAFKA_OPTS": options})

    assert done.returncode == 1
    assert PLANTED not in done.stdout + done.stderr


USER = "configs --alter --entity-type users --entity-name a"
FORMAT = "storage format -t a -c {file}"


@pytest.mark.parametrize("words", [
    f"{USER} --bootstrap-server 127.0.0.1:9 --add-config SCRAM-SHA-256=[password={PLANTED}",
    f"{USER} --bootstrap-server 127.0.0.1:9 --add-config SCRAM-SHA-1=[password={PLANTED}]",
    f"{USER} --bootstrap-server 127.0.0.1:9 --add-config SCRAM-SHA-256=[iterations=1,password={PLANTED}]",
    f"{USER} --zookeeper 127.0.0.1:9 --add-config SCRAM-SHA-256=[iterations=1,password={PLANTED}]",
    f"configs --bootstrap-server 127.0.0.1:9 --alter --broker 0 --add-config ssl.keystore.password={PLANTED}",
    f"{FORMAT} --add-scram SCRAM-SHA-256=[name=a,password={PLANTED}",
    f"{FORMAT} --add-scram SCRAM-SHA-256=[name=a,iterations=1,password={PLANTED}]",
    f"delegation-tokens --bootstrap-server 127.0.0.1:9 --renew --hmac {PLANTED} --renew-time-period -1",
    f"delegation-tokens --bootstrap-server 127.0.0.1:9 --expire --hmac {PLANTED}= --expiry-time-period -1",
])  # fmt: skip
def test_an_error_does_not_repeat_a_password_among_the_words(words: str, tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text(
        f"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9\nlog.dirs={tmp_path}\n"
    )

    done = pk(*words.format(file=file).split())

    assert done.returncode != 0
    assert done.stdout + done.stderr
    assert PLANTED not in done.stdout + done.stderr


def test_files_with_credentials_are_for_their_owner_alone(talkative: Talkative, folder: Path) -> None:
    stored = talkative.run("configs", talkative.login("alice", PLAIN), "--alter", "--entity-type", "users",
                           "--entity-name", "dora", "--add-config", f"SCRAM-SHA-256=[password={SCRAM}]")  # fmt: skip
    assert stored.returncode == 0, stored.stderr

    files = [file for file in talkative.zookeeper.data.rglob("*") if file.is_file()]
    with_credentials = [file for file in files if b"stored_key=" in file.read_bytes()]

    assert with_credentials
    assert [file.name for file in with_credentials if file.stat().st_mode & 0o077] == []
