"""Logins as Java's clients are configured."""

from pathlib import Path

import pytest

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.jaas import login, required_option


@pytest.fixture(autouse=True)
def no_java_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_OPTS", raising=False)


def of(text: str) -> Login:
    return login(SecuritySettings({"sasl.jaas.config": text}))


def test_a_login_has_a_module_and_options() -> None:
    its = of('org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password=secret;')

    assert its.name == "PlainLoginModule"
    assert its.options == {"username": "alice", "password": "secret"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"a;b c=d"', "a;b c=d"),
        (r'"say \"so\""', 'say "so"'),
        (r'"back\\slash"', "back\\slash"),
        (r'"tab\there"', "tab\there"),
        (r'"\101\1012\8"', "AA28"),
        ("'it is \"so\"'", 'it is "so"'),
        ('"// no comment"', "// no comment"),
        ('"grün"', "grün"),
        ('""', ""),
    ],
)
def test_values_in_quotes_are_read_as_java_reads_them(written: str, meant: str) -> None:
    assert of(f"a.B required password={written};").options == {"password": meant}


def test_comments_are_left_out() -> None:
    assert of("a.B /* who */ required // why\n x=y;").options == {"x": "y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Login module not specified in JAAS config"),
        ("PlainLoginModule", "Login module control flag is not available"),
        ("a.B needed;", "Invalid login module control flag '.hidden.' in JAAS config"),
        ('a.B required username "x";', "Value not specified for key 'username'"),
        ("a.B required username=x", "not terminated by semi-colon"),
        ("a.B required password=a+b;", "[+] is unexpected; quote values that contain special characters"),
        ("a.B required; c.D required;", "contains 2 login modules, should be 1 module"),
    ],
)
def test_a_login_that_cannot_be_read_is_rejected(text: str, message: str) -> None:
    with pytest.raises(BadClientSetting, match=message):
        of(text)


def test_without_a_login_it_is_said_where_one_belongs() -> None:
    with pytest.raises(BadClientSetting, match=r"Could not find a 'KafkaClient' entry.*set sasl\.jaas\.config"):
        login(SecuritySettings({}))


def test_an_option_that_is_missing_is_named() -> None:
    with pytest.raises(BadClientSetting, match="has no password"):
        required_option(of("a.B required username=x;"), "password")


def test_java_options_may_name_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "jaas.conf"
    file.write_text('KafkaServer { a.B required; };\n\nKafkaClient {\n  c.D required\n  username="alice";\n};\n')
    monkeypatch.setenv("KAFKA_OPTS", f"-Xmx1g -Djava.security.auth.login.config={file} -Dx=y")

    assert login(SecuritySettings({})) == Login("c.D", {"username": "alice"})


def test_a_file_without_the_entry_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "jaas.conf"
    file.write_text("KafkaServer { a.B required; };\n")
    monkeypatch.setenv("KAFKA_OPTS", f"-Djava.security.auth.login.config={file}")

    with pytest.raises(
        BadClientSetting, match=f"Could not find a 'KafkaClient' entry in the JAAS configuration {file}"
    ):
        login(SecuritySettings({}))


def test_a_file_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_OPTS", f"-Djava.security.auth.login.config={tmp_path}/none")

    with pytest.raises(BadClientSetting, match="none: No such file"):
        login(SecuritySettings({}))
