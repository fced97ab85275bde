"""The fixtures, in separate runs of pytest."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pykafka_cli.testing import Kafka
from tests.support.far_cluster import FAR, Proxy
from tests.support.kafka_4 import Kafka4
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.pytest_runs import Run
from tests.support.running import pk

SAMPLE = """
    import pytest

    def test_records_come_back(pk_kafka, pk_topic):
        pk_kafka.produce(pk_topic, "one", "two", key="k", headers={"h": "v"})
        first, second = pk_kafka.records(pk_topic, 2)
        assert (first.text, first.key, first.headers) == ("one", b"k", (("h", b"v"),))
        assert second.text == "two"

    def test_what_comes_after_a_mark_is_expected(pk_kafka, pk_topic):
        before = pk_kafka.mark(pk_topic)
        pk_kafka.produce(pk_topic, '{"id": 1}', "no json")
        pk_kafka.expect(pk_topic, json_subset=[{"id": 1}], count=2, exactly=True, grace=0, since=before)

    @pytest.mark.pk_topic(partitions=3, configs={"retention.ms": "1000"})
    def test_each_test_has_a_topic_of_its_own(pk_kafka, pk_topic):
        assert pk_kafka.records(pk_topic) == []
        pk_kafka.wait(f"topic={pk_topic}:3", timeout=0)
"""


def test_a_test_gets_a_cluster_and_a_topic_of_its_own(run_pytest: Callable[..., Run]) -> None:
    run = run_pytest(SAMPLE)

    assert run.counts == {"passed": 3}, run.output


def test_time_is_moved_and_requests_fail_on_demand(run_pytest: Callable[..., Run]) -> None:
    run = run_pytest("""
        import pytest
        from confluent_kafka import Producer

        def test_retention(pk_kafka, pk_topic):
            pk_kafka.produce(pk_topic, "old")
            pk_kafka.advance(days=8)
            assert pk_kafka.records(pk_topic) == []

        def test_fault(pk_kafka, pk_topic):
            errors = []
            pk_kafka.fail("Produce", "TOPIC_AUTHORIZATION_FAILED")
            for value in ("rejected", "accepted"):
                producer = Producer({"bootstrap.servers": pk_kafka.bootstrap_servers})
                producer.produce(pk_topic, value, on_delivery=lambda error, _: errors.append(error and error.name()))
                producer.flush(30)
            assert errors == ["TOPIC_AUTHORIZATION_FAILED", None]
            assert [each.text for each in pk_kafka.records(pk_topic, 1)] == ["accepted"]

        def test_our_own_requests_are_spared(pk_kafka, pk_topic):
            pk_kafka.disconnect("Produce", times=None)
            pk_kafka.delay("Fetch", seconds=3600, times=None)
            pk_kafka.produce(pk_topic, "x")
            assert pk_kafka.records(pk_topic, 1)[0].text == "x"
            pk_kafka.clear_faults()
        """)

    assert run.counts == {"passed": 3}, run.output


def test_clusters_are_made_to_order(run_pytest: Callable[..., Run]) -> None:
    run = run_pytest("""
        from pykafka_cli.testing import Security

        def test_three_brokers(pk_cluster):
            kafka = pk_cluster(brokers=3, overrides={"min.insync.replicas": "2"})
            topic = kafka.new_topic(replication_factor=3)
            kafka.produce(topic, "x")
            kafka.wait("broker=3", timeout=0)
            assert len(kafka.bootstrap_servers.split(",")) == 3

        def test_logins_over_tls(pk_cluster):
            kafka = pk_cluster(security=Security("SASL_SSL", "SCRAM-SHA-512", {"bob": 'a "quoted\\\\ word'}))
            kafka.produce("t", "x")
            assert kafka.records("t", 1)[0].text == "x"
            assert kafka.client_properties["security.protocol"] == "SASL_SSL"
        """)

    assert run.counts == {"passed": 2}, run.output


def test_the_report_of_a_failed_test_has_what_the_broker_logged_meanwhile(run_pytest: Callable[..., Run]) -> None:
    run = run_pytest("""
        import socket

        def send(kafka, text, here):  # a broker counts what comes again from an address
            host, port = kafka.bootstrap_servers.split(":")
            with socket.create_connection((host, int(port)), source_address=(here, 0)) as connection:
                connection.sendall(text)
                assert connection.recv(1) == b""

        def test_that_passes(pk_kafka):
            send(pk_kafka, b"GET /first", "127.0.0.1")

        def test_that_fails(pk_kafka):
            send(pk_kafka, b"\\x00\\x00\\x00\\x08\\x7f\\xff\\x00\\x00\\x00\\x00\\x00\\x00", "127.0.0.2")
            assert False, "on purpose"
        """)

    assert run.counts == {"failed": 1, "passed": 1}
    assert "Kafka log, 127.0.0.1:" in run.output
    assert "a request of 8 bytes, too short for a header" in run.output
    assert run.output.count("Closing the connection") == 1  # that of the other test is not there


def test_each_process_of_xdist_has_a_server_of_its_own(run_pytest: Callable[..., Run], tmp_path: Path) -> None:
    run = run_pytest(
        """
        import os, pathlib, pytest

        @pytest.mark.parametrize("number", range(8))
        def test_where(pk_kafka, pk_topic, number):
            pk_kafka.produce(pk_topic, str(number))
            assert pk_kafka.records(pk_topic)[0].text == str(number)
            worker = os.environ["PYTEST_XDIST_WORKER"]
            pathlib.Path(f"{worker}-{pk_kafka.bootstrap_servers.rpartition(':')[2]}").touch()
        """,
        *("-p", "xdist", "-n", "2", "--dist", "load", "--basetemp", "base"),
    )

    assert run.counts == {"passed": 8}, run.output
    servers = [each.name.partition("-") for each in tmp_path.glob("gw*-*")]
    assert len({worker for worker, _, _ in servers}) == len({port for _, _, port in servers}) == len(servers) == 2


def test_a_cluster_that_is_there_is_used_and_left_as_it_was(run_pytest: Callable[..., Run]) -> None:
    with Kafka() as kafka:
        run = run_pytest(
            SAMPLE
            + """
    def test_time(pk_kafka):
        pk_kafka.advance(days=1)

    def test_fault(pk_kafka):
        pk_kafka.fail("Produce", "UNKNOWN_SERVER_ERROR")

    def test_own(pk_cluster):
        pk_cluster()
            """,
            *("--pk-bootstrap", kafka.bootstrap_servers),
        )
        left = pk("topics", "--bootstrap-server", kafka.bootstrap_servers, "--list")

    assert run.counts == {"passed": 3, "skipped": 3}, run.output
    assert f"advance is not possible with {kafka.bootstrap_servers}" in run.output
    assert f"fault is not possible with {kafka.bootstrap_servers}" in run.output
    assert "this test starts its own clusters" in run.output
    assert left.stdout.strip() == ""


def test_the_same_tests_run_on_apache_kafka_4_far_away(run_pytest: Callable[..., Run], tmp_path: Path) -> None:
    near = free_port()
    proxy = Proxy(near, FAR)
    address = f"127.0.0.1:{proxy.port}"
    server = Kafka4(tmp_path, port=near, more=f"advertised.listeners=PLAINTEXT://{address}")
    try:
        server.start()
        run = run_pytest(SAMPLE, "--pk-bootstrap", address)
    finally:
        server.kill()
        proxy.close()

    assert run.counts == {"passed": 3}, run.output


def test_the_reason_is_reported_where_no_server_can_be_started(run_pytest: Callable[..., Run]) -> None:
    run = run_pytest("""
        def test_it(pk_cluster):
            pk_cluster(overrides={"num.partitions": "many"})
        """)

    assert run.counts == {"failed": 1}
    assert "CannotStart: --override num.partitions: " in run.output


def test_servers_end_with_a_pytest_that_is_killed(run_pytest: Callable[..., Run], tmp_path: Path) -> None:
    killed = run_pytest("""
        import pathlib, signal

        def test_it(pk_kafka):
            pathlib.Path("address").write_text(pk_kafka.bootstrap_servers)
            signal.raise_signal(signal.SIGKILL)
        """)

    assert killed.status == -signal.SIGKILL
    address = (tmp_path / "address").read_text()
    until(lambda: address not in pk("status").stdout, "the servers still run")


@pytest.mark.parametrize("module", ["pykafka_cli.testing", "pykafka_cli.testing.plugin"])
def test_nothing_is_imported_before_a_fixture_is_used(module: str) -> None:
    program = f"""
import pytest, sys
before = set(sys.modules)
import {module}
print(*sorted(set(sys.modules) - before))
"""
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert set(imported.stdout.split()) <= {"pykafka_cli", "pykafka_cli.testing", "pykafka_cli.testing.plugin"}
