"""What servers show to Prometheus."""

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pykafka_cli.properties.metrics import PROMETHEUS
from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster, pk

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    running = RunningCluster(tmp_path_factory.mktemp("metrics") / "data", extra=("--metrics-port", "0"))
    yield running
    assert running.stop() == 0


def scraped(url: str) -> Figures:
    text = urllib.request.urlopen(url, timeout=PATIENCE_S).read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def urls_of(running: RunningCluster) -> list[str]:
    return re.findall(r"^Metrics of .+ are at (http://\S+)$", running.said(), re.MULTILINE)


def test_a_broker_shows_what_was_written_and_read(shown: RunningCluster) -> None:
    where = ("--bootstrap-server", shown.bootstrap)
    assert pk("topics", *where, "--create", "--topic", "seen", "--partitions", "2").returncode == 0
    assert pk("console-producer", *where, "--topic", "seen", stdin="a\nb\nc\n").returncode == 0
    read = pk("console-consumer", *where, "--topic", "seen", "--from-beginning", "--max-messages", "3")
    assert read.returncode == 0

    figures = scraped(urls_of(shown)[0])

    seen = (("topic", "seen"),)
    prefix = "kafka_server_brokertopicmetrics_"
    assert figures[f"{prefix}messagesin_total", seen] == 3
    assert figures[f"{prefix}bytesin_total", seen] == figures[f"{prefix}bytesout_total", seen] > 0
    ends = [figures["kafka_log_log_logendoffset", (("partition", each), ("topic", "seen"))] for each in "01"]
    assert sum(ends) == 3
    assert figures["kafka_controller_kafkacontroller_activecontrollercount", ()] == 1
    assert figures["kafka_controller_kafkacontroller_offlinepartitionscount", ()] == 0
    assert figures["kafka_server_replicamanager_underreplicatedpartitions", ()] == 0
    assert figures["kafka_coordinator_group_groupmetadatamanager_numgroups", ()] >= 1
    produce = (("request", "Produce"),)
    assert figures["kafka_network_requestmetrics_requests_total", produce] >= 1
    assert figures["kafka_network_requestmetrics_totaltimems_count", produce] >= 1
    assert figures["kafka_network_requestmetrics_totaltimems", (("quantile", "0.99"), *produce)] > 0
    assert figures["process_resident_memory_bytes", ()] > 0
    assert figures["python_asyncio_tasks", ()] > 0


def test_zookeeper_shows_what_mntr_says(shown: RunningCluster) -> None:
    figures = scraped(urls_of(shown)[1])

    assert figures["znode_count", ()] > 10
    assert figures["num_alive_connections", ()] >= 1
    assert figures["zookeeper_server_info", (("server_state", "standalone"), ("version", "3.8.4-pk-0.1.0"))] == 1


def test_brokers_and_zookeepers_of_their_own_processes_show_theirs(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    ports = ("--port", "0", "--zookeeper-port", "0", "--metrics-port", "0")
    started = pk("up", *data, *ports, "--brokers", "2", "--zookeepers", "3", "--detach", "--output", "json")
    try:
        found = [scraped(url) for url in json.loads(started.stdout)["metrics"]]
    finally:
        assert pk("down", *data).returncode == 0

    controllers = [each["kafka_controller_kafkacontroller_activecontrollercount", ()] for each in found[:2]]
    assert sorted(controllers) == [0, 1]
    leaders = [each for each in found[2:] if any(dict(labels).get("server_state") == "leader" for _, labels in each)]
    assert len(found) == 5
    assert len(leaders) == 1


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("server-start", ["broker.id=0", "listeners=PLAINTEXT://127.0.0.1:0", "pk.metrics.port={}"]),
        (
            "zookeeper-server-start",
            [
                "clientPort=0",
                "clientPortAddress=127.0.0.1",
                "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
                "metricsProvider.httpPort={}",
            ],
        ),
    ],
)
def test_a_port_in_use_is_named(script: str, lines: list[str], tmp_path: Path, cluster: RunningCluster) -> None:
    file = tmp_path / "server.properties"
    more = [f"zookeeper.connect={cluster.zookeeper}/of-{script}", f"log.dirs={tmp_path}/logs", f"dataDir={tmp_path}/zk"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text("\n".join([*more, *lines]).format(port) + "\n")

        refused = pk(script, str(file))

    assert refused.returncode == 1
    assert f"metrics cannot be shown at http://127.0.0.1:{port}/metrics: Address already in use" in refused.stderr


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("metricsProvider.className=com.example.Own", "this server has org.apache.zookeeper.metrics.prometheus"),
        (
            f"metricsProvider.className={PROMETHEUS}\nmetricsProvider.httpPort=many",
            "must be a port, 0 to 65535",
        ),
    ],
)
def test_a_provider_that_is_not_there_and_a_port_that_is_none_are_refused(given: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "zoo.cfg"
    file.write_text(f"dataDir={tmp_path}/zk\nclientPort=0\n{given}\n")

    refused = pk("zookeeper-server-start", str(file))

    assert refused.returncode == 1
    assert why in refused.stderr
