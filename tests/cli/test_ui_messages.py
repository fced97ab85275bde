"""Messages on the page of pk ui: where a search starts, what it finds, what is sent; and by clicks in Chromium."""

import html
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import Browser, chromium
from tests.support.peers import program
from tests.support.running import RunningCluster, pk
from tests.support.ui_process import UiProcess, get, post

TOPIC = "ui-messages"
LINES = "".join(f'trace:{number % 3}\tk{number % 5}\t{{"n": {number}}}\n' for number in range(200))


@pytest.fixture(scope="module")
def page(cluster: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UiProcess]:
    at = ("--bootstrap-server", cluster.bootstrap)
    assert pk("topics", *at, "--create", "--topic", TOPIC, "--partitions", "3").returncode == 0
    keyed = ("--property", "parse.key=true", "--property", "parse.headers=true")
    assert pk("console-producer", *at, "--topic", TOPIC, *keyed, stdin=LINES).returncode == 0
    found = UiProcess(tmp_path_factory.mktemp("ui"), cluster.bootstrap, "--allow-changes")
    yield found
    assert found.stop(signal.SIGINT) == 0


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    program("chromium", "Debian's package chromium has it")
    with chromium(tmp_path / "profile") as found:
        yield found
        assert not found.problems


def numbers(page: UiProcess, query: str) -> list[int]:
    records = page.document(f"messages.json?topic={TOPIC}&{query}")["records"]
    return [int(re.findall(r"\d+", each["value"])[0]) for each in records]


def test_newest_and_oldest_go_over_all_partitions(page: UiProcess) -> None:
    assert sorted(numbers(page, "from=oldest&limit=1000")) == list(range(200))
    assert sorted(numbers(page, "from=newest&limit=1000")) == list(range(200))
    assert len(numbers(page, "from=newest&limit=7")) == 7


def test_an_offset_is_where_a_partition_begins(page: UiProcess) -> None:
    found = page.document(f"messages.json?topic={TOPIC}&from=offset&partition=0&offset=5&limit=3")["records"]

    assert [(each["partition"], each["offset"]) for each in found] == [(0, 5), (0, 6), (0, 7)]


def test_a_time_is_where_later_records_begin(page: UiProcess) -> None:
    (some,) = page.document(f"messages.json?topic={TOPIC}&from=oldest&limit=1")["records"]

    assert len(numbers(page, f"from=time&time={some['timestamp']}&limit=1000")) == 200
    assert numbers(page, "from=time&time=2999-01-01T00:00") == []


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("key=k3", [number for number in range(200) if number % 5 == 3]),
        ("header=trace%3D2", [number for number in range(200) if number % 3 == 2]),
        ("path=.n%20%3D%20117", [117]),
        ("value=%22n%22%3A%20199", [199]),
    ],
)
def test_a_filter_finds_all_of_them(page: UiProcess, query: str, wanted: list[int]) -> None:
    assert sorted(numbers(page, f"from=newest&limit=1000&{query}")) == wanted


@pytest.mark.parametrize(
    "query",
    [
        "from=newest&limit=1000", "from=oldest&limit=1000", "from=offset&partition=0&offset=5&limit=3",
        "from=newest&limit=1000&key=k3&header=trace%3D2", "from=newest&limit=1000&path=.n%20%3D%20117",
        "from=oldest&limit=1000&value=%22n%22%3A%2019", "from=time&time=2020-01-01T00:00:00&limit=1000&header=trace",
        "from=oldest&partition=1&limit=1000",
    ],
)  # fmt: skip
def test_the_command_of_a_search_finds_the_same(page: UiProcess, query: str) -> None:
    shown = get(f"{page.url}messages?topic={TOPIC}&{query}").text
    (line,) = re.findall(r'<code id="command">(.*?)</code>', shown)
    program_, *words = shlex.split(html.unescape(line))

    done = pk(*words)

    assert (program_, done.returncode) == ("pk", 0), done.stderr
    assert sorted(int(number) for number in re.findall(r'"n": (\d+)', done.stdout)) == sorted(numbers(page, query))


def test_csv_has_a_line_for_each(page: UiProcess) -> None:
    response = get(f"{page.url}messages.csv?topic={TOPIC}&path=.n%3D117")

    assert response.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{TOPIC}.csv"
    names, line = response.text.splitlines()
    assert names == "topic,partition,offset,timestamp,key,value,headers"
    assert line.startswith(f"{TOPIC},")
    assert line.endswith(',k2,"{""n"": 117}",trace=0')


@pytest.mark.parametrize(
    "query", ["from=sideways", "from=time&time=noon", "path=a%20b", "partition=9", "limit=-1", "partition=x"]
)
def test_what_cannot_be_searched_for_is_rejected(page: UiProcess, query: str) -> None:
    for form in ("json", "csv"):
        assert get(f"{page.url}messages.{form}?topic={TOPIC}&{query}").status_code == 400


def test_a_search_reports_how_far_it_is(page: UiProcess) -> None:
    events = get(f"{page.url}messages.events?topic={TOPIC}&limit=1&path=.n%3D0").text

    assert "of 200 offsets" in events
    assert events.endswith("event: end\ndata: \n\n")
    assert get(f"{page.url}messages.events?topic=missing").text.count("event: end") == 1


def token_of(page: UiProcess) -> str:
    shown = get(f"{page.url}messages?topic={TOPIC}").text
    return str(re.findall(r'name="csrf_token" value="([^"]+)"', shown)[0])


def test_a_record_is_sent_with_the_token_of_the_page(page: UiProcess) -> None:
    form = {"csrf_token": token_of(page), "topic": TOPIC, "key": "sent", "value": "v", "headers": "a: b"}

    sent = post(f"{page.url}produce", data=form).json()

    (found,) = page.document(f"messages.json?topic={TOPIC}&key=sent")["records"]
    assert (found["partition"], found["offset"]) == (sent["partition"], sent["offset"])
    assert (found["value"], found["headers"]) == ("v", [{"key": "a", "value": "b"}])


@pytest.mark.parametrize("token", [None, "", "guessed", "é"])
def test_nothing_is_sent_without_the_token(page: UiProcess, token: str | None) -> None:
    form = {"topic": TOPIC, "value": "forged", **({} if token is None else {"csrf_token": token})}

    assert post(f"{page.url}produce", data=form).status_code == 403
    assert page.document(f"messages.json?topic={TOPIC}&value=forged")["records"] == []


def test_nothing_is_sent_by_another_site(page: UiProcess) -> None:
    form = {"csrf_token": token_of(page), "topic": TOPIC, "value": "forged"}

    response = post(f"{page.url}produce", data=form, headers={"Origin": "http://evil.example"})

    assert response.status_code == 403


def test_a_topic_that_is_missing_is_not_created_by_sending_to_it(page: UiProcess) -> None:
    form = {"csrf_token": token_of(page), "topic": "ui-missing", "value": "v"}

    assert post(f"{page.url}produce", data=form).status_code == 404
    assert page.document("topics.json?filter=ui-missing")["topics"] == []


def test_a_page_that_is_read_only_sends_nothing(cluster: RunningCluster, tmp_path: Path) -> None:
    page = UiProcess(tmp_path, cluster.bootstrap)
    try:
        assert "Produce" not in get(f"{page.url}messages?topic={TOPIC}").text
        response = post(f"{page.url}produce", data={"topic": TOPIC, "value": "v"})
        assert response.status_code == 403
        assert "--allow-changes" in response.text
    finally:
        page.stop(signal.SIGTERM)


def test_clicks_lead_from_the_topics_to_what_was_searched_for(page: UiProcess, browser: Browser) -> None:
    browser.open(page.url)
    browser.click('nav a[href="/topics"]')
    browser.click(f'a[href="/topic?name={TOPIC}"]')
    browser.click(f'a[href="/messages?topic={TOPIC}"]')
    browser.sees("document.querySelectorAll('#rows tr').length === 50")
    browser.click('input[name="path"]')
    browser.type(".n = 117")
    browser.click(".search .buttons button")

    browser.sees("document.querySelectorAll('#rows tr').length === 1")

    assert '{"n": 117}' in browser.text("#rows")
    browser.sees("document.getElementById('progress').innerText.includes('1 found among')")


def test_what_arrives_stays_after_stopping(page: UiProcess, browser: Browser, cluster: RunningCluster) -> None:
    send = ("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", TOPIC)
    browser.open(f"{page.url}messages?topic={TOPIC}&live=1&value=live")
    browser.sees("document.getElementById('progress').innerText.startsWith('Live')")
    assert pk(*send, stdin="live one\n").returncode == 0
    browser.sees("document.querySelectorAll('#rows tr').length === 1")

    browser.click("#stop")
    browser.sees("document.getElementById('stop').disabled && !document.getElementById('stream')")
    assert pk(*send, stdin="live two\n").returncode == 0

    assert page.document(f"messages.json?topic={TOPIC}&value=live%20two")["records"], "it has arrived"
    assert browser.text("#rows").count("live") == 1


def test_a_deserializer_shows_what_the_bytes_mean(page: UiProcess, cluster: RunningCluster) -> None:
    form = {
        "csrf_token": token_of(page),
        "topic": TOPIC,
        "key": "00 00 00 07",
        "key_as": "hex",
        "value": "/wAB",
        "value_as": "base64",
    }
    assert post(f"{page.url}produce", data=form).status_code == 200

    (number,) = page.document(f"messages.json?topic={TOPIC}&key_as=Integer&key=7&value_as=hex&value=ff")["records"]
    (unsaid,) = page.document(f"messages.json?topic={TOPIC}&value=ff%2000")["records"]

    assert (number["key"], number["key_base64"]) == ("7", "AAAABw==")
    assert (number["value"], number["value_base64"]) == ("ff 00 01", "/wAB")
    assert unsaid["key"] == "\0\0\0\x07"
    assert "key_base64" not in unsaid


@pytest.mark.parametrize(
    "form", [{"value": "0g", "value_as": "hex"}, {"value": "/", "value_as": "base64"}, {"key_as": "x"}]
)
def test_a_text_that_is_not_of_its_form_is_not_sent(page: UiProcess, form: dict[str, str]) -> None:
    words = {"csrf_token": token_of(page), "topic": TOPIC, "key": "k", **form}

    assert post(f"{page.url}produce", data=words).status_code == 400


def test_bytes_are_sent_again_by_clicks_as_they_are(page: UiProcess, browser: Browser) -> None:
    form = {
        "csrf_token": token_of(page), "topic": TOPIC, "value": "/v8=", "value_as": "base64", "key": "again",
        "headers": "h:: /w==\nt: text",
    }  # fmt: skip
    assert post(f"{page.url}produce", data=form).status_code == 200
    browser.open(f"{page.url}messages?topic={TOPIC}&key=again")
    browser.click("#rows .again")
    browser.click("#produce form button")

    browser.sees("document.getElementById('sent').innerText.startsWith('Sent')")

    one, other = page.document(f"messages.json?topic={TOPIC}&key=again")["records"]
    assert one["value_base64"] == other["value_base64"] == "/v8="
    assert one["headers"] == other["headers"]
    assert one["headers"][0] == {"key": "h", "value": "ff", "value_base64": "/w=="}


def test_clicks_lead_down_the_tree_which_changes_by_itself(
    page: UiProcess, browser: Browser, cluster: RunningCluster
) -> None:
    browser.open(f"{page.url}znodes")
    browser.click('a[href="/znodes?path=%2Fbrokers"]')
    browser.click('a[href="/znodes?path=%2Fbrokers%2Ftopics"]')
    browser.sees(f"document.querySelector('.tree').innerText.includes('{TOPIC}')")

    created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "ui-of-the-tree")

    assert created.returncode == 0
    browser.sees("document.querySelector('.tree').innerText.includes('ui-of-the-tree')")
    browser.sees("document.querySelector('.changes').innerText.includes('/brokers/topics/ui-of-the-tree is new')")


def test_clicks_lead_from_a_topic_to_its_segments(page: UiProcess, browser: Browser) -> None:
    browser.open(f"{page.url}topic?name={TOPIC}")
    browser.click(f'a[href="/logs?filter={TOPIC}"]')
    browser.click(f'a[href="/segments?topic={TOPIC}&partition=0&broker=0"]')

    browser.sees("document.querySelector('main').innerText.includes('leader-epoch-checkpoint')")


def test_a_record_is_sent_again_by_clicks(page: UiProcess, browser: Browser) -> None:
    browser.open(f"{page.url}messages?topic={TOPIC}&path=.n%20%3D%2042")
    browser.click("#rows .again")
    browser.click("#produce form button")

    browser.sees("document.getElementById('sent').innerText.startsWith('Sent')")

    records = page.document(f"messages.json?topic={TOPIC}&path=.n%3D42")["records"]
    assert [(each["key"], each["value"], each["headers"]) for each in records] == [
        ("k2", '{"n": 42}', [{"key": "trace", "value": "0"}])
    ] * 2


def test_a_page_that_was_an_error_becomes_the_whole_page_by_itself(
    page: UiProcess, browser: Browser, cluster: RunningCluster
) -> None:
    browser.open(f"{page.url}topic?name=ui-later")
    browser.sees("document.querySelector('main').innerText.includes('This page retries.')")
    browser.problems.clear()  # that there is no such topic yet

    created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "ui-later")

    assert created.returncode == 0
    browser.sees("document.querySelector('main h1').innerText === 'Topic ui-later'")
    browser.sees("document.title.startsWith('ui-later')")
    browser.sees("document.getElementById('readers') !== null")
    browser.problems.clear()


def test_keys_filter_and_pause(page: UiProcess, browser: Browser) -> None:
    browser.open(f"{page.url}topics")
    browser.press("p")
    assert browser.evaluate("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    browser.press("/")
    assert browser.evaluate("document.activeElement.name") == "filter"


@pytest.mark.parametrize("address", ["", "topics", f"topic?name={TOPIC}", "groups", f"messages?topic={TOPIC}"])
def test_no_page_is_wider_than_a_telephone(page: UiProcess, browser: Browser, address: str) -> None:
    browser.resize(390, 800)
    browser.open(page.url + address)

    assert browser.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark_and_light(page: UiProcess, browser: Browser) -> None:
    browser.prefer("dark")
    browser.open(page.url)
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    browser.click("#theme")

    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") != dark
