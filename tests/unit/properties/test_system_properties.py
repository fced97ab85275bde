"""What KAFKA_OPTS says to our servers."""

import pytest

from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.jaas import login_file
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.system_properties import given, of_broker, of_zookeeper


def test_properties_are_read_as_a_shell_splits_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_OPTS", "-Dzookeeper.4lw.commands.whitelist=* -Xmx1g '-Da=b c' -Dflag")

    assert given() == {"zookeeper.4lw.commands.whitelist": "*", "a": "b c", "flag": ""}


def test_options_that_no_shell_could_split_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_OPTS", "-Da='b")

    with pytest.raises(ConfigError, match="KAFKA_OPTS cannot be read"):
        given()


def test_zookeeper_reads_its_own_and_names_the_others() -> None:
    meaning = of_zookeeper({
        "zookeeper.4lw.commands.whitelist": "*",
        "jute.maxbuffer": "4000000",
        "zookeeper.authProvider.1": "x.Y",
        "zookeeper.dataDir": "/nowhere",
        "java.net.preferIPv4Stack": "true",
    })  # fmt: skip

    assert meaning.lines == [
        Property("4lw.commands.whitelist", "*", 0),
        Property("jute.maxbuffer", "4000000", 0),
        Property("authProvider.1", "x.Y", 0),
    ]
    assert meaning.ignored == ["zookeeper.dataDir", "java.net.preferIPv4Stack"]


def test_a_broker_reads_a_login_file_and_names_the_others() -> None:
    meaning = of_broker({"java.security.auth.login.config": "jaas.conf", "log4j.configuration": "file:x"})

    assert (meaning.lines, meaning.ignored) == ([], ["log4j.configuration"])


def test_a_broker_reads_how_it_reaches_zookeeper_in_the_terms_of_its_file() -> None:
    meaning = of_broker({
        "zookeeper.ssl.trustStore.location": "trust.pem",
        "zookeeper.client.secure": "true",
        "zookeeper.ssl.hostnameVerification": "false",
        "zookeeper.sasl.clientconfig": "Other",
    })  # fmt: skip

    assert meaning.lines == [
        Property("zookeeper.ssl.client.enable", "true", 0),
        Property("zookeeper.ssl.truststore.location", "trust.pem", 0),
        Property("zookeeper.ssl.endpoint.identification.algorithm", "", 0),
    ]
    assert meaning.ignored == []


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ("-Djava.security.auth.login.config=/etc/kafka/jaas.conf", "/etc/kafka/jaas.conf"),
        ("-Xmx1g '-Djava.security.auth.login.config=/a folder/jaas.conf'", "/a folder/jaas.conf"),
        ("-Djava.security.auth.login.config==/only/this", "/only/this"),
        ("-Djava.security.auth.login.configuration=/other", None),
        ("", None),
    ],
)
def test_the_login_file_may_have_any_path(options: str, file: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_OPTS", options)

    assert login_file() == file
