"""pk up: what it prints, what stops it from starting, and that it goes on with what it kept."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from pykafka_cli.cli import run
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import PK, RunningCluster, pk
from tests.support.zookeeper.servers import four_letter_word


def names_below(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*")}


def test_it_says_where_it_listens_and_what_to_type_next(cluster: RunningCluster) -> None:
    assert cluster.zookeeper.startswith("127.0.0.1:")
    assert f"Data is kept in {cluster.data_dir}" in cluster.said()
    assert {"zookeeper", "kafka"} <= {path.name for path in cluster.data_dir.iterdir()}


def test_a_topic_is_there_again_after_a_stop(tmp_path: Path) -> None:
    first = RunningCluster(tmp_path / "data")
    created = pk("topics", "--bootstrap-server", first.bootstrap, "--create", "--topic", "kept", "--partitions", "2")
    assert (created.returncode, first.stop()) == (0, 0)

    second = RunningCluster(tmp_path / "data")
    listed = pk("topics", "--bootstrap-server", second.bootstrap, "--list")

    assert (listed.stdout, second.stop()) == ("kept\n", 0)


def test_several_brokers_make_one_cluster(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data", extra=("--brokers", "2"))
    try:
        created = pk(
            "topics", "--bootstrap-server", running.bootstrap, "--create", "--topic", "t", "--replication-factor", "2"
        )
        described = pk("topics", "--bootstrap-server", running.bootstrap, "--describe", "--topic", "t")
    finally:
        status = running.stop()
    assert (created.returncode, status) == (0, 0)
    assert "ReplicationFactor: 2" in described.stdout
    assert {"kafka", "kafka-1"} <= {path.name for path in (tmp_path / "data").iterdir()}


def test_data_of_a_running_cluster_is_left_alone(cluster: RunningCluster) -> None:
    refused = pk("up", "--data-dir", str(cluster.data_dir), "--port", "0", "--zookeeper-port", "0")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert str(cluster.data_dir) in refused.stderr


@pytest.mark.parametrize("option", ["--port", "--zookeeper-port"])
def test_a_port_in_use_stops_it_before_anything_is_written(option: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"--port": "0", "--zookeeper-port": "0", option: str(taken.getsockname()[1])}

        refused = pk("up", "--data-dir", str(tmp_path / "data"), *(word for pair in ports.items() for word in pair))

    assert refused.returncode == 1
    assert "in use" in refused.stderr
    assert f"{option} chooses another port" in refused.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "65535", "--brokers", "3"], "3 brokers starting at port 65535 would need ports above 65535."),
        (
            ["--port", "9092", "--brokers", "3", "--zookeeper-port", "9093"],
            "A broker and ZooKeeper cannot both have port 9093.",
        ),
    ],
)
def test_ports_that_cannot_be_are_rejected(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", "--data-dir", str(tmp_path / "data"), *words]) == 2

    assert capsys.readouterr() == ("", f"{message}\n")
    assert not (tmp_path / "data").exists()


def test_records_of_another_cluster_are_left_alone(tmp_path: Path) -> None:
    logs = tmp_path / "data" / "kafka"
    logs.mkdir(parents=True)
    (logs / "meta.properties").write_text("version=0\nbroker.id=0\ncluster.id=another\n")

    refused = pk("up", "--data-dir", str(tmp_path / "data"), "--port", "0", "--zookeeper-port", "0")

    assert refused.returncode == 1
    assert "holds records of a cluster whose ZooKeeper is not in" in refused.stderr
    assert names_below(tmp_path / "data") == {"kafka", "meta.properties"}


def test_it_prints_what_a_logger_is_asked_to_say(fresh_cluster: RunningCluster) -> None:
    logger = ("--bootstrap-server", fresh_cluster.bootstrap, "--entity-type", "broker-loggers", "--entity-name", "0")
    before = pk("configs", *logger, "--describe")
    altered = pk("configs", *logger, "--alter", "--add-config", "pykafka_cli.broker.replication.roles=DEBUG")
    created = pk("topics", "--bootstrap-server", fresh_cluster.bootstrap, "--create", "--topic", "told")

    assert "  kafka.controller=INFO " in before.stdout
    assert (altered.returncode, created.returncode) == (0, 0)
    assert "told-0: leading in epoch 0" in fresh_cluster.said()


FREE = ("--port", "0", "--zookeeper-port", "0")


@pytest.mark.parametrize("zookeepers", [(), ("--zookeepers", "1")], ids=["here", "in its own process"])
def test_zookeeper_has_the_properties_that_it_is_given(zookeepers: tuple[str, ...], tmp_path: Path) -> None:
    given = ("--zookeeper-override", "4lw.commands.whitelist=ruok", "--zookeeper-override", "tickTme=1")
    running = RunningCluster(tmp_path / "data", extra=(*zookeepers, *given))

    until(lambda: four_letter_word(running.zookeeper_port, b"ruok") == b"imok", running.said)

    assert running.stop() == 0
    assert "--zookeeper-override: unknown key tickTme is ignored; did you mean tickTime?\n" in running.said()


def test_a_command_runs_while_the_servers_do(tmp_path: Path) -> None:
    script = f"{PK} topics --describe --topic orders; ls -d {tmp_path}/data; exit 7"
    topics = ("--topic", "orders:3:retention.ms=1000", "--topic", "events")

    words = ("--data-dir", str(tmp_path / "data"), *FREE, "--override", "num.partitions=2")
    done = pk("up", *words, *topics, "--", "sh", "-c", script)
    again = pk("up", *words, "--topic", "orders:4", "--topic", "events:2", "--", PK, "topics", "--list")

    assert (done.returncode, done.stderr) == (7, "")
    assert "PartitionCount: 3\tReplicationFactor: 1\tConfigs: retention.ms=1000" in done.stdout
    assert done.stdout.endswith(f"{tmp_path}/data\n")
    assert (again.returncode, again.stdout) == (0, "events\norders\n")
    assert again.stderr == "Topic orders exists, with 3 partitions instead of 4\n"


def test_temporary_data_are_gone_with_the_servers() -> None:
    command = (PK, "log-dirs", "--describe", "--bootstrap-server")

    done = pk(
        "up", "--ephemeral", *FREE, "--topic", "t", "--", "sh", "-c", f'{" ".join(command)} "$PK_BOOTSTRAP_SERVER"'
    )

    assert done.returncode == 0
    (logs,) = re.findall(r'"logDir":"([^"]+)"', done.stdout)
    assert "/pk-up." in logs
    assert not Path(logs).parent.exists()


def test_servers_stop_with_the_process_that_holds_their_input(tmp_path: Path) -> None:
    words = [PK, "up", "--ephemeral", "--stop-at-eof", *FREE, "--brokers=2", f"--ready-file={tmp_path / 'ready'}"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as servers:
        assert servers.stdin
        assert servers.stdout
        assert any("Ctrl-C stops everything." in line for line in servers.stdout)
        data_dir = Path(json.loads((tmp_path / "ready").read_text())["data_dir"])
        assert data_dir.is_dir()

        servers.stdin.close()

        assert servers.wait(60) == 0
    assert not data_dir.exists()


def test_without_an_input_servers_that_stop_at_its_end_do_not_start() -> None:
    done = pk("up", "--ephemeral", "--stop-at-eof", *FREE, stdin="")

    assert (done.returncode, done.stderr) == (0, "")


def test_topics_are_created_as_docker_images_do(tmp_path: Path) -> None:
    environment = {**os.environ, "KAFKA_CREATE_TOPICS": "one:1:1,\n two:2:1:compact"}

    done = pk("up", "--data-dir", str(tmp_path / "data"), *FREE, "--", PK, "topics", "--describe", env=environment)

    assert done.returncode == 0
    assert "Topic: one\t" in done.stdout
    assert "PartitionCount: 2\tReplicationFactor: 1\tConfigs: cleanup.policy=compact" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (("--", "no-such-command"), 127, "no-such-command: command not found"),
        (("--topic", "orders:1:2"), 2, "--brokers 2 starts enough."),
        (("--override", "num.partitions=none"), 2, "--override num.partitions: "),
        (("--override", "log.dirs=elsewhere"), 2, "Use --data-dir."),
        (("--zookeeper-override", "tickTime=none"), 2, "--zookeeper-override tickTime: "),
        (("--zookeeper-override", "dataDir=elsewhere"), 2, "Use --data-dir."),
        (("--zookeeper-override", "maxSessionTimeout=1"), 2, "--zookeeper-override maxSessionTimeout: "),
        (("--listen", "0.0.0.0"), 2, "--advertise HOST:PORT sets the address that they should use."),
        (("--stop-at-eof", "--detach"), 2, "--stop-at-eof cannot be used with --detach"),
        (("--stop-at-eof", "--", "true"), 2, "--stop-at-eof cannot be used with a command, which may read it"),
        (("--advertise", "kafka"), 2, "--advertise kafka is not of the form HOST:PORT"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    words: tuple[str, ...], status: int, problem: str, tmp_path: Path
) -> None:
    refused = pk("up", "--data-dir", str(tmp_path / "data"), *FREE, *words)

    assert (refused.returncode, refused.stdout) == (status, "")
    assert problem in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_misspelled_override_is_reported() -> None:
    done = pk("up", "--ephemeral", *FREE, "--override", "log.retenton.ms=1", "--", "true")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "--override: unknown key log.retenton.ms is ignored; did you mean log.retention.ms?\n"


def test_temporary_and_kept_data_exclude_each_other(tmp_path: Path) -> None:
    refused = pk("up", "--ephemeral", "--data-dir", str(tmp_path))

    assert (refused.returncode, refused.stderr) == (2, "--ephemeral and --data-dir cannot be used together\n")


def test_clients_elsewhere_get_the_advertised_address_and_brokers_need_it_not(tmp_path: Path) -> None:
    """Nobody listens at the advertised address: brokers, and commands on this machine, find each other all the same."""
    port, elsewhere = free_port(), free_port()
    words = ("--data-dir", str(tmp_path / "data"), "--port", str(port), "--zookeeper-port", "0", "--topic", "t:1")
    near = (
        f"echo one | {PK} console-producer --topic t; {PK} console-consumer --topic t --from-beginning --max-messages 1"
    )
    far = f"PK_BOOTSTRAP_SERVER=127.0.0.1:{port} {PK} wait --timeout 0"

    done = pk(
        "up", *words, "--listen", "0.0.0.0", "--advertise", f"127.0.0.1:{elsewhere}", "--", "sh", "-c", f"{near}; {far}"
    )

    assert (done.returncode, done.stdout) == (1, "one\n")
    assert (
        f"listener PLAINTEXT://0.0.0.0:{port} can be reached from other machines and requires no login" in done.stderr
    )
    assert f"127.0.0.1:{elsewhere}" in done.stderr.splitlines()[-1]


def test_a_detached_cluster_says_how_it_is_reached(tmp_path: Path) -> None:
    words = ("--data-dir", str(tmp_path / "data"), *FREE, "--brokers", "2", "--output", "json")

    started = pk("up", "--detach", *words, "--listen", "127.0.0.1", "--advertise", "localhost:19092")
    stopped = pk("down", "--data-dir", str(tmp_path / "data"))

    assert (started.returncode, stopped.returncode, started.stderr) == (0, 0, "")
    brokers = json.loads(started.stdout)["brokers"]
    assert [broker["advertised"] for broker in brokers] == ["localhost:19092", "localhost:19093"]
    assert len({broker["address"] for broker in brokers}) == 2


def test_without_an_advertised_address_the_one_it_listens_on_is_it(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data", extra=("--listen", "localhost"))
    try:
        (advertised,) = re.findall(
            r"^Clients elsewhere reach broker 0 at (localhost:\d+)$", running.said(), re.MULTILINE
        )
        waited = pk("wait", "--bootstrap-server", advertised, "broker")
    finally:
        running.stop()

    assert (waited.returncode, waited.stderr) == (0, "")
    assert not advertised.endswith(f":{running.port}")
