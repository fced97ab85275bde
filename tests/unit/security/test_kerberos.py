"""What properties say of Kerberos, as far as no tickets are needed; with tickets: tests/compat/test_kerberos.py."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security import kerberos
from pykafka_cli.security.sasl import sasl_exchange
from tests.support import peers

MODULE = "com.sun.security.auth.module.Krb5LoginModule"


def properties(login: str, **more: str) -> dict[str, str]:
    return {"security.protocol": "SASL_SSL", "sasl.jaas.config": f"{login};", **more}


def refusal(of: Mapping[str, str]) -> str:
    with pytest.raises(BadClientSetting) as raised:
        sasl_exchange(SecuritySettings(of), "localhost")
    return str(raised.value)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kerberos, "find_spec", lambda name: None)

    assert "pip install 'pk-kafka[kerberos]'" in refusal(properties(f"{MODULE} required useTicketCache=true"))


@pytest.mark.usefixtures("package")
class TestWithThePackage:
    @pytest.fixture
    def package(self) -> None:
        peers.gssapi()

    def test_it_is_the_mechanism_where_none_is_named(self) -> None:
        exchange = sasl_exchange(
            SecuritySettings(properties(f"{MODULE} required useTicketCache=true serviceName=kafka")), "localhost"
        )

        assert exchange
        assert exchange.mechanism == "GSSAPI"

    def test_another_login_module_is_rejected(self) -> None:
        assert "needs Krb5LoginModule in sasl.jaas.config, not a.B" in refusal(properties("a.B required"))

    def test_the_service_must_be_named(self) -> None:
        assert "No serviceName defined" in refusal(properties(f"{MODULE} required useTicketCache=true"))

    def test_the_service_must_not_be_named_differently_in_two_places(self) -> None:
        login = f"{MODULE} required useTicketCache=true serviceName=kafka"

        assert "Conflicting serviceName values" in refusal(properties(login, **{"sasl.kerberos.service.name": "k"}))

    def test_a_keytab_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        login = f'{MODULE} required serviceName=kafka useKeyTab=true keyTab="FILE:{tmp_path}/none"'

        assert refusal(properties(login)) == f"keyTab {tmp_path}/none: no such file or directory"

    def test_tickets_must_come_from_somewhere(self) -> None:
        assert "needs useTicketCache=true, or useKeyTab=true" in refusal(
            properties(f"{MODULE} required serviceName=kafka")
        )
