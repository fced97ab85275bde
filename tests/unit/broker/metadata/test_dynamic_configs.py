"""Configs that change while brokers run, over a ZooKeeper in memory."""

from collections.abc import AsyncIterator

import pytest

from pykafka_cli.broker.metadata.config_store import KEPT_MS
from pykafka_cli.broker.metadata.dynamic_configs import DynamicConfigs
from pykafka_cli.zookeeper import kafka_znodes as znodes
from tests.fakes.controlled_cluster import ControlledCluster


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    cluster = ControlledCluster(log_retention_hours="1")
    await cluster.start(0, 1)
    yield cluster
    await cluster.close()


@pytest.fixture
def configs(cluster: ControlledCluster) -> DynamicConfigs:
    """Broker 1's; changes come from broker 0."""
    return cluster.brokers[1].configs


async def change(cluster: ControlledCluster, entity: str, **config: str) -> None:
    await cluster.brokers[0].configs.store.write(entity, {k.replace("_", "."): v for k, v in config.items()})
    await cluster.settle()


async def test_a_changed_topic_reaches_every_broker(cluster: ControlledCluster, configs: DynamicConfigs) -> None:
    heard: list[tuple[str, int]] = []
    configs.subscribe(lambda topic: heard.append((topic, configs.topic_config(topic).retention_ms)))

    await change(cluster, "topics/t", retention_ms="5")

    assert heard == [("t", 5)]
    assert configs.topic_overrides("t") == {"retention.ms": "5"}
    assert cluster.zookeeper.tree()["/config/changes/config_change_0000000000"] == (
        b'{"version":2,"entity_path":"topics/t"}'
    )


async def test_a_topic_falls_back_on_its_broker(cluster: ControlledCluster, configs: DynamicConfigs) -> None:
    heard: list[str] = []
    await configs.load_topics(["t"])
    configs.subscribe(heard.append)
    assert configs.topic_config("t").retention_ms == 3_600_000

    await change(cluster, "brokers/<default>", log_retention_ms="7")

    assert configs.topic_config("t").retention_ms == 7
    assert heard == ["t"]


async def test_a_brokers_own_setting_wins_over_that_of_all(cluster: ControlledCluster, configs: DynamicConfigs) -> None:
    changes: list[None] = []
    configs.subscribe_broker(lambda: changes.append(None))

    await change(cluster, "brokers/<default>", message_max_bytes="1000")
    await change(cluster, "brokers/1", message_max_bytes="2000")
    await change(cluster, "brokers/0", message_max_bytes="3000")

    assert configs.settings.message_max_bytes == 2000
    assert cluster.brokers[0].settings.message_max_bytes == 3000
    assert len(changes) == 2

    await change(cluster, "brokers/1")
    assert configs.settings.message_max_bytes == 1000


async def test_static_settings_in_zookeeper_are_ignored(cluster: ControlledCluster, configs: DynamicConfigs) -> None:
    await change(cluster, "brokers/1", broker_id="9", log_cleaner_threads="2")

    assert configs.settings.broker_id == 1
    assert configs.this_broker == {"log.cleaner.threads": "2"}


async def test_a_bad_override_costs_only_itself(cluster: ControlledCluster, configs: DynamicConfigs) -> None:
    await change(cluster, "topics/t", retention_ms="soon", segment_bytes="1000", nosuch="1")

    config = configs.topic_config("t")

    assert (config.segment_bytes, config.retention_ms) == (1000, 3_600_000)


async def test_a_new_topic_is_loaded_before_it_is_held_and_forgotten_when_it_is_deleted(
    cluster: ControlledCluster, configs: DynamicConfigs
) -> None:
    await cluster.hand.create("/config/topics/t", znodes.encode_config({"retention.ms": "5"}))
    assert configs.topic_overrides("t") == {}

    await configs.load_topics(["t"])
    assert configs.topic_config("t").retention_ms == 5

    configs.forget_topics(["t"])
    assert configs.topic_overrides("t") == {}


async def test_what_was_set_before_the_broker_started_is_there_from_the_start(cluster: ControlledCluster) -> None:
    await change(cluster, "topics/t", retention_ms="5")
    await change(cluster, "brokers/2", log_cleaner_threads="3")
    await cluster.brokers[0].configs.store.write("users/alice", {"producer_byte_rate": "10"})

    await cluster.start(2)

    configs = cluster.brokers[2].configs
    assert configs.topic_config("t").retention_ms == 5
    assert configs.settings.log_cleaner_threads == 3
    assert configs.user_config("alice") == {"producer_byte_rate": "10"}


async def test_quotas_and_credentials_are_reported_and_go(cluster: ControlledCluster, configs: DynamicConfigs) -> None:
    await cluster.brokers[0].configs.store.write("users/alice", {"producer_byte_rate": "10"})
    await cluster.settle()
    assert configs.user_config("alice") == {"producer_byte_rate": "10"}
    await cluster.brokers[0].configs.store.write("users/alice", {})
    await cluster.settle()

    assert configs.user_config("alice") == {}


async def test_empty_quota_entities_leave_no_znode(cluster: ControlledCluster) -> None:
    store = cluster.brokers[0].configs.store
    await store.write("users/alice/clients/app", {"producer_byte_rate": "10"})
    await store.write("users/bob", {"SCRAM-SHA-256": "salt"})
    await store.write("users/bob/clients/app", {"producer_byte_rate": "10"})

    for entity in ("users/alice/clients/app", "users/bob/clients/app", "clients/never"):
        await store.write(entity, {})

    tree = cluster.zookeeper.tree()
    assert [path for path in tree if path.startswith(("/config/users/", "/config/clients/"))] == ["/config/users/bob"]


async def test_notes_of_changes_are_kept_for_a_quarter_of_an_hour(cluster: ControlledCluster) -> None:
    await change(cluster, "topics/t", retention_ms="5")
    await change(cluster, "topics/t", retention_ms="6")
    cluster.clock.advance(KEPT_MS / 1000 + 1)
    cluster.zookeeper.now_ms = cluster.clock.now_ms()

    await change(cluster, "topics/t", retention_ms="7")

    notes = [path for path in cluster.zookeeper.tree() if path.startswith("/config/changes/")]
    assert notes == ["/config/changes/config_change_0000000002"]
    assert cluster.brokers[1].configs.topic_config("t").retention_ms == 7


async def test_changes_are_followed_in_the_next_session_too(
    cluster: ControlledCluster, configs: DynamicConfigs
) -> None:
    cluster.brokers[1].zookeeper.expire()
    await cluster.settle()

    await change(cluster, "topics/t", retention_ms="5")

    assert configs.topic_config("t").retention_ms == 5


async def test_the_controller_reads_afresh_whether_unclean_election_is_allowed(
    cluster: ControlledCluster, configs: DynamicConfigs
) -> None:
    await cluster.hand.create("/config/topics/t", znodes.encode_config({"unclean.leader.election.enable": "true"}))

    assert await configs.unclean_election_allowed("t")
    assert not await configs.unclean_election_allowed("other")


async def test_a_broker_has_caught_up_with_a_change_before_anything_else_happens(cluster: ControlledCluster) -> None:
    broker = cluster.brokers[0]
    await broker.configs.store.write("users/alice", {"producer_byte_rate": "5"})
    assert broker.configs.user_config("alice") == {}

    await broker.configs.catch_up()

    assert broker.configs.user_config("alice") == {"producer_byte_rate": "5"}


async def test_who_follows_clients_hears_of_all_that_there_are_and_of_each_change() -> None:
    cluster = ControlledCluster()
    await cluster.start(0)
    await cluster.brokers[0].configs.store.write("users/alice/clients/<default>", {"consumer_byte_rate": "1"})
    heard: list[tuple[str, dict[str, str]]] = []
    configs = DynamicConfigs(cluster.brokers[0].configs.store, cluster.brokers[0].settings, cluster.clock)
    configs.subscribe_clients(lambda entity, config: heard.append((entity, dict(config))))
    await configs.start()

    for entity, config in (("clients/app", {"producer_byte_rate": "2"}), ("users/alice/clients/<default>", {})):
        await cluster.brokers[0].configs.store.write(entity, config)
        await configs.catch_up()

    assert heard == [
        ("users/alice", {}),
        ("users/alice/clients/<default>", {"consumer_byte_rate": "1"}),
        ("clients/app", {"producer_byte_rate": "2"}),
        ("users/alice/clients/<default>", {}),
    ]
    await configs.stop()
    await cluster.close()
