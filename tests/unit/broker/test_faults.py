from kio.schema.errors import ErrorCode

from pykafka_cli.broker.faults import Fault, Faults, OwnTimes
from pykafka_cli.model import Seconds
from pykafka_cli.protocol.api_keys import ApiKey

ERROR = ErrorCode.not_leader_or_follower


def test_a_fault_happens_as_often_as_it_was_asked_for() -> None:
    faults = Faults()
    faults.add(fault := Fault(ApiKey.PRODUCE, ERROR, times=OwnTimes(2)))

    taken = [faults.take(ApiKey.PRODUCE, "app") for _ in range(3)]

    assert taken == [fault, fault, None]
    assert not faults.active


def test_a_fault_without_a_number_happens_until_it_is_cleared() -> None:
    faults = Faults()
    faults.add(fault := Fault(ApiKey.FETCH, delay_s=Seconds(1), times=None))
    assert [faults.take(ApiKey.FETCH, None) for _ in range(3)] == [fault] * 3

    faults.clear()

    assert faults.take(ApiKey.FETCH, None) is None


def test_a_fault_happens_to_its_api_and_its_client_and_spares_another() -> None:
    faults = Faults()
    faults.add(Fault(ApiKey.PRODUCE, ERROR, client_id="app"))
    faults.add(Fault(ApiKey.FETCH, ERROR, spared="pk", times=None))

    assert faults.take(ApiKey.METADATA, "app") is None
    assert faults.take(ApiKey.PRODUCE, "other") is None
    assert faults.take(ApiKey.PRODUCE, "app") is not None
    assert faults.take(ApiKey.FETCH, "pk") is None
    assert faults.take(ApiKey.FETCH, "app") is not None


def test_faults_of_one_api_happen_one_after_the_other() -> None:
    faults = Faults()
    faults.add(first := Fault(ApiKey.PRODUCE, ERROR))
    faults.add(second := Fault(ApiKey.PRODUCE, disconnects=True))

    assert [faults.take(ApiKey.PRODUCE, None) for _ in range(2)] == [first, second]
