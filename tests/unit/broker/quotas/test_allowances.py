import pytest

from pykafka_cli.broker.errors import ThrottlingQuotaExceeded
from pykafka_cli.broker.quotas.allowances import Allowance, ClientQuotas, PartitionMutations
from tests.fakes.clock import FakeClock
from tests.support.logs import broker_settings


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def quotas(clock: FakeClock) -> ClientQuotas:
    return ClientQuotas(broker_settings(), clock)


def allowance_of(quotas: ClientQuotas, user: str = "alice", client_id: str = "app") -> Allowance:
    found = quotas.allowance(user, client_id)
    assert found is not None
    return found


def test_nobody_is_measured_without_quotas(quotas: ClientQuotas) -> None:
    quotas.configure("users/alice", {"SCRAM-SHA-256": "..."})
    quotas.configure("ips/<default>", {"connection_creation_rate": "1"})

    assert not quotas.are_configured
    assert quotas.allowance("alice", "app") is None


def test_who_produces_too_much_waits_until_the_rate_is_within_the_quota(quotas: ClientQuotas, clock: FakeClock) -> None:
    quotas.configure("clients/app", {"producer_byte_rate": "1000"})
    allowance = allowance_of(quotas)

    assert allowance.produced(9_000) == 0
    assert allowance.produced(6_000) == pytest.approx(5)
    clock.advance(15)
    assert allowance.produced(0) == 0
    assert (allowance.fetched(10**9), allowance.times_requests) == ((0, True), False)


def test_all_clients_of_a_user_share_the_users_quota(quotas: ClientQuotas) -> None:
    quotas.configure("users/alice", {"producer_byte_rate": "1000"})

    assert allowance_of(quotas, client_id="one").produced(10_000) == 0
    assert allowance_of(quotas, client_id="other").produced(1_000) == pytest.approx(1)
    assert quotas.allowance("bob", "one") is None


def test_each_client_has_a_default_of_its_own(quotas: ClientQuotas) -> None:
    quotas.configure("clients/<default>", {"producer_byte_rate": "1000"})

    assert allowance_of(quotas, client_id="one").produced(11_000) == pytest.approx(1)
    assert allowance_of(quotas, client_id="other").produced(1_000) == 0


def test_a_quota_that_is_changed_applies_to_what_was_used_before(quotas: ClientQuotas) -> None:
    quotas.configure("users/alice", {"producer_byte_rate": "1000"})
    assert allowance_of(quotas).produced(10_000) == 0

    quotas.configure("users/alice", {"producer_byte_rate": "500"})

    assert allowance_of(quotas).produced(0) == pytest.approx(10)
    quotas.configure("users/alice", {})
    assert quotas.allowance("alice", "app") is None
    assert not quotas.are_configured


def test_names_are_compared_as_zookeeper_has_them(quotas: ClientQuotas) -> None:
    quotas.configure("users/CN%3Dalice%2CO%3Dacme/clients/my%20app", {"consumer_byte_rate": "1"})

    assert quotas.allowance("CN=alice,O=acme", "my app") is not None


def test_a_consumer_that_fetched_too_much_gets_nothing_until_it_may(quotas: ClientQuotas, clock: FakeClock) -> None:
    quotas.configure("clients/app", {"consumer_byte_rate": "1000"})
    allowance = allowance_of(quotas)
    assert allowance.most_to_fetch() == 10_000

    assert allowance.fetched(10_000) == (0, True)
    wait, is_sent = allowance.fetched(5_000)
    assert (wait, is_sent) == (pytest.approx(5), False)
    clock.advance(10)
    assert allowance.fetched(0) == (0, True)


def test_a_batch_larger_than_the_quota_is_read_all_the_same(quotas: ClientQuotas, clock: FakeClock) -> None:
    quotas.configure("clients/app", {"consumer_byte_rate": "10"})
    allowance = allowance_of(quotas)

    wait, is_sent = allowance.fetched(10_000)

    assert (wait, is_sent) == (pytest.approx(990), True)
    assert not allowance.fetched(10_000).is_sent
    clock.advance(wait)
    assert allowance.fetched(10_000).is_sent


def test_nobody_waits_longer_than_a_window_for_time_that_was_spent(quotas: ClientQuotas) -> None:
    quotas.configure("clients/app", {"request_percentage": "1"})
    allowance = allowance_of(quotas)

    assert allowance.times_requests
    assert allowance.spent(0.1) == 0
    assert allowance.spent(0.005) == pytest.approx(0.5)
    assert allowance.spent(5) == 1


def test_partitions_are_refused_once_the_bucket_is_empty(quotas: ClientQuotas, clock: FakeClock) -> None:
    quotas.configure("clients/app", {"controller_mutation_rate": "2"})
    mutations = PartitionMutations(quotas.allowance("alice", "app"), is_strict=True)

    mutations.charge(30)
    assert mutations.wait() == 0
    with pytest.raises(ThrottlingQuotaExceeded):
        mutations.charge(1)
    assert mutations.wait() == pytest.approx(4)
    clock.advance(4)
    mutations.charge(1)


def test_old_clients_get_their_partitions_and_wait_afterwards(quotas: ClientQuotas) -> None:
    quotas.configure("clients/app", {"controller_mutation_rate": "2"})
    mutations = PartitionMutations(quotas.allowance("alice", "app"), is_strict=False)

    mutations.charge(22)
    assert mutations.wait() == 0
    mutations.charge(10)
    assert mutations.wait() == pytest.approx(5)


def test_partitions_cost_nothing_without_a_quota() -> None:
    mutations = PartitionMutations(None, is_strict=True)
    mutations.charge(10**9)

    assert mutations.wait() == 0


def test_clients_that_come_under_new_names_are_forgotten(quotas: ClientQuotas, clock: FakeClock) -> None:
    quotas.configure("clients/<default>", {"producer_byte_rate": "1000", "controller_mutation_rate": "1"})
    names = (f"client-{number}" for number in range(20_000))
    most = 0
    for name in names:
        allowance_of(quotas, client_id=name).produced(1)
        clock.advance(0.1)
        most = max(most, quotas.remembered)

    assert most < 1_100
