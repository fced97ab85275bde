"""What a controller does, over a ZooKeeper in memory and with brokers that only listen."""

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.controller.alter_partition import WantedIsr
from pykafka_cli.broker.errors import (
    BrokerError,
    BrokerIdNotRegistered,
    BrokerNotAvailable,
    ElectionNotNeeded,
    InvalidUpdateVersion,
    NotController,
    PreferredLeaderNotAvailable,
    StaleBrokerEpoch,
    UnknownTopicOrPartition,
)
from pykafka_cli.model import BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, TopicPartition
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.errors import SessionExpired
from pykafka_cli.zookeeper.topic_znodes import ReplicaAssignment
from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.brokers import broker_ids


async def test_the_first_broker_is_elected_and_sends_itself_who_lives() -> None:
    cluster = ControlledCluster()

    await cluster.start(0)

    assert cluster.controller is cluster.brokers[0].controller
    assert cluster.told() == {0: ["UpdateMetadata brokers 0"]}
    tree = cluster.zookeeper.tree()
    assert znodes.decode_controller(tree["/controller"]) == 0
    assert tree["/controller_epoch"] == b"1"
    assert tree["/feature"] == b'{"features":{},"version":2,"status":1}'
    assert cluster.brokers[0].cache.controller_id == 0
    await cluster.close()


async def test_a_new_broker_gets_everything_and_the_others_of_it(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    cluster.told()

    await cluster.start(3)

    told = cluster.told()
    assert told[0] == ["UpdateMetadata brokers 0,1,2,3"]
    assert told[3] == ["UpdateMetadata brokers 0,1,2,3; t-0 leader 0"]


async def test_a_new_topic_gets_leaders_then_everybody_is_notified(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1], [1, 2])

    assert cluster.briefly("t", 0) == "leader 0 epoch 0 isr 0,1"
    assert cluster.briefly("t", 1) == "leader 1 epoch 0 isr 1,2"
    update = "UpdateMetadata brokers 0,1,2; t-0 leader 0; t-1 leader 1"
    assert cluster.told() == {
        0: ["LeaderAndIsr t-0 leader 0 epoch 0 isr 0,1 new", update],
        1: ["LeaderAndIsr t-0 leader 0 epoch 0 isr 0,1 new; t-1 leader 1 epoch 0 isr 1,2 new", update],
        2: ["LeaderAndIsr t-1 leader 1 epoch 0 isr 1,2 new", update],
    }
    assert cluster.brokers[2].cache.topic_id("t") == cluster.assignment("t").topic_id


async def test_a_topic_that_an_older_tool_wrote_gets_an_id(cluster: ControlledCluster) -> None:
    await cluster.write("/brokers/topics/old", b'{"version":1,"partitions":{"0":[2]}}')

    assert cluster.assignment("old").topic_id is not None
    assert cluster.briefly("old") == "leader 2 epoch 0 isr 2"


async def test_more_partitions_are_made_when_the_znode_names_them(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0])
    cluster.told()

    await cluster.write_assignment("t", [0], [1])

    assert cluster.briefly("t", 1) == "leader 1 epoch 0 isr 1"
    assert cluster.told()[1][0] == "LeaderAndIsr t-1 leader 1 epoch 0 isr 1 new"


async def test_a_partition_without_a_live_replica_waits_for_one(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [7])
    assert not cluster.exists("/brokers/topics/t/partitions/0/state")

    await cluster.start(7)

    assert cluster.briefly("t") == "leader 7 epoch 0 isr 7"


async def test_when_a_leader_dies_another_in_sync_replica_leads(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2, 0])
    cluster.told()

    await cluster.kill(1)

    assert cluster.briefly("t") == "leader 2 epoch 1 isr 2,0"
    elected = ["LeaderAndIsr t-0 leader 2 epoch 1 isr 2,0", "UpdateMetadata brokers 0,2; t-0 leader 2"]
    assert (
        cluster.told()[2] == elected * 2
    )  # once for the election, once for the replica that is offline, as Kafka does


async def test_the_last_in_sync_replica_stays_in_the_isr_and_leads_again_when_it_is_back(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("t", [1, 2])
    await cluster.kill(2)
    await cluster.kill(1)
    assert cluster.briefly("t") == "leader None epoch 2 isr 1"

    await cluster.start(2)
    assert cluster.briefly("t") == "leader None epoch 2 isr 1"
    await cluster.start(1)

    assert cluster.briefly("t") == "leader 1 epoch 3 isr 1"


async def test_unclean_election_is_for_topics_that_allow_it_and_begins_with_recovery(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("t", [1, 2])
    await cluster.kill(2)
    await cluster.kill(1)
    await cluster.start(2)

    cluster.unclean_topics.add("t")
    cluster.controller.unclean_election_enabled("t")
    await cluster.settle()

    assert cluster.briefly("t") == "leader 2 epoch 3 isr 2 recovering"


async def test_a_restarted_broker_learns_of_its_leaders_again(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2])
    await cluster.kill(2)
    cluster.told()

    await cluster.start(2)
    await cluster.catch_up("t", 0, 2)

    assert cluster.told()[2] == [
        "UpdateMetadata brokers 0,1,2; t-0 leader 1",
        "LeaderAndIsr t-0 leader 1 epoch 1 isr 1",
        "UpdateMetadata brokers 0,1,2; t-0 leader 1",
        "UpdateMetadata brokers 0,1,2; t-0 leader 1",
    ]
    assert cluster.briefly("t") == "leader 1 epoch 1 isr 1,2"


async def test_a_broker_that_restarts_while_no_controller_looks_does_not_lead_before_it_is_in_sync_again(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("t", [0, 1, 2], [0], [1, 0])
    for each in (1, 2):
        await cluster.brokers[each].controller.stop()
    await cluster.kill(0)

    await cluster.start(0)

    assert cluster.controller is cluster.brokers[0].controller
    assert cluster.briefly("t", 0) == "leader 1 epoch 2 isr 1,2"
    assert cluster.briefly("t", 1) == "leader 0 epoch 2 isr 0"
    assert cluster.briefly("t", 2) == "leader 1 epoch 1 isr 1"


async def test_a_stopping_broker_hands_its_partitions_over(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 0], [0, 1], [1])
    cluster.told()

    remaining = await cluster.stop(1)

    assert remaining == []
    assert [cluster.briefly("t", n) for n in range(2)] == ["leader 0 epoch 1 isr 0", "leader 0 epoch 1 isr 0"]
    assert cluster.briefly("t", 2) == "leader None epoch 1 isr 1"


async def test_what_has_no_other_in_sync_replica_remains_with_a_stopping_broker(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2])
    await cluster.kill(2)

    assert await cluster.stop(1) == [TopicPartition("t", 0)]


async def test_a_shutdown_is_asked_by_a_living_broker_with_its_own_epoch(cluster: ControlledCluster) -> None:
    with pytest.raises(StaleBrokerEpoch):
        await cluster.controller.controlled_shutdown(BrokerId(1), BrokerEpoch(cluster.brokers[1].epoch - 1))
    with pytest.raises(BrokerNotAvailable, match=r"Broker id 9 does not exist\."):
        await cluster.controller.controlled_shutdown(BrokerId(9), BrokerEpoch(1))
    with pytest.raises(NotController):
        await cluster.brokers[1].controller.controlled_shutdown(BrokerId(1), BrokerEpoch(1))


# ---- elections


async def test_preferred_leaders_are_elected_when_asked_for(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2], [2, 1])
    await cluster.kill(1)
    await cluster.start(1)
    await cluster.catch_up("t", 0, 1)
    partitions = [TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("no", 0)]

    outcomes = await cluster.controller.elect_leaders(partitions, preferred=True)

    assert cluster.briefly("t", 0) == "leader 1 epoch 2 isr 2,1"
    assert [type(outcome) for outcome in map(outcomes.get, partitions)] == [
        type(None),
        ElectionNotNeeded,
        UnknownTopicOrPartition,
    ]


async def test_a_preferred_leader_that_is_not_in_sync_is_not_elected(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2])
    await cluster.kill(1)
    await cluster.start(1)

    outcomes = await cluster.controller.elect_leaders([TopicPartition("t", 0)], preferred=True)

    assert isinstance(outcomes[TopicPartition("t", 0)], PreferredLeaderNotAvailable)
    assert cluster.briefly("t") == "leader 2 epoch 1 isr 2"


async def test_an_election_by_znode_is_obeyed_and_removed_every_time(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2])
    request = topic_znodes.encode_partitions([TopicPartition("t", 0)])
    for round_ in range(2):
        await cluster.kill(1)
        await cluster.start(1)
        await cluster.catch_up("t", 0, 1)

        await cluster.write(znodes.PREFERRED_REPLICA_ELECTION, request)

        assert cluster.briefly("t") == f"leader 1 epoch {2 * round_ + 2} isr 2,1"
        assert not cluster.exists(znodes.PREFERRED_REPLICA_ELECTION)


async def test_leaders_are_balanced_when_a_broker_leads_too_few() -> None:
    cluster = ControlledCluster(auto_leader_rebalance_enable="true")
    await cluster.start(0, 1)
    await cluster.create_topic("t", [1, 0], [0, 1])
    await cluster.kill(1)
    await cluster.start(1)
    await cluster.catch_up("t", 0, 1)
    assert cluster.briefly("t", 0) == "leader 0 epoch 1 isr 0,1"

    cluster.clock.advance(300)
    await cluster.settle()

    assert cluster.briefly("t", 0) == "leader 1 epoch 2 isr 0,1"
    assert cluster.briefly("t", 1) == "leader 0 epoch 1 isr 0"
    await cluster.close()


# ---- ISRs


async def test_a_leader_may_alter_its_isr_only_from_the_state_it_knows(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1, 2])
    tp = TopicPartition("t", 0)
    epoch = cluster.brokers[0].epoch
    cluster.told()

    async def wish(isr: tuple[BrokerId, ...], leader_epoch: int = 0, partition_epoch: int = 0) -> object:
        wanted = {tp: WantedIsr(BrokerId(0), LeaderEpoch(leader_epoch), isr, 0, PartitionEpoch(partition_epoch))}
        outcome = (await cluster.controller.alter_isrs(BrokerId(0), epoch, wanted))[tp]
        return outcome.code if isinstance(outcome, BrokerError) else (outcome.isr, outcome.partition_epoch)

    assert await wish(broker_ids(0, 1)) == ((0, 1), 1)
    assert await wish(broker_ids(0, 1)) == ((0, 1), 1)  # the same wish again: its response may have been lost
    assert await wish(broker_ids(0)) == ErrorCode.invalid_update_version
    assert await wish(broker_ids(0), leader_epoch=1, partition_epoch=1) == ErrorCode.not_controller
    assert await wish(broker_ids(0, 9), partition_epoch=1) == ErrorCode.ineligible_replica
    assert cluster.briefly("t") == "leader 0 epoch 0 isr 0,1"
    with pytest.raises(StaleBrokerEpoch):
        await cluster.controller.alter_isrs(BrokerId(0), BrokerEpoch(epoch - 1), {})


async def test_a_state_that_was_written_by_somebody_else_is_read_again_before_an_election(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("t", [1, 2, 0])
    path = topic_znodes.partition_state_path(TopicPartition("t", 0))
    shrunk = cluster.zookeeper.node(path).data.replace(b'"isr":[1,2,0]', b'"isr":[1,0]')
    await cluster.hand.set(path, shrunk)

    await cluster.kill(1)

    assert cluster.briefly("t") == "leader 0 epoch 1 isr 0"


async def test_an_isr_is_not_written_over_what_somebody_else_wrote(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1, 2])
    tp = TopicPartition("t", 0)
    path = topic_znodes.partition_state_path(tp)
    await cluster.hand.set(path, cluster.zookeeper.node(path).data.replace(b'"isr":[0,1,2]', b'"isr":[0,1]'))
    epoch = cluster.brokers[0].epoch

    outcomes = await cluster.controller.alter_isrs(
        BrokerId(0), epoch, {tp: WantedIsr(BrokerId(0), LeaderEpoch(0), broker_ids(0, 2), 0, PartitionEpoch(0))}
    )

    assert isinstance(outcomes[tp], InvalidUpdateVersion)
    assert cluster.briefly("t") == "leader 0 epoch 0 isr 0,1"


async def test_a_replica_that_goes_leaves_the_isr_that_there_is(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1, 2])
    path = topic_znodes.partition_state_path(TopicPartition("t", 0))
    await cluster.hand.set(path, cluster.zookeeper.node(path).data.replace(b'"isr":[0,1,2]', b'"isr":[0,2]'))

    await cluster.kill(2)

    assert cluster.briefly("t") == "leader 0 epoch 1 isr 0"


async def test_an_isr_that_an_older_broker_wrote_itself_is_reported_to_all(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    path, tp = topic_znodes.partition_state_path(TopicPartition("t", 0)), TopicPartition("t", 0)
    await cluster.hand.set(path, cluster.zookeeper.node(path).data.replace(b'"isr":[0,1]', b'"isr":[0]'))
    cluster.told()

    await cluster.hand.create(znodes.ISR_CHANGE, topic_znodes.encode_partitions([tp]), sequential=True)
    await cluster.settle()

    assert cluster.told()[2] == ["UpdateMetadata brokers 0,1,2; t-0 leader 0"]
    assert cluster.brokers[2].cache.partition_state(tp).isr == (0,)
    assert await cluster.hand.children(znodes.ISR_CHANGES) == []


# ---- succession


async def test_when_the_controller_dies_another_continues_with_what_was_begun(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1], [1, 2])
    await cluster.controller.alter_reassignments({TopicPartition("t", 1): broker_ids(1, 0)})
    await cluster.settle()

    await cluster.kill(0)

    assert cluster.controller.epoch == 2
    assert cluster.briefly("t", 0) == "leader 1 epoch 2 isr 1"  # first it has none, then it has another, as in Kafka
    assert cluster.assignment("t").partitions[1].adding == (0,)
    await cluster.start(0)
    await cluster.catch_up("t", 1, 0)
    assert cluster.assignment("t").partitions[1] == ReplicaAssignment(broker_ids(1, 0))


async def test_a_topic_made_and_one_deleted_while_there_was_no_controller_are_seen_to(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("old", [0])
    await cluster.stop(2)
    await cluster.stop(1)
    await cluster.stop(0)
    await cluster.create_topic("new", [0])
    await cluster.delete_topic("old")

    await cluster.start(0)

    assert cluster.briefly("new") == "leader 0 epoch 0 isr 0"
    assert not cluster.exists("/brokers/topics/old")


async def test_a_controller_whose_znode_was_removed_is_replaced(cluster: ControlledCluster) -> None:
    await cluster.hand.delete("/controller")
    await cluster.settle()

    assert cluster.controller.epoch == 2
    assert {broker.cache.controller_epoch for broker in cluster.brokers.values()} == {2}


async def test_a_session_that_expires_as_the_controller_is_replaced_is_followed_by_another(
    cluster: ControlledCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = cluster.brokers[0]
    before = replaced.epoch

    async def expired(_: object) -> BrokerId | None:
        monkeypatch.undo()
        replaced.zookeeper.expire()
        raise SessionExpired("the session has expired")

    monkeypatch.setattr(replaced.store, "controller", expired)
    await cluster.hand.set(
        "/controller_epoch", b"2"
    )  # so its next write is refused, and it looks who the controller is
    await cluster.create_topic("t", [0, 1])

    assert replaced.epoch > before
    assert cluster.briefly("t") == "leader 0 epoch 0 isr 0,1"


async def test_a_broker_whose_session_expired_registers_again_with_a_later_epoch(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    before = cluster.brokers[0].epoch

    cluster.brokers[0].zookeeper.expire()
    await cluster.settle()

    assert cluster.brokers[0].epoch > before
    assert cluster.exists("/brokers/ids/0")
    assert cluster.controller.epoch == 2
    assert cluster.brokers[0].cache.is_alive(BrokerId(0))


async def test_a_controller_that_was_replaced_without_noticing_can_write_nothing(cluster: ControlledCluster) -> None:
    sleeper = cluster.controller
    await cluster.create_topic("t", [0, 1])
    await cluster.hand.set("/controller_epoch", b"9")

    with pytest.raises(NotController):
        await sleeper.alter_reassignments({TopicPartition("t", 0): broker_ids(2, 1)})

    assert cluster.assignment("t").partitions == {0: ReplicaAssignment(broker_ids(0, 1))}


async def test_a_lost_log_directory_costs_its_replicas_their_leadership(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2])
    cluster.brokers[1].lost.add(TopicPartition("t", 0))

    await cluster.brokers[1].store.announce_log_dir_failure(BrokerId(1))
    await cluster.settle()

    assert cluster.briefly("t") == "leader 2 epoch 1 isr 2"
    assert cluster.brokers[0].cache.partition_state(TopicPartition("t", 0)).offline_replicas == (1,)
    assert not [path for path in cluster.zookeeper.tree() if "log_dir_event_notification/" in path]


async def test_producer_ids_come_in_blocks_of_a_thousand(cluster: ControlledCluster) -> None:
    one, two = cluster.brokers[1].epoch, cluster.brokers[2].epoch

    first = await cluster.controller.allocate_producer_ids(BrokerId(1), one)
    second = await cluster.controller.allocate_producer_ids(BrokerId(2), two)

    assert (first.start, first.end, second.start, second.end) == (0, 999, 1000, 1999)
    assert cluster.zookeeper.tree()["/latest_producer_id_block"] == (
        b'{"version":1,"broker":2,"block_start":"1000","block_end":"1999"}'
    )
    with pytest.raises(StaleBrokerEpoch):
        await cluster.controller.allocate_producer_ids(BrokerId(2), BrokerEpoch(two - 1))
    with pytest.raises(BrokerIdNotRegistered, match="broker 9"):
        await cluster.controller.allocate_producer_ids(BrokerId(9), one)


@pytest.mark.parametrize("garbage", [b"", b"{}", b"no JSON", b'{"version":1,"partitions":[7]}'])
async def test_what_cannot_be_read_does_not_stop_the_rest(cluster: ControlledCluster, garbage: bytes) -> None:
    await cluster.write("/brokers/topics/bad", garbage)
    await cluster.write("/config/changes/config_change_0", garbage)
    await cluster.write("/isr_change_notification/isr_change_0", garbage)
    await cluster.write("/log_dir_event_notification/log_dir_event_0", garbage)
    await cluster.write(znodes.REASSIGN_PARTITIONS, garbage)
    await cluster.write(znodes.PREFERRED_REPLICA_ELECTION, garbage)

    await cluster.create_topic("good", [0])
    await cluster.kill(0)
    await cluster.start(0)

    assert cluster.briefly("good") == "leader 0 epoch 2 isr 0"
    assert "bad" not in cluster.brokers[1].cache
    left = {"/brokers/topics/bad"}
    assert {path for path, data in cluster.zookeeper.tree().items() if data == garbage and data} <= left
    assert not cluster.exists(znodes.REASSIGN_PARTITIONS)
    assert not cluster.exists(znodes.PREFERRED_REPLICA_ELECTION)
