from pathlib import Path

import pytest

from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.properties.keys import BadProperty, ConfigError
from pykafka_cli.properties.zookeeper import READ_ONLY_WORDS, ZooKeeperSettings
from pykafka_cli.zookeeper.server.four_letter_words import WORDS

SAMPLE = Path(__file__).resolve().parents[3] / "config/zookeeper.properties"
NEEDED = "dataDir=data\nclientPort=2181\n"


def settings(text: str = "") -> ZooKeeperSettings:
    return ZooKeeperSettings(read_properties((NEEDED + text).encode()))


def test_the_sample_is_understood_to_its_last_key() -> None:
    sample = ZooKeeperSettings(read_properties(SAMPLE.read_bytes()))

    assert (sample.warnings, sample.without_effect) == ([], [])
    assert (sample.data_dir, sample.client_port, sample.tick_time) == ("data/zookeeper", 2181, 2000)
    assert (sample.max_client_cnxns, sample.admin_enable_server) == (0, False)
    assert (sample.autopurge_purge_interval, sample.autopurge_snap_retain_count) == (1, 3)


def test_the_sample_allows_every_word_that_changes_nothing() -> None:
    sample = ZooKeeperSettings(read_properties(SAMPLE.read_bytes()))

    assert {word for word in WORDS if not sample.allows_word(word)} == {"srst", "crst"}
    assert set(READ_ONLY_WORDS.split(", ")) == set(WORDS) - {"srst", "crst"}


def test_defaults_are_zookeepers() -> None:
    default = settings()

    assert (default.tick_time, default.max_client_cnxns, default.snap_count) == (3000, 60, 100_000)
    assert (default.pre_alloc_size, default.autopurge_purge_interval) == (65_536, 0)
    assert default.session_timeouts == (6000, 60_000)
    assert default.directories == ("data", "data")
    assert (default.allows_word("srvr"), default.allows_word("ruok")) == (True, False)


def test_session_timeouts_follow_the_tick_unless_they_are_set() -> None:
    assert settings("tickTime=500").session_timeouts == (1000, 10_000)
    assert settings("tickTime=500\nminSessionTimeout=100").session_timeouts == (100, 10_000)
    assert settings("maxSessionTimeout=90000").session_timeouts == (6000, 90_000)


def test_logs_may_have_a_directory_of_their_own() -> None:
    assert settings("dataLogDir=logs").directories == ("data", "logs")


def test_a_star_allows_all_words() -> None:
    assert settings("4lw.commands.whitelist=*").allows_word("crst")


def test_an_unknown_key_is_named_with_its_line_and_what_was_meant() -> None:
    assert settings("\ntickTim=1").warnings == ["line 4: unknown key tickTim is ignored; did you mean tickTime?"]


def test_keys_of_ensembles_and_of_java_are_known_and_said_to_change_nothing() -> None:
    given = settings("electionAlg=3\nserver.1=host:2888:3888\nmetricsProvider.httpPort=7000\nadmin.httpVersion=11")

    assert given.warnings == []
    assert given.without_effect == [
        "admin.httpVersion",
        "electionAlg",
        "metricsProvider.httpPort",
        "server.1",
    ]


def test_keys_of_ensembles_have_effect_in_one() -> None:
    given = settings("electionAlg=3\nserver.1=host:2888:3888\nserver.2=host:2889:3889\npeerType=observer")

    assert (given.warnings, given.without_effect) == ([], [])
    assert [line.key for line in given.server_lines] == ["server.1", "server.2"]


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("clientPort=1", False),
        ("clientPort=1\nserver.1=a:1:2", False),
        ("server.1=a:1:2;2181", True),
        ("clientPort=1\nserver.1=a:1:2\nserver.2=b:1:2", True),
        ("clientPort=1\nstandaloneEnabled=false", True),
        ("dynamicConfigFile=zoo.cfg.dynamic", True),
    ],
)
def test_more_servers_or_a_file_with_them_may_make_an_ensemble(text: str, possible: bool) -> None:
    assert ZooKeeperSettings(read_properties(f"dataDir=data\n{text}".encode())).may_be_distributed is possible


def test_the_address_for_clients_may_come_from_elsewhere() -> None:
    moved = settings("clientPortAddress=here\ntickTime=7").with_client_address(None, 2999)

    assert (moved.client_port, moved.client_port_address, moved.tick_time) == (2999, None, 7)


def test_fewer_than_three_snapshots_are_never_kept() -> None:
    assert settings("autopurge.snapRetainCount=1").autopurge_snap_retain_count == 3


@pytest.mark.parametrize(
    ("text", "key", "value", "why"),
    [
        ("tickTime=fast", "tickTime", "fast", "Not a number"),
        ("tickTime=0", "tickTime", "0", "at least 1"),
        ("clientPort=65536", "clientPort", "65536", "no more than 65535"),
        ("snapCount=1", "snapCount", "1", "at least 2"),
        ("minSessionTimeout=9\nmaxSessionTimeout=8", "minSessionTimeout", "9", "at least 9 and at most 8 ms"),
        ("maxSessionTimeout=8", "maxSessionTimeout", "8", "at least 6000 and at most 8 ms"),
        ("secureClientPort=65536", "secureClientPort", "65536", "no more than 65535"),
        ("ssl.clientAuth=maybe", "ssl.clientAuth", "maybe", "NEED, WANT, NONE"),
        ("ssl.keyStore.type=BCFKS", "ssl.keyStore.type", "BCFKS", "JKS, PEM, PKCS12"),
        ("ssl.protocol=SSLv3", "ssl.protocol", "SSLv3", "TLSv1.2"),
        ("enforce.auth.enabled=true", "enforce.auth.enabled", "true", "enforce.auth.schemes must be set"),
        ("requireClientAuthScheme=x509", "requireClientAuthScheme", "x509", "not among those of this server"),
        ("authProvider.1=a.B", "authProvider.1", "a.B", "this server authenticates by"),
    ],
)
def test_a_bad_value_is_named_with_its_key_and_line(text: str, key: str, value: str, why: str) -> None:
    with pytest.raises(BadProperty, match=why) as refused:
        settings(text)

    assert (refused.value.key, str(refused.value.value), refused.value.line) == (key, value, 3)


@pytest.mark.parametrize(("text", "missing"), [("clientPort=2181", "dataDir"), ("dataDir=data", "clientPort")])
def test_what_must_be_there_is_named(text: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=f"{missing} is not set"):
        ZooKeeperSettings(read_properties(text.encode()))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("audit.enable=true", "writes no audit log"),
        ("ssl.crl=true", "consults no revocation lists"),
        ("ssl.ocsp=true", "does not use OCSP"),
        ("ssl.context.supplier.class=a.B", "runs no Java classes"),
        ("authProvider.1=a.B", "this server authenticates by"),
    ],
)
def test_security_that_is_not_there_refuses_to_start(line: str, words: str) -> None:
    with pytest.raises(BadProperty, match=words) as refused:
        settings(line)

    assert "remove it to start without" in str(refused.value)


ENSEMBLE = "server.1=a:1:2\nserver.2=b:1:2\n"


@pytest.mark.parametrize("line", ["sslQuorum=true", "quorum.auth.enableSasl=true", "oraclePath=/chip"])
def test_security_between_servers_refuses_to_start_an_ensemble_only(line: str) -> None:
    with pytest.raises(BadProperty, match="remove it to start without"):
        settings(ENSEMBLE + line)

    assert settings(line).without_effect == [line.partition("=")[0]]


def test_defaults_of_such_security_change_nothing() -> None:
    given = "enforce.auth.enabled=false\nsessionRequireClientSASLAuth=false\naudit.enable=false\nssl.crl=false"

    assert settings(given).client_port == 2181


def test_a_server_may_have_a_port_for_tls_alone() -> None:
    given = ZooKeeperSettings(read_properties(b"dataDir=data\nsecureClientPort=2182"))

    assert (given.client_port, given.secure_client_port) == (None, 2182)
    assert (given.tls_protocol, given.ssl_client_auth) == ("TLSv1.2", "need")


@pytest.mark.parametrize("port", ["clientPort", "secureClientPort"])
def test_an_address_needs_its_port(port: str) -> None:
    text = NEEDED.replace("clientPort=2181", "secureClientPort=1" if port == "clientPort" else "clientPort=1")

    with pytest.raises(ConfigError, match=f"{port}Address is set but {port} is not set"):
        ZooKeeperSettings(read_properties(f"{text}{port}Address=localhost".encode()))


@pytest.mark.parametrize(
    ("text", "schemes"),
    [
        ("", {"digest", "ip"}),
        ("DigestAuthenticationProvider.enabled=false", {"ip"}),
        ("secureClientPort=2182", {"digest", "ip", "x509"}),
        ("authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider", {"digest", "ip", "sasl"}),
        ("authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider", {"digest", "ip", "x509"}),
    ],
)
def test_schemes_are_those_that_keys_bring(text: str, schemes: set[str]) -> None:
    assert settings(text).schemes == schemes
    assert settings(text).warnings == []


@pytest.mark.parametrize(
    ("text", "schemes"),
    [
        ("", set()),
        ("requireClientAuthScheme=sasl", {"sasl"}),
        ("sessionRequireClientSASLAuth=true", {"sasl"}),
        ("enforce.auth.enabled=true\nenforce.auth.schemes=sasl,digest", {"sasl", "digest"}),
        ("enforce.auth.schemes=sasl", set()),
    ],
)
def test_clients_must_authenticate_by_what_keys_require(text: str, schemes: set[str]) -> None:
    assert settings(text).required_schemes == schemes


def test_there_may_be_several_super_users() -> None:
    assert settings("superUser=kafka\nsuperUser.1=admin").sasl_super_users == {"kafka", "admin"}


def test_a_key_in_the_wrong_case_is_not_taken_for_another() -> None:
    (warning,) = settings("ssl.keystore.location=x").warnings

    assert "did you mean ssl.keyStore.location?" in warning
