"""A broker's tokens: what they are worth, how long, and how brokers share them."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import cast

import pytest

from pykafka_cli.acls import Principal
from pykafka_cli.broker.errors import DelegationTokenExpired, DelegationTokenNotFound
from pykafka_cli.broker.security.delegation_tokens import DelegationTokenManager
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.delegation_tokens import CHANGES, TOKENS, TokenInformation
from tests.fakes.clock import FakeClock
from tests.fakes.zookeeper import FakeZooKeeper, FakeZooKeeperClient
from tests.support.event_loop import settle

TURNS = 300
"""More than it takes to read everything again."""
ANN = Principal("User", "ann")
SETTINGS = BrokerSettings(
    Property(name, text, 0)
    for name, text in {
        "zookeeper.connect": "z",
        "delegation.token.max.lifetime.ms": "100000",
        "delegation.token.expiry.time.ms": "10000",
        "delegation.token.expiry.check.interval.ms": "3000",
    }.items()
)


class Side:
    """One broker's part."""

    def __init__(self, zookeeper: FakeZooKeeper) -> None:
        self.client: FakeZooKeeperClient = zookeeper.client()
        self.clock = FakeClock()
        self.manager = DelegationTokenManager(cast(ZooKeeperClient, self.client), "secret", SETTINGS, self.clock)

    async def create(self, lifetime_ms: int = -1) -> TokenInformation:
        return await self.manager.create(ANN, ANN, (), lifetime_ms)


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    zookeeper = FakeZooKeeper()
    one, other = Side(zookeeper), Side(zookeeper)
    await one.manager.start()
    await other.manager.start()
    yield one, other
    await one.manager.stop()
    await other.manager.stop()


async def test_the_password_is_the_hmac_of_the_id(sides: tuple[Side, Side]) -> None:
    token = await sides[0].create()

    assert sides[0].manager.hmac_of(token.id) == hmac.new(b"secret", token.id.encode(), hashlib.sha512).digest()
    assert len(base64.urlsafe_b64decode(token.id + "==")) == 16


@pytest.mark.parametrize(
    ("lifetime", "ends", "expires"), [(-1, 100, 10), (0, 100, 10), (5000, 5, 5), (200_000, 100, 10)]
)
async def test_a_token_lives_as_long_as_is_asked_for_and_allowed(
    lifetime: int, ends: int, expires: int, sides: tuple[Side, Side]
) -> None:
    token = await sides[0].create(lifetime)

    assert (token.max_ms - token.issued_ms, token.expiry_ms - token.issued_ms) == (ends * 1000, expires * 1000)


async def test_what_one_broker_changes_the_others_follow(sides: tuple[Side, Side]) -> None:
    one, other = sides

    token = await one.create()
    await settle(TURNS)
    assert other.manager.tokens() == (token,)
    expiry = await other.manager.renew(ANN, other.manager.hmac_of(token.id), 50_000)
    await settle(TURNS)
    assert one.manager.tokens() == (token._replace(expiry_ms=expiry),)
    await one.manager.expire(ANN, one.manager.hmac_of(token.id), -1)
    await settle(TURNS)

    assert one.manager.tokens() == other.manager.tokens() == ()
    assert await one.client.children(TOKENS) == []
    assert await one.client.children(CHANGES)


async def test_a_removed_token_does_not_come_back_by_a_renewal(sides: tuple[Side, Side]) -> None:
    one, _ = sides
    token = await one.create()
    await one.client.delete(f"{TOKENS}/{token.id}")

    with pytest.raises(DelegationTokenNotFound):
        await one.manager.renew(ANN, one.manager.hmac_of(token.id), -1)

    assert one.manager.tokens() == ()
    assert await one.client.children(TOKENS) == []


async def test_an_expired_token_lets_nobody_in_and_cannot_be_renewed(sides: tuple[Side, Side]) -> None:
    one, _ = sides
    token = await one.create()
    login = one.manager.login("SCRAM-SHA-256", token.id)
    assert login is not None
    assert (login.owner, login.expiry_ms) == ("ann", token.expiry_ms)
    assert one.manager.login("SCRAM-SHA-256", token.id) == login

    one.clock.advance(10.001)

    assert one.manager.login("SCRAM-SHA-256", token.id) is None
    with pytest.raises(DelegationTokenExpired):
        await one.manager.renew(ANN, one.manager.hmac_of(token.id), -1)


async def test_a_renewal_does_not_outlast_the_token(sides: tuple[Side, Side]) -> None:
    one, _ = sides
    token = await one.create()

    assert await one.manager.renew(ANN, one.manager.hmac_of(token.id), 2**63 - 1) == token.max_ms


async def test_the_controller_removes_what_has_expired(sides: tuple[Side, Side]) -> None:
    one, other = sides
    await one.create()
    one.manager.controllership_changed(True)
    await settle(TURNS)

    one.clock.advance(9)
    await settle(TURNS)
    assert len(one.manager.tokens()) == 1
    one.clock.advance(3)
    await settle(TURNS)

    assert one.manager.tokens() == other.manager.tokens() == ()


async def test_who_is_no_longer_controller_removes_nothing(sides: tuple[Side, Side]) -> None:
    one, _ = sides
    await one.create()
    one.manager.controllership_changed(True)
    one.manager.controllership_changed(False)

    one.clock.advance(20)
    await settle(TURNS)

    assert len(one.manager.tokens()) == 1


async def test_after_a_lost_session_everything_is_read_again(sides: tuple[Side, Side]) -> None:
    one, other = sides
    gone, kept = await one.create(), await one.create()
    await settle(TURNS)

    await one.client.delete(f"{TOKENS}/{gone.id}")
    other.client.expire()
    await settle(TURNS)

    assert other.manager.tokens() == (kept,)


@pytest.mark.parametrize("data", [b"", b"a/b", b"\xff", b"no-such-token"])
async def test_an_announcement_of_nothing_stops_nothing(data: bytes, sides: tuple[Side, Side]) -> None:
    one, other = sides
    await one.client.create(f"{CHANGES}/token_change_", data, sequential=True)

    token = await one.create()
    await settle(TURNS)

    assert other.manager.tokens() == (token,)
