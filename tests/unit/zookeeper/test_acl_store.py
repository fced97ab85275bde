"""ACLs in ZooKeeper: changes by several at once, and what is announced."""

from typing import cast

import pytest

from pykafka_cli.acls import (
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
from pykafka_cli.zookeeper.acl_store import AclStore, InvalidAcl, VersionedAcls, added, ensure_valid, removed
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import ZooKeeperError
from pykafka_cli.zookeeper.operations import SetData
from tests.fakes.zookeeper import FakeZooKeeper

TOPIC = ResourcePattern(ResourceType.TOPIC, "t")
ANN, BEN = (AclEntry(f"User:{name}", "*", AclOperation.READ, AclPermission.ALLOW) for name in ("ann", "ben"))
ALL_OF_T = AclFilter(PatternFilter(ResourceType.TOPIC, "t", PatternType.LITERAL))


def store_on(zookeeper: FakeZooKeeper) -> AclStore:
    return AclStore(cast(ZooKeeperClient, zookeeper.client()))


def announced(zookeeper: FakeZooKeeper) -> list[bytes | None]:
    return [data for path, data in zookeeper.tree().items() if path.startswith("/kafka-acl-changes/")]


def overtake(zookeeper: FakeZooKeeper) -> None:
    """What another broker does that takes away all ACLs at this moment."""
    zookeeper.apply([SetData("/kafka-acl/Topic/t", b'{"version":1,"acls":[]}')], 0)


async def test_a_change_is_written_and_announced() -> None:
    zookeeper = FakeZooKeeper()
    store = store_on(zookeeper)

    await store.update(TOPIC, added([ANN]))
    after = await store.update(TOPIC, added([BEN, ANN]))

    assert after == await store.read(TOPIC) == VersionedAcls((ANN, BEN), 1)
    assert announced(zookeeper) == [b"TOPIC:t", b"TOPIC:t"]
    assert [pattern async for pattern in store.patterns()] == [TOPIC]


async def test_what_changes_nothing_is_not_written() -> None:
    zookeeper = FakeZooKeeper()
    store = store_on(zookeeper)
    await store.update(TOPIC, added([ANN]))
    writes = len(zookeeper.writes)

    assert await store.update(TOPIC, added([ANN])) == VersionedAcls((ANN,), 0)

    assert len(zookeeper.writes) == writes


async def test_the_znode_goes_with_the_last_acl() -> None:
    zookeeper = FakeZooKeeper()
    store = store_on(zookeeper)
    await store.update(TOPIC, added([ANN, BEN]))
    gone: dict[AclBinding, int] = {}

    assert await store.update(TOPIC, removed([ALL_OF_T], gone, TOPIC)) == VersionedAcls()

    assert gone == {AclBinding(TOPIC, ANN): 0, AclBinding(TOPIC, BEN): 0}
    assert "/kafka-acl/Topic/t" not in zookeeper.tree()
    assert announced(zookeeper) == [b"TOPIC:t"] * 2


async def test_a_change_that_others_overtook_starts_again_from_theirs() -> None:
    zookeeper = FakeZooKeeper()
    ours, theirs = store_on(zookeeper), store_on(zookeeper)
    overtaken = []

    def change(current: tuple[AclEntry, ...]) -> tuple[AclEntry, ...]:
        overtaken.append(current)
        if len(overtaken) == 1:
            overtake(zookeeper)
        return (*current, BEN)

    await theirs.update(TOPIC, added([ANN]))

    assert (await ours.update(TOPIC, change)).entries == (BEN,)
    assert overtaken == [(ANN,), ()]


async def test_a_change_that_is_always_overtaken_fails() -> None:
    zookeeper = FakeZooKeeper()
    store = store_on(zookeeper)

    def change(current: tuple[AclEntry, ...]) -> tuple[AclEntry, ...]:
        overtake(zookeeper)
        return (*current, BEN)

    await store.update(TOPIC, added([ANN]))

    with pytest.raises(ZooKeeperError, match=r"after trying a maximum of 10 times$"):
        await store.update(TOPIC, change)


@pytest.mark.parametrize(
    ("acl", "complaint"),
    [
        (AclBinding(ResourcePattern(ResourceType.TOPIC, "a/b"), ANN), "invalid resource name: a/b"),
        (AclBinding(ResourcePattern(ResourceType.ANY, "a"), ANN), "unknown elements"),
        (AclBinding(TOPIC, ANN._replace(operation=AclOperation.UNKNOWN)), "unknown elements"),
    ],
)
def test_an_acl_that_cannot_be_kept_is_rejected(acl: AclBinding, complaint: str) -> None:
    with pytest.raises(InvalidAcl, match=complaint):
        ensure_valid(acl)
