"""A broker's copy of the ACLs in ZooKeeper."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from pykafka_cli.acls import (
    EVERY_ACL,
    AclBinding,
    AclEntry,
    AclFilter,
    AclOperation,
    AclPermission,
    PatternFilter,
    PatternType,
    ResourcePattern,
    ResourceType,
)
from pykafka_cli.broker.security.acl_manager import AclManager
from pykafka_cli.broker.security.change_notifications import KEPT_MS
from pykafka_cli.broker.security.rules import AclRules
from pykafka_cli.zookeeper import acl_znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.operations import Create
from tests.fakes.clock import FakeClock
from tests.fakes.zookeeper import FakeZooKeeper, FakeZooKeeperClient
from tests.support.event_loop import settle

TOPIC = ResourcePattern(ResourceType.TOPIC, "t")
GROUP = ResourcePattern(ResourceType.GROUP, "g", PatternType.PREFIXED)
TURNS = 300
"""More than it takes to read everything again."""
ANN, BEN = (AclEntry(f"User:{name}", "*", AclOperation.READ, AclPermission.ALLOW) for name in ("ann", "ben"))


class Side:
    """One broker's part."""

    def __init__(self, zookeeper: FakeZooKeeper) -> None:
        self.client: FakeZooKeeperClient = zookeeper.client()
        self.clock = FakeClock()
        self.manager = AclManager(cast(ZooKeeperClient, self.client), AclRules(), self.clock)

    def acls(self) -> set[AclBinding]:
        return set(self.manager.rules.selected(EVERY_ACL))


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    zookeeper = FakeZooKeeper()
    one, other = Side(zookeeper), Side(zookeeper)
    await one.manager.start()
    await other.manager.start()
    yield one, other
    await one.manager.stop()
    await other.manager.stop()


async def test_what_one_broker_changes_the_others_follow(sides: tuple[Side, Side]) -> None:
    one, other = sides

    await one.manager.create([AclBinding(TOPIC, ANN), AclBinding(TOPIC, BEN)])
    await other.manager.create([AclBinding(GROUP, ANN)])
    await settle(TURNS)

    assert one.acls() == other.acls() == {AclBinding(TOPIC, ANN), AclBinding(TOPIC, BEN), AclBinding(GROUP, ANN)}


async def test_a_removal_says_which_filter_selected_what(sides: tuple[Side, Side]) -> None:
    one, other = sides
    await one.manager.create([AclBinding(TOPIC, ANN)])
    await one.manager.create([AclBinding(GROUP, ANN)])
    of_groups = AclFilter(PatternFilter(ResourceType.GROUP))

    gone = await one.manager.delete([of_groups, EVERY_ACL])
    await settle(TURNS)

    assert gone == {AclBinding(GROUP, ANN): 0, AclBinding(TOPIC, ANN): 1}
    assert one.acls() == other.acls() == set()


async def test_a_removal_finds_what_has_not_been_announced_yet(sides: tuple[Side, Side]) -> None:
    one, _ = sides
    await one.client.create("/kafka-acl/Topic/t", acl_znodes.encode_acls([ANN]))

    gone = await one.manager.delete([AclFilter(PatternFilter(ResourceType.TOPIC, "t", PatternType.LITERAL))])

    assert gone == {AclBinding(TOPIC, ANN): 0}


async def test_acls_that_are_there_at_the_start_count() -> None:
    zookeeper = FakeZooKeeper()
    await zookeeper.client().create("/kafka-acl/Topic/t", acl_znodes.encode_acls([ANN]))
    side = Side(zookeeper)

    await side.manager.start()

    assert side.acls() == {AclBinding(TOPIC, ANN)}
    await side.manager.stop()


async def test_after_a_lost_session_everything_is_read_again(sides: tuple[Side, Side]) -> None:
    one, other = sides
    await one.manager.create([AclBinding(TOPIC, ANN)])
    await settle(TURNS)

    await one.client.set("/kafka-acl/Topic/t", acl_znodes.encode_acls([BEN]))  # its announcement is gone by now
    await one.client.create("/kafka-acl/Group/h", acl_znodes.encode_acls([ANN]))
    other.client.expire()
    await settle(TURNS)

    assert other.acls() == {AclBinding(TOPIC, BEN), AclBinding(ResourcePattern(ResourceType.GROUP, "h"), ANN)}


async def test_what_cannot_be_read_changes_nothing(sides: tuple[Side, Side]) -> None:
    one, _ = sides
    await one.manager.create([AclBinding(TOPIC, ANN)])

    await one.client.set("/kafka-acl/Topic/t", b"nonsense")
    await one.client.create("/kafka-acl-changes/acl_changes_", b"TOPIC:t", sequential=True)
    await one.client.create("/kafka-acl-changes/acl_changes_", b"nonsense", sequential=True)
    await settle(TURNS)

    assert one.acls() == {AclBinding(TOPIC, ANN)}


async def test_old_announcements_are_removed() -> None:
    zookeeper = FakeZooKeeper()
    side = Side(zookeeper)
    await side.manager.start()
    await side.manager.create([AclBinding(TOPIC, ANN)])
    await settle(TURNS)
    zookeeper.now_ms = side.clock.now_ms() - KEPT_MS - 1
    zookeeper.apply([Create("/kafka-acl-extended-changes/acl_changes_0000000000", b"{}")], 0)
    await settle(TURNS)
    zookeeper.now_ms = side.clock.now_ms()

    await side.manager.create([AclBinding(GROUP, ANN)])
    await settle(TURNS)

    left = [path for path in zookeeper.tree() if path.startswith("/kafka-acl-extended-changes/")]
    assert left == ["/kafka-acl-extended-changes/acl_changes_0000000001"]
    await side.manager.stop()
