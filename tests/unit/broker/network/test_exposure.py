"""What a broker warns of, and where it listens when nobody says."""

import pytest

from pykafka_cli.broker.network.exposure import exposures
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property


def settings(**given: str) -> BrokerSettings:
    named = {"zookeeper.connect": "z", **{name.replace("_", "."): text for name, text in given.items()}}
    return BrokerSettings(Property(name, text, 0) for name, text in named.items())


def warnings(listener: str, **more: str) -> list[str]:
    its = settings(listeners=f"{listener},INSIDE://localhost:1", inter_broker_listener_name="INSIDE",
                   advertised_listeners="INSIDE://localhost:1", listener_security_protocol_map=MAP, **more)  # fmt: skip
    return [line for each in its.listener_list for line in exposures(its, each)]


MAP = "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,INSIDE:PLAINTEXT"


@pytest.mark.parametrize(
    ("listener", "more", "words"),
    [
        ("PLAINTEXT://:9092", {}, "requires no login"),
        ("PLAINTEXT://0.0.0.0:9092", {}, "requires no login"),
        ("PLAINTEXT://broker.example:9092", {}, "requires no login"),
        ("PLAINTEXT://[::]:9092", {}, "requires no login"),
        ("SSL://:9093", {}, "requires no login"),
        ("SSL://:9093", {"ssl_client_auth": "requested"}, "requires no login"),
        (
            "SASL_PLAINTEXT://:9094",
            {"sasl_enabled_mechanisms": "PLAIN,SCRAM-SHA-256"},
            "PLAIN sends secrets in clear text",
        ),
        (
            "SASL_PLAINTEXT://:9094",
            {"sasl_enabled_mechanisms": "OAUTHBEARER"},
            "OAUTHBEARER sends secrets in clear text",
        ),
    ],
)
def test_a_listener_that_helps_strangers_is_named(listener: str, more: dict[str, str], words: str) -> None:
    (line,) = warnings(listener, **more)

    assert line.startswith(f"listener {listener} can be reached from other machines")
    assert words in line


@pytest.mark.parametrize(
    ("listener", "more"),
    [
        ("PLAINTEXT://localhost:9092", {}),
        ("PLAINTEXT://127.0.0.1:9092", {}),
        ("PLAINTEXT://[::1]:9092", {}),
        ("SSL://:9093", {"ssl_client_auth": "required"}),
        ("SASL_SSL://:9093", {"sasl_enabled_mechanisms": "PLAIN"}),
        ("SASL_PLAINTEXT://:9094", {"sasl_enabled_mechanisms": "SCRAM-SHA-256,GSSAPI"}),
    ],
)
def test_a_listener_that_does_not_is_not(listener: str, more: dict[str, str]) -> None:
    assert warnings(listener, **more) == []


@pytest.mark.parametrize(
    ("given", "listeners", "advertised"),
    [
        ({}, "PLAINTEXT://localhost:9092", "PLAINTEXT://localhost:9092"),
        ({"listeners": "PLAINTEXT://:9092"}, "PLAINTEXT://:9092", "PLAINTEXT://:9092"),
        ({"advertised_listeners": "PLAINTEXT://b:1"}, "PLAINTEXT://:9092", "PLAINTEXT://b:1"),
    ],
)
def test_only_this_machine_can_connect_unless_a_setting_says_otherwise(
    given: dict[str, str], listeners: str, advertised: str
) -> None:
    its = settings(**given)

    assert (str(its.listener_list[0]), str(its.advertised_listener_list[0])) == (listeners, advertised)
