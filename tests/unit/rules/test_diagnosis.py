"""What the doctor concludes from what it has seen."""

import pytest

from pykafka_cli.model import BrokerId, Seconds, TopicPartition
from pykafka_cli.rules.diagnosis import (
    Budget,
    Check,
    DiskFacts,
    Layer,
    PartitionFacts,
    State,
    ZooKeeperFacts,
    is_healthy,
    judge_certificate,
    judge_clock,
    judge_controller,
    judge_disks,
    judge_internal_topics,
    judge_partitions,
    judge_zookeeper,
)
from tests.fakes.clock import FakeClock

DAY_S = 86_400
GIBIBYTE = 1 << 30


def partition(
    topic: str, index: int, leader: int | None, replicas: tuple[int, ...], isr: tuple[int, ...]
) -> PartitionFacts:
    return PartitionFacts(
        TopicPartition(topic, index),
        None if leader is None else BrokerId(leader),
        tuple(map(BrokerId, replicas)),
        tuple(map(BrokerId, isr)),
    )


def disk(usable: int | None, total: int | None = 1000 * GIBIBYTE, error: str | None = None) -> DiskFacts:
    return DiskFacts(BrokerId(1), "/data", error, total, usable)


def test_a_certificate_that_ends_soon_is_a_warning() -> None:
    soon = judge_certificate("CN=kafka", "CN=authority", 29.5 * DAY_S, "TLSv1.3")
    later = judge_certificate("CN=kafka", "CN=authority", 31 * DAY_S, "TLSv1.3")

    assert (soon.state, later.state) == (State.WARNING, State.OK)
    assert soon.text == "TLSv1.3, certificate of CN=kafka, signed by CN=authority, valid for 29 days"


def test_the_controller_is_named_with_its_address() -> None:
    found = judge_controller(BrokerId(2), {BrokerId(2): "b2:9092"})

    assert (found.state, found.text) == (State.OK, "broker 2 (b2:9092)")
    assert judge_controller(None, {}).state is State.FAILED


def test_partitions_without_a_leader_are_named_with_the_brokers_that_have_them() -> None:
    found = judge_partitions(
        [
            partition("a", 0, None, (1, 3), (1,)),
            partition("a", 1, 2, (2, 3), (2,)),
            partition("a", 2, 2, (2,), (2,)),
        ]
    )

    assert found.state is State.FAILED
    assert found.text == "of 3 partitions: 1 (a-0) without a leader; 1 (a-1) under-replicated"
    assert found.advice[0].startswith("Start broker 1 or 3 again")
    assert "pk topics --describe --under-replicated-partitions" in found.advice
    assert any("broker 3:" in each for each in found.advice)


def test_many_partitions_are_counted_and_a_few_named() -> None:
    found = judge_partitions([partition("t", index, 1, (1, 2), (1,)) for index in range(5)])

    assert (found.state, found.text) == (State.WARNING, "of 5 partitions: 5 (t-0, t-1, t-2, ...) under-replicated")


@pytest.mark.parametrize(
    ("partitions", "text"), [([], "there are none yet"), ([partition("t", 0, 1, (1,), (1,))], "1 partition,")]
)
def test_healthy_partitions(partitions: list[PartitionFacts], text: str) -> None:
    found = judge_partitions(partitions)

    assert found.state is State.OK
    assert found.text.startswith(text)


def test_internal_topics_with_one_replica_are_a_risk_only_beside_other_brokers() -> None:
    offsets = [partition("__consumer_offsets", 0, 1, (1,), (1,))]

    assert judge_internal_topics(offsets, 1).state is State.OK
    assert judge_internal_topics(offsets, 3).state is State.WARNING
    assert "__transaction_state will be created" in judge_internal_topics(offsets, 1).text


def test_groups_whose_offsets_have_no_leader_do_not_work() -> None:
    found = judge_internal_topics(
        [partition("__consumer_offsets", 0, None, (1,), (1,)), partition("__transaction_state", 0, 1, (1,), (1,))], 3
    )

    assert found.state is State.FAILED


@pytest.mark.parametrize(
    ("found", "state", "words"),
    [
        (disk(500 * GIBIBYTE), State.OK, "512,000 MiB (50 %) free"),
        (disk(9 * GIBIBYTE), State.WARNING, "(1 %) free"),
        (disk(2 * GIBIBYTE, 10 * GIBIBYTE), State.OK, "(20 %) free"),
        (disk(GIBIBYTE // 2, 2 * GIBIBYTE), State.WARNING, "(25 %) free"),
        (disk(None, None), State.OK, "1 log directory online"),
        (disk(None, None, "Disk error"), State.FAILED, "/data of broker 1 is offline: Disk error"),
    ],
)
def test_disks(found: DiskFacts, state: State, words: str) -> None:
    check = judge_disks([found])

    assert check.state is state
    assert words in check.text


@pytest.mark.parametrize(
    ("ahead", "uncertainty", "state", "words"),
    [
        (None, 0.1, State.UNKNOWN, "how"),
        (4.0, 0.1, State.OK, "within 4.1 s"),
        (-5.5, 1.0, State.OK, "within 6.5 s"),
        (7.0, 1.0, State.WARNING, "7 s ahead of"),
        (-3600.0, 1.0, State.WARNING, "3600 s behind"),
    ],
)
def test_clocks(ahead: float | None, uncertainty: float, state: State, words: str) -> None:
    check = judge_clock(ahead, uncertainty, "how")

    assert check.state is state
    assert words in check.text


def test_what_is_unknown_is_not_wrong_but_a_warning_is() -> None:
    checks = [Check(Layer.NAME, State.OK, ""), Check(Layer.CLOCK, State.UNKNOWN, "")]

    assert is_healthy(checks)
    assert not is_healthy([*checks, Check(Layer.DISKS, State.WARNING, "")])


def test_all_checks_together_take_half_as_much_again_as_one() -> None:
    clock = FakeClock()
    budget = Budget(Seconds(1), clock.monotonic)
    assert budget.left() == 1

    clock.advance(0.9)
    assert budget.left() == pytest.approx(0.6)

    clock.advance(100)
    assert 0 < budget.left() < 0.1


def test_time_in_which_nothing_was_waited_for_does_not_count() -> None:
    clock = FakeClock()
    budget = Budget(Seconds(1), clock.monotonic)

    clock.advance(3)
    budget.prolong(Seconds(3))

    assert budget.left() == 1


SRVR = "Zookeeper version: 3.8.4-abc, built on 2024-02-12\nLatency min/avg/max: 0/0.0/0\nMode: {mode}\nNode count: 5\n"
IDLE = "This ZooKeeper instance is not currently serving requests\n"


@pytest.mark.parametrize(
    ("responses", "has_controller", "state", "words"),
    [
        ([SRVR.format(mode="standalone")], True, State.OK, "z0:2181 is standalone, version 3.8.4"),
        ([SRVR.format(mode="leader"), SRVR.format(mode="follower")], True, State.OK, "z1:2181 is a follower"),
        ([SRVR.format(mode="leader"), None], True, State.WARNING, "z1:2181 cannot be reached from here"),
        ([IDLE, None, None], False, State.FAILED, "z0:2181 serves no requests, since it has no quorum"),
        ([None], True, State.UNKNOWN, "cannot be reached from here"),
        ([None], False, State.FAILED, "cannot be reached from here"),
        ([""], True, State.UNKNOWN, "does not respond to srvr"),
    ],
)
def test_zookeeper(responses: list[str | None], has_controller: bool, state: State, words: str) -> None:
    servers = [ZooKeeperFacts(f"z{n}:2181", each is not None, each or "") for n, each in enumerate(responses)]

    check = judge_zookeeper(servers, has_controller=has_controller)

    assert check.state is state
    assert words in check.text
    assert bool(check.advice) == (state in (State.WARNING, State.FAILED))
