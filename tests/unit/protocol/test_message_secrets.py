"""No message of any API shows a secret, whatever field it is in."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import PASSWORD
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.codec import schema_of
from pykafka_cli.protocol.message_documents import SECRET, document
from pykafka_cli.protocol.message_fields import structure_of
from tests.support.samples import sample

TEXT, DATA = "hidden-text", b"hidden-bytes"
SHOWN_FORMS = [
    form for each in (TEXT.encode(), DATA) for form in (each.decode(), each.hex(), base64.b64encode(each).decode())
]
NEWEST_VERSION = 20
KAFKAS_SECRETS = {
    "delegation.token.master.key", "delegation.token.secret.key", "password.encoder.old.secret",
    "password.encoder.secret", "sasl.jaas.config", "ssl.key.password", "ssl.keystore.certificate.chain",
    "ssl.keystore.key", "ssl.keystore.password", "ssl.truststore.certificates", "ssl.truststore.password",
    "zookeeper.ssl.keystore.password", "zookeeper.ssl.truststore.password",
    "listener.name.internal.scram-sha-256.sasl.jaas.config", "listener.name.external.ssl.key.password",
}  # fmt: skip
"""Broker configs of type PASSWORD in 3.9 and 4.3, and two of a listener."""


def schemas_of(key: ApiKey) -> dict[str, Any]:
    """The requests and responses of all versions of an API."""
    found = {}
    for version in range(NEWEST_VERSION):
        for kind in ("request", "response"):
            with suppress(Exception):  # kio raises several types where there is no such version
                found[f"{kind} {version}"] = schema_of(key, version, kind)
    return found


def shown(schema: Any, config: str) -> str:
    """A message whose config is named so, whose value is secret, and that has secret bytes in every field of bytes."""
    given = {
        "bytes": DATA,
        "records": DATA,
        "name": config,
        "config_name": config,
        "key": config,
        "value": TEXT,
        "is_sensitive": False,
    }
    return json.dumps(document(sample(schema, given), lambda record: record.value))


@pytest.mark.parametrize("key", ApiKey, ids=lambda key: key.title)
def test_bytes_and_the_values_of_secret_configs_are_not_shown(key: ApiKey) -> None:
    found = {name: shown(schema, "ssl.key.password") for name, schema in schemas_of(key).items()}

    assert found
    assert [(name, form) for name, text in found.items() for form in SHOWN_FORMS if form in text] == []


def test_the_fields_that_are_secret_in_themselves_are_named() -> None:
    """So that one that Kafka adds is noticed, even if it is text."""
    words = ("hmac", "password", "salt", "auth", "secret", "token", "credential", "jaas")
    schemas = [schema for key in ApiKey for schema in schemas_of(key).values()]
    found = {name for each in schemas for name in names_of(each) if any(word in name for word in words)}

    assert found == {
        "auth_bytes", "cluster_authorized_operations", "authorized_operations",
        "credential_infos",
        "hmac", "include_cluster_authorized_operations", "include_authorized_operations",
        "include_topic_authorized_operations", "salt", "salted_password", "token_id",
        "token_requester_principal_name", "token_requester_principal_type", "tokens", "topic_authorized_operations",
    }  # fmt: skip


def names_of(schema: Any) -> Iterator[str]:
    """The names of all fields of a message, also of those within."""
    for field in fields(schema):
        yield field.name
        structure, _ = structure_of(field)
        if structure is not None:
            yield from names_of(structure)


SETTINGS = (BrokerSettings, ConsumerSettings, ProducerSettings)
OURS = {key.name for each in SETTINGS for key in each.KEYS.values() if key.type is PASSWORD}


@pytest.mark.parametrize("config", sorted(KAFKAS_SECRETS | OURS))
@pytest.mark.parametrize("api", [ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS, ApiKey.CREATE_TOPICS])
def test_configs_with_a_password_are_not_shown(config: str, api: ApiKey) -> None:
    found = shown(schema_of(api, 0 if api is not ApiKey.CREATE_TOPICS else 5, "request"), config)

    assert TEXT not in found
    assert SECRET in found


@pytest.mark.parametrize("config", ["retention.ms", "cleanup.policy", "sasl.enabled.mechanisms", "max.request.size"])
def test_other_configs_are_shown(config: str) -> None:
    assert TEXT in shown(schema_of(ApiKey.INCREMENTAL_ALTER_CONFIGS, 1, "request"), config)


def test_what_the_broker_calls_sensitive_is_not_shown_with_its_synonyms() -> None:
    schema = schema_of(ApiKey.DESCRIBE_CONFIGS, 4, "response")
    given = {"name": "of.a.plugin", "value": TEXT, "is_sensitive": True}

    assert TEXT not in json.dumps(document(sample(schema, given)))
