"""pk ui while brokers stand still, die, or are far away: every page responds, and says what is missing."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.support.chromium import chromium
from tests.support.far_cluster import FAR, Proxy
from tests.support.peers import program
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import RunningCluster, pk
from tests.support.ui_process import UiProcess, get

TOPIC = "ui-trouble"
GROUPS = [f"ui-trouble-{number}" for number in range(12)]
PAGES = [
    "", "topics", f"topic?name={TOPIC}", "groups", f"readers?name={TOPIC}", f"configs?topic={TOPIC}", "transactions",
    "logs", "znodes", f"messages?topic={TOPIC}",
]  # fmt: skip


@pytest.fixture(scope="module")
def cluster_in_trouble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """Three brokers, which stay in the cluster for a minute while they stand still, but soon leave ISRs."""
    folder = tmp_path_factory.mktemp("trouble")
    settings = ("zookeeper.session.timeout.ms=60000", "replica.lag.time.max.ms=4000")
    overrides = [word for each in settings for word in ("--override", each)]
    running = RunningCluster(folder / "data", extra=("--brokers", "3", *overrides))
    at = ("--bootstrap-server", running.bootstrap)
    layout = ("--partitions", "6", "--replication-factor", "3")
    assert pk("topics", *at, "--create", "--topic", TOPIC, *layout).returncode == 0
    lines = "".join(f"k{number}\tv{number}\n" for number in range(60))
    keyed = ("--property", "parse.key=true")
    assert pk("console-producer", *at, "--topic", TOPIC, *keyed, stdin=lines).returncode == 0
    for group in GROUPS:
        reset = ("--reset-offsets", "--to-latest", "--execute", "--topic", TOPIC)
        assert pk("consumer-groups", *at, "--group", group, *reset).returncode == 0
    yield running
    running.expect_standstill()
    running.stop()


@pytest.fixture(scope="module")
def page(cluster_in_trouble: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UiProcess]:
    found = UiProcess(tmp_path_factory.mktemp("ui"), cluster_in_trouble.bootstrap)
    assert len(found.document(f"readers.json?name={TOPIC}")["groups"]) == len(GROUPS)
    yield found
    found.stop(signal.SIGTERM)


def partitions(page: UiProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.document(f"topic.json?name={TOPIC}")["partitions"]
    return found


def produce_to(numbers: list[int], cluster: RunningCluster) -> None:
    """What a follower does not have makes it fall behind."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": 1, "log_level": 0})
    for number in numbers:
        producer.produce(TOPIC, b"newer", partition=number)
    assert producer.flush(60) == 0


@pytest.fixture(params=[2, 0])
def still(request: pytest.FixtureRequest, cluster_in_trouble: RunningCluster, page: UiProcess) -> Iterator[int]:
    """A broker that stands still; 0 is the one that the page is connected to."""
    where = ("--data-dir", str(cluster_in_trouble.data_dir))
    assert pk("broker", "pause", str(request.param), *where).returncode == 0
    yield int(request.param)
    assert pk("broker", "resume", str(request.param), *where).returncode == 0
    until(lambda: page.document("groups.json")["missing"] == [])


def test_every_page_responds_while_a_broker_stands_still(page: UiProcess, still: int) -> None:
    responses = {address: get(page.url + address) for address in PAGES}

    assert {address: found.status_code for address, found in responses.items()} == dict.fromkeys(PAGES, 200)
    missing = f"Broker {still} does not respond"
    assert missing in responses["groups"].text
    assert missing in responses["transactions"].text
    assert missing in responses[f"readers?name={TOPIC}"].text
    assert "no response" in responses[f"topic?name={TOPIC}"].text


def test_what_is_missing_is_said_and_the_rest_is_there(page: UiProcess, still: int) -> None:
    groups = page.document("groups.json")
    topic = page.document(f"topic.json?name={TOPIC}")
    messages = page.document(f"messages.json?topic={TOPIC}&from=oldest&limit=100")
    readers = page.document(f"readers.json?name={TOPIC}")

    assert [each["broker"] for each in groups["missing"]] == [still]
    assert 0 < len(groups["groups"]) < len(GROUPS)
    silent = [each["partition"] for each in topic["partitions"] if each["log_end"] is None]
    assert {each["leader"] for each in topic["partitions"] if each["log_end"] is None} == {still}
    assert messages["missing"] == silent
    assert {each["partition"] for each in messages["records"]} == {*range(6)} - {*silent}
    assert [each["broker"] for each in readers["missing"]] == [still]
    assert readers["groups"]


def test_a_group_whose_coordinator_stands_still_is_as_it_was_seen(page: UiProcess, still: int) -> None:
    listed = {each["group"] for each in page.document("groups.json")["groups"]}
    name = min({*GROUPS} - listed)

    found = page.document(f"group.json?name={name}")
    shown = get(f"{page.url}group?name={name}")

    assert found["coordinator"] == still
    assert [each["broker"] for each in found["missing"]] == [still]
    assert found["members"] is found["partitions"] is found["seen_at"] is None
    assert f"Broker {still}, the coordinator of this group, does not respond" in shown.text
    assert "Only it knows members and offsets." in shown.text


def test_a_search_in_the_browser_says_which_partitions_it_leaves_out(
    page: UiProcess, still: int, tmp_path: Path
) -> None:
    program("chromium", "Debian's package chromium has it")
    with chromium(tmp_path / "profile") as browser:
        browser.open(f"{page.url}messages?topic={TOPIC}&from=oldest")
        browser.sees("document.getElementById('progress').innerText.includes('not searched')")
        assert browser.evaluate("document.querySelectorAll('#rows tr').length") > 0

        browser.click('nav a[href="/groups"]')
        browser.sees(f"document.querySelector('main').innerText.includes('Broker {still} does not respond')")


def test_a_broker_that_dies_is_shown_by_itself(
    cluster_in_trouble: RunningCluster, page: UiProcess, tmp_path: Path
) -> None:
    """Long before its session ends. Not the controller, without which no ISR shrinks."""
    program("chromium", "Debian's package chromium has it")
    where = ("--data-dir", str(cluster_in_trouble.data_dir))
    dying = 1 if page.document(".json")["controller"] != 1 else 2
    until(lambda: all(len(each["isr"]) == 3 for each in partitions(page)))
    with chromium(tmp_path / "profile") as browser:
        browser.open(page.url)
        browser.sees("document.querySelectorAll('li.card:not(.down)').length === 3")

        assert pk("broker", "kill", str(dying), *where).returncode == 0

        browser.sees(f"document.querySelector('main').innerText.includes('broker {dying} does not respond')")
        browser.open(f"{page.url}topic?name={TOPIC}")
        produce_to([each["partition"] for each in partitions(page) if each["leader"] != dying], cluster_in_trouble)
        browser.sees(f"document.querySelector('main').innerText.includes('broker {dying} has left the ISR')")
        until(lambda: all(dying not in each["isr"] for each in partitions(page) if each["leader"] != dying))
        responses = {address: get(page.url + address).status_code for address in PAGES}
    assert pk("broker", "start", str(dying), *where).returncode == 0

    assert responses == dict.fromkeys(PAGES, 200)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[UiProcess]:
    """The page of a cluster of which each byte takes 100 ms, in both directions."""
    port = free_port()
    proxy = Proxy(port, FAR)
    running = RunningCluster(
        tmp_path / "data", ports=(port, free_port()), extra=("--advertise", f"127.0.0.1:{proxy.port}")
    )
    at = ("--bootstrap-server", f"127.0.0.1:{proxy.port}", "--topic", TOPIC)
    assert pk("topics", *at, "--create", "--partitions", "3").returncode == 0
    assert pk("console-producer", *at, stdin="one\ntwo\nthree\n").returncode == 0
    found = UiProcess(tmp_path, f"127.0.0.1:{proxy.port}", "--allow-changes")
    yield found
    found.stop(signal.SIGTERM)
    running.stop()
    proxy.close()


def test_every_page_responds_far_away(far: UiProcess) -> None:
    responses = {address: get(far.url + address).status_code for address in PAGES}

    assert responses == dict.fromkeys(PAGES, 200)


def test_clicks_work_far_away(far: UiProcess, tmp_path: Path) -> None:
    program("chromium", "Debian's package chromium has it")
    with chromium(tmp_path / "profile") as browser:
        browser.open(far.url)
        browser.click('nav a[href="/topics"]')
        browser.click(f'a[href="/topic?name={TOPIC}"]')
        browser.sees("document.getElementById('readers') !== null")
        browser.click(f'a[href="/messages?topic={TOPIC}&live=1"]')
        browser.sees("document.getElementById('progress').innerText.startsWith('Live')")
        browser.click("#produce summary")
        browser.click('#produce input[name="key"]')
        browser.type("from-far")
        browser.click("#produce form button")

        browser.sees("document.querySelector('#rows')?.innerText.includes('from-far')")
