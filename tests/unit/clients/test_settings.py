"""Properties of clients."""

from pathlib import Path

import pytest

from pykafka_cli.clients.settings import (
    Address,
    BadAddress,
    BadClientSetting,
    ClientSettings,
    parse_addresses,
    read_property_file,
    read_settings,
)


def test_times_come_out_in_seconds() -> None:
    settings = ClientSettings({"request.timeout.ms": "1500", "default.api.timeout.ms": " 2000 "})

    assert settings.request_timeout == 1.5
    assert settings.api_timeout == 2.0


def test_defaults_are_kafkas_but_for_connecting() -> None:
    settings = read_settings(None)

    assert (settings.request_timeout, settings.api_timeout) == (30, 60)
    assert settings.connect_timeout < 3


def test_a_time_that_is_no_number_is_rejected() -> None:
    with pytest.raises(
        BadClientSetting, match=r"Invalid value soon for configuration request.timeout.ms: Not a number"
    ):
        _ = ClientSettings({"request.timeout.ms": "soon"}).request_timeout


def test_a_file_is_read_as_java_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("# a comment\nclient.id = one\nclient.id: two\nrequest.timeout.ms 30000\n")

    assert read_property_file(str(file)) == {"client.id": "two", "request.timeout.ms": "30000"}


def test_a_missing_file_is_named_first(tmp_path: Path) -> None:
    absent = tmp_path / "absent.properties"

    with pytest.raises(BadClientSetting, match=f"^{absent}: no such file"):
        read_settings(str(absent))


def test_a_malformed_file_is_reported_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("a=1\nb=\\u12\n")

    with pytest.raises(BadClientSetting, match="line 2"):
        read_settings(str(file))


def test_what_has_no_effect_in_a_file_is_named_once(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("interceptor.classes=a.B\nmetric.reporters=a.B\nretry.backoff.ms=250\nno.such.key=1\n")
    warnings: list[str] = []

    settings = read_settings(str(file), {"client.id": "tool"}, warnings.append)

    assert warnings == ["These properties have no effect here: interceptor.classes, metric.reporters, no.such.key"]
    assert (settings.client_id, settings.retry_pause) == ("tool", 0.25)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("retries=-1", "Invalid value -1 for configuration retries: Value must be at least 0"),
        ("default.api.timeout.ms=1000", "must be no smaller than the value of request.timeout.ms"),
        ("security.protocol=TLS", r"String must be one of \(case insensitive\): SASL_SSL, PLAINTEXT"),
        ("security.protocol=SASL_SSL\nsasl.mechanism=", "mechanism must be non-null and non-empty string"),
        ("sasl.login.callback.handler.class=a.B", "Class a.B could not be found"),
    ],
)
def test_a_value_that_cannot_be_is_rejected(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "client.properties"
    file.write_text(line)

    with pytest.raises(BadClientSetting, match=message):
        read_settings(str(file))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:1", [Address("a", 1)]),
        ("a:1, b:2,", [Address("a", 1), Address("b", 2)]),
        ("PLAINTEXT://a:1", [Address("a", 1)]),
        ("[::1]:9092", [Address("::1", 9092)]),
    ],
)
def test_bootstrap_servers_are_hosts_with_ports(text: str, expected: list[Address]) -> None:
    assert parse_addresses(text) == expected


@pytest.mark.parametrize("text", ["", "nohost", "a:", "a:70000", "a b:1"])
def test_a_bootstrap_server_without_a_port_is_rejected(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_addresses(text)


def test_a_bootstrap_server_with_a_login_is_rejected_and_the_login_not_shown() -> None:
    with pytest.raises(BadAddress, match=r"Invalid url in bootstrap.servers: \[hidden\]@a:x"):
        parse_addresses("alice:a-secret@a:x")
