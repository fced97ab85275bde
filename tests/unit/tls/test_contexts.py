"""What OpenSSL gets. Versions and suites by a client's properties are in unit/security/test_tls.py."""

import ssl

import pytest

from pykafka_cli.tls.contexts import BadTlsSetting, choose_versions, show, trust
from pykafka_cli.tls.stores import BadStore, Identity
from tests.support.certificates import PASSWORD, identity


@pytest.fixture
def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def test_suites_choose_the_versions_where_none_are_named(context: ssl.SSLContext) -> None:
    choose_versions(context, (), ["TLS_AES_256_GCM_SHA384"])

    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_the_setting_at_fault_is_named(context: ssl.SSLContext) -> None:
    with pytest.raises(BadTlsSetting) as raised:
        choose_versions(context, ("SSLv3",), None)

    assert raised.value.key == "ssl.enabled.protocols"


def test_a_certificate_that_is_trusted_need_not_be_a_root(context: ssl.SSLContext) -> None:
    trust(context, identity("localhost").certificate)

    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN


def test_an_identity_is_shown_only_with_its_password(context: ssl.SSLContext) -> None:
    own = identity("localhost")

    show(context, Identity(own.certificate + own.encrypted_key, PASSWORD))
    with pytest.raises(BadStore, match=r"check the\.key, and that the certificate belongs to the key"):
        show(context, Identity(own.certificate + own.encrypted_key, "guess"), "the.key")


def test_text_without_certificates_is_no_trust_store(context: ssl.SSLContext) -> None:
    with pytest.raises(BadStore, match="Failed to load the SSL truststore"):
        trust(context, "nothing")
