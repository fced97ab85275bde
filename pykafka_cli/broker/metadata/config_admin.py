"""Altering configs of topics, brokers and loggers, for AlterConfigs (replaces a whole config) and
IncrementalAlterConfigs.

source  kafka.server.ConfigAdminManager, ZkAdminManager
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from pykafka_cli.broker.errors import BrokerError, InvalidRequest, UnknownTopicOrPartition
from pykafka_cli.broker.metadata import config_changes
from pykafka_cli.broker.metadata.broker_loggers import alter_loggers
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.metadata.config_changes import ConfigOperation, altered
from pykafka_cli.broker.metadata.config_store import broker_entity, topic_entity
from pykafka_cli.broker.metadata.dynamic_configs import DynamicConfigs
from pykafka_cli.broker.metadata.resources import ONLY_IN_KRAFT, broker_id_of
from pykafka_cli.model import AlterConfigOp, BrokerId, ConfigResourceType
from pykafka_cli.properties.broker import key_of
from pykafka_cli.properties.topic import TOPIC_KEYS

_log = logging.getLogger(__name__)


class Alteration(NamedTuple):
    """A change of one resource's config. `incremental`: of its present config rather than of an empty one."""

    resource_type: int
    name: str
    operations: Sequence[ConfigOperation]
    incremental: bool


async def alter_all(
    configs: DynamicConfigs, cache: MetadataCache, alterations: Sequence[Alteration], *, validate_only: bool
) -> list[BrokerError | None]:
    """An outcome for each alteration, in order; None where it was done (or could be)."""
    resources = [(alteration.resource_type, alteration.name) for alteration in alterations]
    outcomes: list[BrokerError | None] = []
    for alteration in alterations:
        try:
            if resources.count((alteration.resource_type, alteration.name)) > 1:
                raise InvalidRequest("Each resource must appear at most once.")
            await _alter(configs, cache, alteration, validate_only=validate_only)
        except BrokerError as error:
            _log.info("%s is not altered: %s", alteration.name, error)
            outcomes.append(error)
        else:
            outcomes.append(None)
    if not validate_only:
        await configs.catch_up()
    return outcomes


async def _alter(configs: DynamicConfigs, cache: MetadataCache, alteration: Alteration, *, validate_only: bool) -> None:
    names = [operation.name for operation in alteration.operations]
    if len(set(names)) < len(names):
        raise InvalidRequest("Error due to duplicate config keys")
    config_changes.ensure_no_nulls(alteration.operations)
    match alteration.resource_type:
        case ConfigResourceType.TOPIC:
            await _alter_topic(configs, cache, alteration, validate_only=validate_only)
        case ConfigResourceType.BROKER:
            await _alter_broker(configs, alteration, validate_only=validate_only)
        case ConfigResourceType.BROKER_LOGGER if alteration.incremental:
            _ensure_this_broker(configs, alteration.name)
            alter_loggers(alteration.operations, validate_only=validate_only)
        case ConfigResourceType.BROKER_LOGGER:
            raise InvalidRequest("AlterConfigs is deprecated and does not support the resource type BROKER_LOGGER")
        case ConfigResourceType.CLIENT_METRICS:
            raise InvalidRequest(ONLY_IN_KRAFT)
        case unknown:
            raise InvalidRequest(f"Unknown resource type {unknown}")


async def _alter_topic(
    configs: DynamicConfigs, cache: MetadataCache, alteration: Alteration, *, validate_only: bool
) -> None:
    topic, entity = alteration.name, topic_entity(alteration.name)
    if not topic:
        raise InvalidRequest("Default topic resources are not allowed.")
    if topic not in cache:
        raise UnknownTopicOrPartition(f"The topic '{topic}' does not exist.")
    current = await configs.store.read(entity) if alteration.incremental else {}
    config = altered(current, alteration.operations, TOPIC_KEYS.get)
    config_changes.ensure_valid_for_topic(configs.settings, topic, config)
    if not validate_only:
        await configs.store.write(entity, config)


async def _alter_broker(configs: DynamicConfigs, alteration: Alteration, *, validate_only: bool) -> None:
    if alteration.name:
        _ensure_this_broker(configs, alteration.name)
    broker_id = BrokerId(int(alteration.name)) if alteration.name else None
    entity = broker_entity(broker_id)
    current = await configs.store.read(entity) if alteration.incremental else {}
    config = altered(current, alteration.operations, key_of)
    config_changes.ensure_valid_for_broker(
        configs.settings,
        config,
        per_broker=broker_id is not None,
        others=configs.cluster_wide if broker_id is not None else configs.this_broker,
        ensure_usable=configs.ensure_usable,
    )
    if not validate_only:
        await configs.store.write(entity, config)


def _ensure_this_broker(configs: DynamicConfigs, name: str) -> None:
    """A broker's settings are changed by that broker, which alone knows whether it can use them."""
    this_broker = configs.settings.broker_id
    if broker_id_of(name) != this_broker:
        raise InvalidRequest(f"Unexpected broker id, expected {this_broker}, but received {name}")


def operation_of(number: int) -> AlterConfigOp:
    """Raises InvalidRequest for a number that is no operation."""
    try:
        return AlterConfigOp(number)
    except ValueError:
        raise InvalidRequest(f"Unknown operations type {number}") from None
