"""pk ui and pk up --ui: pages of a real cluster, over a socket."""

import builtins
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pykafka_cli.script.errors import ScriptError
from pykafka_cli.ui.opening import listen, new_ui
from tests.support.ports import free_port
from tests.support.running import RunningCluster, pk
from tests.support.ui_process import UiProcess, get

TOPIC, GROUP = "ui-orders", "ui billing/1"


@pytest.fixture(scope="module")
def page(cluster: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UiProcess]:
    at = ("--bootstrap-server", cluster.bootstrap)
    assert pk("topics", *at, "--create", "--topic", TOPIC, "--partitions", "2").returncode == 0
    keyed = ("--property", "parse.key=true", "--property", "key.separator=:")
    assert pk("console-producer", *at, "--topic", TOPIC, *keyed, stdin="a:1\nb:2\na:3\n").returncode == 0
    reading = ("--topic", TOPIC, "--group", GROUP, "--from-beginning", "--max-messages", "3")
    assert pk("console-consumer", *at, *reading).returncode == 0
    assert pk("console-producer", *at, "--topic", TOPIC, *keyed, stdin="a:4\n").returncode == 0
    found = UiProcess(tmp_path_factory.mktemp("ui"), cluster.bootstrap)
    yield found
    assert found.stop(signal.SIGINT) == 0


def test_brokers(page: UiProcess, cluster: RunningCluster) -> None:
    found = page.document(".json")

    assert found["controller"] == 0
    assert [(each["broker"], each["is_alive"], each["port"]) for each in found["brokers"]] == [(0, True, cluster.port)]
    assert str(found["cluster_id"]) in get(page.url).text


def test_topics(page: UiProcess) -> None:
    found = page.document(f"topics.json?filter={TOPIC}")

    assert found["topics"] == [
        {
            "topic": TOPIC,
            "is_internal": False,
            "partitions": 2,
            "replication_factor": 1,
            "leaderless": 0,
            "under_replicated": 0,
        }
    ]


def test_a_topics_partitions(page: UiProcess) -> None:
    found = page.document(f"topic.json?name={TOPIC}")

    assert [(each["leader"], each["isr"], each["log_start"]) for each in found["partitions"]] == [(0, [0], 0)] * 2
    assert sum(each["log_end"] for each in found["partitions"]) == found["records"] == 4


def test_a_topics_readers(page: UiProcess) -> None:
    found = page.document(f"readers.json?name={TOPIC}")

    (reader,) = found["groups"]
    assert reader["group"] == GROUP
    assert sum(each["offset"] for each in reader["offsets"]) == 3


def test_groups(page: UiProcess) -> None:
    found = page.document(f"groups.json?filter={GROUP}")

    assert found["groups"] == [{"group": GROUP, "type": "Classic", "state": "Empty", "protocol": "consumer"}]


def test_a_groups_lag(page: UiProcess) -> None:
    found = page.document(f"group.json?name={GROUP}")

    assert found["lag"] == sum(each["lag"] for each in found["partitions"]) == 1
    assert found["members"] == []


def test_configs(page: UiProcess) -> None:
    of_topic = {each["name"]: each for each in page.document(f"configs.json?topic={TOPIC}")["configs"]}
    of_broker = {each["name"]: each for each in page.document("configs.json?broker=0")["configs"]}

    assert of_topic["cleanup.policy"]["value"] == "delete"
    assert of_broker["broker.id"]["value"] == "0"


def test_a_page_that_is_watched_says_what_has_changed(page: UiProcess, cluster: RunningCluster) -> None:
    at = ("--bootstrap-server", cluster.bootstrap, "--topic", "ui-watched")
    assert pk("topics", *at, "--create", "--partitions", "1").returncode == 0
    assert page.document("topic.json?name=ui-watched")["changes"] == []

    assert pk("topics", *at, "--alter", "--partitions", "2").returncode == 0

    assert [each["change"] for each in page.document("topic.json?name=ui-watched")["changes"]] == ["partition 1 is new"]
    assert "partition 1 is new" in get(f"{page.url}topic?name=ui-watched").text


def test_transactions(page: UiProcess, cluster: RunningCluster) -> None:
    once = ("--num-records", "10", "--record-size", "1", "--throughput", "-1")
    transaction = ("--transactional-id", "ui-transaction", "--transaction-duration-ms", "60000")
    sending = (*transaction, "--producer-props", f"bootstrap.servers={cluster.bootstrap}")
    assert pk("producer-perf-test", "--topic", TOPIC + "-t", *once, *sending).returncode == 0

    (listed,) = page.document("transactions.json?filter=ui-transaction")["transactions"]
    found = page.document("transaction.json?name=ui-transaction")

    assert found["producer_id"] == listed["producer_id"]
    assert (found["state"], found["partitions"]) == ("CompleteCommit", [])
    assert "ui-transaction" in get(f"{page.url}transaction?name=ui-transaction").text


def test_acls_without_an_authorizer_are_not_offered(page: UiProcess) -> None:
    response = get(f"{page.url}acls")

    assert response.status_code == 501
    assert "No Authorizer is configured" in response.text


def test_log_directories_are_those_that_the_brokers_report(page: UiProcess, cluster: RunningCluster) -> None:
    found = page.document(f"logs.json?filter={TOPIC}")

    assert [(each["broker"], each["log_dir"], each["error"]) for each in found["log_dirs"]] == [
        (0, str(cluster.data_dir / "kafka"), None)
    ]
    shown = [each for each in found["replicas"] if each["topic"] == TOPIC]
    assert {each["partition"] for each in shown} == {0, 1}
    assert shown == sorted(shown, key=lambda each: -each["size"])
    assert f"pk log-dirs --describe --bootstrap-server {cluster.bootstrap}" in get(f"{page.url}logs").text


def test_segments_are_the_files_of_a_broker_on_this_machine(page: UiProcess, cluster: RunningCluster) -> None:
    found = page.document(f"segments.json?topic={TOPIC}&partition=0&broker=0")

    folder = cluster.data_dir / "kafka" / f"{TOPIC}-0"
    assert found["folder"] == str(folder)
    (segment,) = found["segments"]
    assert segment["base_offset"] == 0
    assert segment["log"] == (folder / f"{0:020d}.log").stat().st_size == found["size"]
    assert segment["index"] == (folder / f"{0:020d}.index").stat().st_size
    assert "partition.metadata" in {each["name"] for each in found["other_files"]}
    shown = get(f"{page.url}segments?topic={TOPIC}&partition=0&broker=0").text
    assert f"pk dump-log --files {folder}/{0:020d}.log" in shown


@pytest.mark.parametrize("what", ["topic=missing&partition=0&broker=0", f"topic={TOPIC}&partition=7&broker=0"])
def test_segments_of_what_is_not_there_are_a_mistake_in_the_address(page: UiProcess, what: str) -> None:
    assert "has no replica" in get(f"{page.url}segments?{what}").text


def test_znodes_are_a_tree(page: UiProcess, cluster: RunningCluster) -> None:
    found = page.document("znodes.json?path=/brokers/ids/0")

    assert found["zookeeper"] == cluster.zookeeper
    assert [(level["path"], level["open"]) for level in found["levels"]] == [
        ("/", "brokers"),
        ("/brokers", "ids"),
        ("/brokers/ids", "0"),
        ("/brokers/ids/0", None),
    ]
    assert {"name": "topics", "path": "/brokers/topics"} in found["levels"][1]["children"]
    assert f'"port":{cluster.port}' in found["data"].replace(" ", "")
    assert found["stat"]["ephemeral_owner"].startswith("0x")
    shown = get(f"{page.url}znodes?path=/brokers/ids/0").text
    assert f"pk zookeeper-shell {cluster.zookeeper} get -s /brokers/ids/0" in shown


def test_znodes_that_come_and_change_are_reported(page: UiProcess, cluster: RunningCluster) -> None:
    def shell(*words: str) -> None:
        assert pk("zookeeper-shell", cluster.zookeeper, *words).returncode == 0

    shell("create", "/ui-watched", "one")
    page.document("znodes.json?path=/ui-watched")
    shell("create", "/ui-watched/child", "")
    shell("set", "/ui-watched", "two")

    found = page.document("znodes.json?path=/ui-watched")

    assert found["data"] == "two"
    assert [each["change"] for each in found["changes"]] == [
        "/ui-watched/child is new",
        "the data of /ui-watched has version 1, and had 0",
    ]


def test_a_znode_s_data_may_be_no_text(page: UiProcess, cluster: RunningCluster) -> None:
    client = KazooClient(cluster.zookeeper)
    client.start()
    client.create("/ui-bytes", b"\xff\x00<script>")
    client.stop()

    assert page.document("znodes.json?path=/ui-bytes")["data"].startswith("ff 00 3c")


@pytest.mark.parametrize(
    "what",
    [
        "topic?name=missing",
        "group?name=missing",
        "configs?topic=missing",
        "transaction?name=missing",
        "znodes?path=/missing",
    ],
)
def test_what_the_cluster_lacks_is_not_found(page: UiProcess, what: str) -> None:
    assert get(page.url + what).status_code == 404


@pytest.mark.parametrize(
    "what", ["topic", "readers", "group", "configs", "configs?broker=x", "transaction", "segments", "segments?topic=x"]
)
def test_an_incomplete_address_says_what_it_lacks(page: UiProcess, what: str) -> None:
    response = get(page.url + what)

    assert response.status_code == 400
    assert "The address lacks" in response.text


@pytest.mark.parametrize(
    "address", ["", "topics", f"topic?name={TOPIC}", "groups", f"group?name={GROUP}", f"configs?topic={TOPIC}"]
)
def test_each_page_has_its_command_and_its_json(page: UiProcess, address: str) -> None:
    shown = get(page.url + address).text

    (line,) = re.findall(r'<code id="command">(.*?)</code>', shown)
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {line.replace('&#39;', chr(39))}"], capture_output=True, text=True
    )
    command, *rest = words.stdout.splitlines()
    assert command == "pk"
    assert pk(*rest).returncode == 0
    (beside,) = re.findall(r'<a href="([^"]*)">This page as JSON', shown)
    assert page.document(beside.removeprefix("/"))


def test_names_are_text_and_not_markup(page: UiProcess) -> None:
    response = get(page.url + "topics", params={"filter": '"><script>alert(1)</script>'})

    assert "<script>alert" not in response.text


def test_a_cluster_that_comes_back_is_shown_again(tmp_path: Path) -> None:
    with_page = RunningCluster(tmp_path / "data", ports=(free_port(), free_port()))
    page = UiProcess(tmp_path, with_page.bootstrap)
    try:
        assert get(page.url).status_code == 200
        with_page.stop()
        assert get(page.url).status_code == 502
        with_page.start()
        assert get(page.url).status_code == 200
    finally:
        page.stop(signal.SIGTERM)
        with_page.stop()


def test_up_serves_the_page_as_well(tmp_path: Path) -> None:
    running = RunningCluster(tmp_path / "data", extra=("--ui", "--ui-port", "0"))
    try:
        (url,) = re.findall(r"The cluster is shown at (http://\S+)", running.said())
        assert get(url + ".json").json()["controller"] == 0
    finally:
        assert running.stop() == 0


def test_a_port_in_use_is_an_error_that_names_the_owner(tmp_path: Path, page: UiProcess) -> None:
    port = page.url.rstrip("/").rpartition(":")[2]

    done = pk("ui", "127.0.0.1:1", "--port", port)

    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: address already in use" in done.stderr
    assert "--port 0 chooses a free port." in done.stderr


def test_a_host_without_an_address_is_an_error_at_once() -> None:
    done = pk("ui", "pk.invalid:9092", "--port", "0")

    assert done.returncode == 1
    assert "pk.invalid:9092" in done.stderr


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] in ("uvicorn", "starlette", "jinja2")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [each for each in sys.modules if each.startswith("pykafka_cli.ui.")]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def importing(name: str, *rest: object, **more: object) -> object:
        if name.partition(".")[0] == "starlette":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", importing)

    with pytest.raises(ScriptError, match="needs starlette") as raised:
        new_ui("127.0.0.1:1", None)
    assert raised.value.hint == "pip install 'pk-kafka[ui]' installs it."


def test_other_commands_do_not_import_the_page() -> None:
    check = "import sys, pykafka_cli.cli, pykafka_cli.commands.up, pykafka_cli.commands.ui; print(sorted(sys.modules))"

    loaded = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout

    assert not re.search(r"'(starlette|uvicorn|jinja2|pykafka_cli\.ui)['.]", loaded)


def test_the_page_is_on_the_loopback_interface_only() -> None:
    with listen(0, "--port") as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
