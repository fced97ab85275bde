"""`Kafka` without pytest: a context manager, and a unittest."""

import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import Timestamp
from pykafka_cli.testing import ExternalCluster, Kafka, NotPossible, Record, Security
from pykafka_cli.testing.security import MECHANISMS, until_accepted
from pykafka_cli.transport.errors import AuthenticationFailed


def test_it_serves_within_a_block_and_leaves_nothing_behind() -> None:
    with Kafka() as kafka:
        kafka.create_topic("t", partitions=2)
        kafka.produce_many("t", [("a", "1"), (None, b"2"), ("a", None)])

        assert sorted((each.key or b"", each.value or b"") for each in kafka.records("t", 3)) == [
            (b"", b"2"),
            (b"a", b""),
            (b"a", b"1"),
        ]
        assert {each.partition for each in kafka.records("t")} <= {0, 1}
        assert kafka.zookeeper_connect is not None

    assert kafka.log == ""


def test_what_does_not_come_about_is_an_assertion_that_says_what_did() -> None:
    with Kafka() as kafka:
        kafka.produce("t", "only")

        with pytest.raises(AssertionError, match=r"t: 1 of 2 records arrived within 3 s, the last b'only'"):
            kafka.records("t", 2, within=3)
        with pytest.raises(AssertionError, match=r"(?s)Timed out after 2 s:.*records=t:5: 1 of 5"):
            kafka.wait("records=t:5", timeout=2)
        with pytest.raises(ApiError, match="not a name"):
            kafka.create_topic("not a name")


def test_what_is_expected_after_a_mark_comes_or_is_reported_as_pk_expect_does() -> None:
    with Kafka() as kafka:
        kafka.produce("t", '{"id": 0}')
        before = kafka.mark("t")
        kafka.produce("t", '{"id": 1, "state": "paid"}', '{"id": 2, "state": "new"}', key="k", headers={"h": "v"})

        kafka.expect("t", count=3)
        kafka.expect(
            "t",
            "records=t:3",
            json_subset=[{"id": 1}, {"state": "new"}],
            ordered_by_key=True,
            exactly=True,
            grace=0,
            key="k",
            headers={"h": None},
            since=before,
        )
        kafka.expect("t", value_matches="^.*paid", since=before)
        with pytest.raises(AssertionError) as failed:
            kafka.expect("t", json_subset=[{"id": 2, "state": "paid"}], since=before, within=3)

    assert str(failed.value).startswith("Timed out after 3 s:\n")
    assert 'wanted {"id": 2, "state": "paid"}' in str(failed.value)
    assert '- .state: "paid"' in str(failed.value)


def test_of_a_transaction_that_is_open_only_uncommitted_records_are_seen() -> None:
    from confluent_kafka import Producer

    with Kafka() as kafka:
        kafka.create_topic("t")
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "x"})
        producer.init_transactions()
        producer.begin_transaction()
        producer.produce("t", b"open")
        producer.flush()

        assert [each.text for each in kafka.records("t", 1)] == ["open"]
        assert kafka.records("t", read_committed=True) == []
        producer.commit_transaction()
        assert [each.text for each in kafka.records("t", 1, read_committed=True)] == ["open"]


def test_a_unittest_needs_no_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        textwrap.dedent("""
        import unittest
        from pykafka_cli.testing import Kafka

        class Test(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.kafka = cls.enterClassContext(Kafka())

            def test_it(self):
                self.kafka.produce("t", "x")
                self.assertEqual(self.kafka.records("t", 1)[0].text, "x")
        """)
    )

    command = [sys.executable, "-W", "error::ResourceWarning", "-m", "unittest", "test_it"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 0, ended.stderr


def test_another_cluster_is_used_but_its_time_is_not_moved() -> None:
    with Kafka() as kafka, ExternalCluster(kafka.bootstrap_servers) as same:
        same.produce("t", "x")

        assert kafka.records("t", 1)[0].text == "x"
        with pytest.raises(NotPossible, match="advance is not possible"):
            same.advance(days=1)


@pytest.mark.parametrize(("protocol", "mechanism"), [("PLAINTEXT", "PLAIN"), ("SASL_SSL", "GSSAPI")])
def test_a_security_that_there_is_not_is_rejected(protocol: str, mechanism: str) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        Security(protocol, mechanism)


def test_a_record_is_bytes_text_and_json() -> None:
    record = Record("t", 0, 0, Timestamp(0), None, b'{"a": [1]}', ())

    assert (record.text, record.json()) == ('{"a": [1]}', {"a": [1]})


async def test_a_user_is_ready_when_the_broker_has_heard_of_the_credentials() -> None:
    answers = [AuthenticationFailed("not yet"), AuthenticationFailed("not yet"), None]

    async def log_in() -> None:
        if failure := answers.pop(0):
            raise failure

    await until_accepted(log_in)

    assert not answers


async def test_a_user_that_is_never_accepted_is_not_waited_for_without_end() -> None:
    async def log_in() -> None:
        raise AuthenticationFailed("never")

    with pytest.raises(TimeoutError):
        await until_accepted(log_in, timeout=0)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_passwords_are_in_no_command_line(mechanism: str) -> None:
    password = uuid.uuid4().hex

    with Kafka(security=Security(mechanism=mechanism, users={"alice": password})) as kafka:
        kafka.produce("t", "x")
        shown = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout

    assert f"sasl.enabled.mechanisms={mechanism}" in shown
    assert password not in shown


def test_of_three_brokers_one_is_killed_and_comes_back() -> None:
    with Kafka(brokers=3, overrides={"min.insync.replicas": "2"}) as kafka:
        kafka.create_topic("t", replication_factor=3)
        kafka.produce("t", "before")
        for broker in range(3):
            kafka.kill_broker(broker)
            kafka.advance(seconds=10)  # its session expires
            kafka.produce("t", f"without {broker}")
            kafka.start_broker(broker)
            kafka.wait("broker=3")

        read = [each.text for each in kafka.records("t", 4)]

        assert read == ["before", "without 0", "without 1", "without 2"]
        assert "Broker 2 runs again, in process" in kafka.log


def test_a_broker_that_is_paused_or_stopped_is_not_needed() -> None:
    with Kafka(brokers=3) as kafka:
        kafka.create_topic("t", replication_factor=3)
        kafka.pause_broker(0)
        kafka.advance(seconds=10)
        kafka.produce("t", "one is paused")
        kafka.resume_broker(0)
        kafka.wait("broker=3")
        kafka.stop_broker(1)
        kafka.produce("t", "one is stopped")
        kafka.restart_broker(1)
        kafka.fail("Produce", "NOT_LEADER_OR_FOLLOWER", times=2)

        assert [each.text for each in kafka.records("t", 2)] == ["one is paused", "one is stopped"]
