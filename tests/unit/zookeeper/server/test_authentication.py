import pytest

from pykafka_cli.zookeeper.protocol.errors import AuthFailed
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.server.acl import SUPER
from pykafka_cli.zookeeper.server.authentication import Authentication, digest_of

LOCAL = Id("ip", "127.0.0.1")
ALICE = Id("digest", "alice:JYdjG/dL2+v79QyuS8/0gpT+rQQ=")
CERTIFIED = Id("x509", "CN=alice")
PLAIN = Authentication()


def test_a_digest_is_what_zookeeper_stores() -> None:
    assert digest_of(b"alice:alice-secret") == ALICE.id


def test_a_digest_may_be_by_another_algorithm() -> None:
    by_sha256 = Authentication(digest_algorithm="sha256").by_packet("digest", b"a:b", [LOCAL])

    # echo -n a:b | openssl dgst -sha256 -binary | base64
    assert by_sha256 == [Id("digest", "a:Z4OjHqv2jMwGYPk1wIJigr3SJB86gKny0Q1Zrqnrtdg=")]


def test_authentication_by_name_and_password_gives_a_digest() -> None:
    assert PLAIN.by_packet("digest", b"alice:alice-secret", [LOCAL]) == [ALICE]


def test_who_has_the_configured_digest_is_super_as_well() -> None:
    authentication = Authentication(super_digest=ALICE.id)

    assert authentication.by_packet("digest", b"alice:alice-secret", [LOCAL]) == [SUPER, ALICE]
    assert authentication.by_packet("digest", b"bob:b", [LOCAL]) == [Id("digest", digest_of(b"bob:b"))]


@pytest.mark.parametrize("scheme", ["world", "auth", "super", "kerberos", "sasl", "x509", None])
def test_nobody_authenticates_by_another_scheme(scheme: str | None) -> None:
    with pytest.raises(AuthFailed):
        PLAIN.by_packet(scheme, b"", [LOCAL])


def test_an_address_and_a_certificate_prove_themselves() -> None:
    authentication = Authentication(frozenset({"ip", "x509"}))

    assert authentication.by_packet("ip", b"", [LOCAL, CERTIFIED]) == [LOCAL]
    assert authentication.by_packet("x509", b"", [LOCAL, CERTIFIED]) == [CERTIFIED]
    with pytest.raises(AuthFailed, match="has shown no certificate"):
        authentication.by_packet("x509", b"", [LOCAL])
    with pytest.raises(AuthFailed, match="'digest' is not supported"):
        authentication.by_packet("digest", b"a:b", [LOCAL])


def test_a_login_is_not_made_by_a_packet() -> None:
    with pytest.raises(AuthFailed):
        Authentication(frozenset({"sasl"}), passwords={"a": "b"}).by_packet("sasl", b"a", [LOCAL])


def test_super_users_are_those_of_the_settings() -> None:
    authentication = Authentication(super_subject="CN=alice", super_users=frozenset({"admin"}))

    assert authentication.by_certificate("CN=alice") == [Id("super", "CN=alice"), CERTIFIED]
    assert authentication.by_certificate("CN=bob") == [Id("x509", "CN=bob")]
    assert authentication.by_login("admin") == [Id("sasl", "admin"), SUPER]
    assert authentication.by_login("bob") == [Id("sasl", "bob")]


def test_a_client_is_served_if_it_has_one_of_the_required_identities() -> None:
    authentication = Authentication(required=frozenset({"sasl", "x509"}))

    assert PLAIN.serves([LOCAL])
    assert not authentication.serves([LOCAL, ALICE, SUPER])
    assert authentication.serves([LOCAL, CERTIFIED])


def test_passwords_are_not_shown() -> None:
    shown = repr(Authentication(passwords={"alice": "s3cret"}, super_digest="super:h4sh"))

    assert "s3cret" not in shown
    assert "h4sh" not in shown
